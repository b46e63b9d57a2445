// Text that goes into HTML and SVG: the four characters with a meaning there are written as entities, and control characters,
// which XML does not allow, are left out (line ends and tabs stay).
#pragma once

#include <string>
#include <string_view>

namespace orrery {

std::string markup_escaped(std::string_view text);

}  // namespace orrery
