#include "sim/catalog.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>

#include <fmt/format.h>

#include "sim/printable.hpp"

namespace orrery {

namespace {

constexpr std::size_t longest_name = 64;    // longer words are no typos of a name of ours
constexpr std::size_t longest_quoted = 60;  // bytes of user text repeated in a message

char folded(char c) {
  if (c == '_' || c == '/') return '-';
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

// Optimal string alignment (Damerau-Levenshtein without repeated edits of one place): a swap of neighbours, the most
// common slip, counts once. Case and _ against - or / count nothing, so that they always find their candidate.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = folded(a[i - 1]) == folded(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0U : 1U)});
      const bool swapped = i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
                           folded(a[i - 2]) == folded(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(above);
    above.swap(row);
  }
  return above[b.size()];
}

bool goes_on_after(std::string_view word, std::string_view name) {
  return word.size() > name.size() && folded(word[name.size()]) == '-' &&
         std::equal(name.begin(), name.end(), word.begin(), [](char x, char y) { return folded(x) == folded(y); });
}

bool contains(std::string_view text, std::string_view part) {
  return std::search(text.begin(), text.end(), part.begin(), part.end(),
                     [](char x, char y) { return folded(x) == folded(y); }) != text.end();
}

}  // namespace

std::string nearest(std::string_view word, std::span<const std::string> candidates) {
  if (word.empty() || word.size() > longest_name) return "";
  const std::string* best = nullptr;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;  // one slip in three letters
  best_distance = std::min(best_distance, word.size());                       // something of the word must remain
  for (const std::string& candidate : candidates) {
    if (candidate.size() > 2 * longest_name) continue;
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance || (distance == 0 && !best)) {
      best = &candidate;
      best_distance = distance;
    }
  }
  if (best || word.size() < 3) return best ? *best : "";
  for (const std::string& candidate : candidates)
    if (contains(candidate, word) && (!best || candidate.size() < best->size())) best = &candidate;
  if (best) return *best;
  for (const std::string& candidate : candidates)
    if (goes_on_after(word, candidate) && (!best || candidate.size() > best->size())) best = &candidate;
  return best ? *best : "";
}

std::string quote(std::string_view word) { return '"' + printable(word, longest_quoted, "\"\\") + '"'; }

std::string quote_unknown(std::string_view word, std::span<const std::string> candidates) {
  const std::string near = nearest(word, candidates);
  return near.empty() ? quote(word) : fmt::format("{} (did you mean {}?)", quote(word), quote(near));
}

}  // namespace orrery
