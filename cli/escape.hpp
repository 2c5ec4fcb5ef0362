#pragma once

#include <string>
#include <string_view>

namespace ioa::cli {

/// `text` made safe to print as part of one line: control characters become \n, \t, \r, \0 or \xHH,
/// a backslash is doubled, and so are bytes that are no valid UTF-8 written as \xHH. Control
/// characters of Unicode that could reorder or break a line (C1, U+2028, U+2029, the directional
/// ones) become \u{HEX}. For what a peer, a name server or a user sent.
std::string escape(std::string_view text);

/// An argument as an error line shows it: escaped, cut after 200 bytes, and '' if it is empty.
std::string escape_argument(std::string_view text);

}  // namespace ioa::cli
