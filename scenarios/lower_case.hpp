// Letters of ASCII made small, for words that people write in any case: names of frameworks, "TRUE", "OOM". Other letters stay
// as they are: nothing that is looked up here has any.
#pragma once

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

namespace orrery {

inline std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// Letters and digits alone: "Adam (fused)" is "adamfused", "AllReduce" and "all-reduce" are one.
inline std::string bare_name(std::string_view name) {
  std::string text;
  for (const char c : lower_case(std::string(name)))
    if (std::isalnum(static_cast<unsigned char>(c))) text += c;
  return text;
}

}  // namespace orrery
