// What of fmt is no template, compiled once: Debian has it as a shared library only, which would
// cost the program start-up time, and fmt's header-only mode compiles it anew for every source.
#include <fmt/format-inl.h>

namespace fmt::detail {

template auto thousands_sep_impl<char>(locale_ref) -> thousands_sep_result<char>;
template auto decimal_point_impl(locale_ref) -> char;

}  // namespace fmt::detail
