// Letters of ASCII made small, for words that people write in any case: names of frameworks, "TRUE", "OOM". Other letters stay
// as they are: nothing that is looked up here has any.
#pragma once

#include <algorithm>
#include <cctype>
#include <string>

namespace orrery {

inline std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace orrery
