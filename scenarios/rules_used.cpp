// Lines of rules: written for one row, counted over many.
#include <algorithm>

#include "scenarios/measured_rules.hpp"

namespace orrery {

const std::set<std::string>& RulesUsed::what(Rule rule) const {
  static const std::set<std::string> nothing;
  const auto found = what_.find(rule);
  return found == what_.end() || count(rule) == 0 ? nothing : found->second;
}

namespace {

constexpr std::string_view between_rules = ", ", between_notes = "; ", note_begins = " (";

// What a row calls something, without the signs that a line of rules is taken apart by.
std::string note_text(std::string text) {
  std::replace(text.begin(), text.end(), ',', ' ');
  std::replace(text.begin(), text.end(), ';', ' ');
  return text;
}

}  // namespace

std::string rules_line(const RulesUsed& used) {
  std::string line;
  for (const Rule rule : used) {
    if (!line.empty()) line += between_rules;
    line += rule_text(rule).name;
    std::string notes;
    for (const std::string& what : used.what(rule)) {
      if (!notes.empty()) notes += between_notes;
      notes += note_text(what);
    }
    if (!notes.empty()) line += std::string(note_begins) + notes + ")";
  }
  return line;
}

void count_rules(std::string_view line, std::map<std::string, RuleCount, std::less<>>& counts) {
  const auto next = [](std::string_view& text, std::string_view separator) {
    const std::size_t end = std::min(text.find(separator), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + separator.size(), text.size()));
    return part;
  };
  while (!line.empty()) {
    std::string_view notes = next(line, between_rules);
    const std::string_view name = next(notes, note_begins);
    RuleCount& count = counts[std::string(name)];
    ++count.rows;
    if (!notes.empty()) notes.remove_suffix(1);
    while (!notes.empty()) ++count.what[std::string(next(notes, between_notes))];
  }
}

}  // namespace orrery
