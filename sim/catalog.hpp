// A catalog is a plain, explicit table of {name, one-line description, value}. It serves look-up, "did you mean",
// `orrery list` and the tests that loop over everything of one kind. Adding something is one line in its table.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace orrery {

template <class T> struct CatalogEntry {
  std::string_view name;
  std::string_view description;
  T value;
};

// The candidate with the smallest edit distance to `word`; when none is near enough to be a likely typo, the shortest one
// that contains it ("h100" of "nvidia-h100-sxm5-80gb"), else the longest that it goes on after ("host_link_rate"); else "".
std::string nearest(std::string_view word, std::span<const std::string> candidates);
// How a word of the user is repeated in a message: in double quotes, control characters escaped, cut when long.
std::string quote(std::string_view word);
// "\"x\" (did you mean \"y\"?)": how an unknown name is quoted in a fault.
std::string quote_unknown(std::string_view word, std::span<const std::string> candidates);

template <class T> std::vector<std::string> names(std::span<const CatalogEntry<T>> catalog) {
  std::vector<std::string> all;
  for (const auto& entry : catalog) all.emplace_back(entry.name);
  return all;
}

// Null when absent.
template <class T> const CatalogEntry<T>* find(std::span<const CatalogEntry<T>> catalog, std::string_view name) {
  for (const auto& entry : catalog)
    if (entry.name == name) return &entry;
  return nullptr;
}

}  // namespace orrery
