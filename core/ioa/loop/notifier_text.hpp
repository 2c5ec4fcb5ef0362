#pragma once

#include <string>
#include <typeinfo>

namespace ioa {

class Notifier;

/// The name of a class without namespaces: "Stream".
std::string class_name(const std::type_info& type);

/// What a notifier is, for people: its class without namespaces, its name and its state, as in
/// "Stream{upstream,rw=4}"; without braces if it has neither.
std::string notifier_text(const Notifier& notifier);

/// The same with the chain of its parents: "Stream{rw=4}<-LineProtocol{smtp}".
std::string notifier_chain(const Notifier& notifier);

}  // namespace ioa
