#include "ioa/loop/notifier_text.hpp"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>

#include "ioa/loop/notifier.hpp"

namespace ioa {

std::string class_name(const std::type_info& type) {
  const char* mangled = type.name();
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> whole(
      abi::__cxa_demangle(mangled, nullptr, nullptr, &status), &std::free);
  std::string name = whole ? whole.get() : mangled;
  // The last "::" that is in no brackets: those of "(anonymous namespace)", of template arguments,
  // and of the function that a local class is in.
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t i = 0; i + 1 < name.size(); ++i) {
    if (name[i] == '<' || name[i] == '(') ++depth;
    if (name[i] == '>' || name[i] == ')') --depth;
    if (depth == 0 && name[i] == ':' && name[i + 1] == ':') begin = i + 2;
  }
  return name.substr(begin);
}

std::string notifier_text(const Notifier& notifier) {
  std::string text = class_name(typeid(notifier));
  const std::string state = notifier.describe();
  if (notifier.name().empty() && state.empty()) return text;
  text.append("{").append(notifier.name());
  if (!notifier.name().empty() && !state.empty()) text += ",";
  return text + state + "}";
}

std::string notifier_chain(const Notifier& notifier) {
  std::string text = notifier_text(notifier);
  for (const Notifier* parent = notifier.parent(); parent != nullptr; parent = parent->parent())
    text += "<-" + notifier_text(*parent);
  return text;
}

}  // namespace ioa
