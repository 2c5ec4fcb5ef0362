#include "ioa/loop/trace.hpp"

#include <string>

#include "ioa/loop/notifier_text.hpp"

namespace ioa::detail {

void trace_step(const Notifier& who, TraceStep step) {
  const std::string subject = notifier_chain(who);
  step.subject = subject;
  who.loop()->trace_sink()->trace(step);
}

void trace_event(const Notifier& who, const std::type_info& raised_by, std::string_view event) {
  const bool is_own = typeid(who) == raised_by;
  std::string text = "EVENT ";
  if (!is_own) text += class_name(raised_by) + "::";
  text += event;
  trace_step(who, {{}, text, is_own ? 1 : 2});
}

}  // namespace ioa::detail
