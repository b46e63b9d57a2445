// A resolved scenario as a table for people, and in full below it. Reads the JSON that a result embeds, and shows what of
// it is there: results of other versions may have more or less.
#pragma once

#include <string>

#include "sim/json.hpp"

namespace orrery {

std::string scenario_html(const Json& scenario);

}  // namespace orrery
