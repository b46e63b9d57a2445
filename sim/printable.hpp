// Text from outside as messages repeat it: bounded, and without the control characters that move a terminal's cursor or end
// a line of a report.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace orrery {

// C0, DEL and, in UTF-8, C1.
bool has_control_characters(std::string_view text);
// Control characters as JSON writes them (\u001b), the characters `also` behind a backslash; cut to at most `longest`
// bytes of `text`, and "..." where something is missing, never inside a UTF-8 sequence.
std::string printable(std::string_view text, std::size_t longest, std::string_view also = "");

}  // namespace orrery
