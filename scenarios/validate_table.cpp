#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "scenarios/cli.hpp"
#include "scenarios/csv.hpp"
#include "scenarios/lower_case.hpp"
#include "scenarios/measured.hpp"
#include "scenarios/nccl_log.hpp"
#include "scenarios/unknown_key.hpp"
#include "scenarios/validate_own.hpp"
#include "sim/catalog.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

struct TimeKey {
  std::string_view key;
  StepQuantity quantity;
  double scale;
};
constexpr std::array<TimeKey, 5> time_keys = {{{"time_s", StepQuantity::seconds, 1},
                                               {"time_ms", StepQuantity::seconds, 1e-3},
                                               {"samples_per_s", StepQuantity::samples_per_s, 1},
                                               {"tokens_per_s", StepQuantity::tokens_per_s, 1},
                                               {"tokens_per_s_per_device", StepQuantity::tokens_per_s_per_device, 1}}};

struct Column {
  std::string key;        // "time_ms", "/jobs/0/plan/tensor"
  std::size_t index = 0;  // in the file
};

std::vector<Column> find_columns(const std::vector<std::string>& wanted, const std::vector<std::string>& header,
                                 const std::string& file) {
  std::vector<std::string> keys = {"id", "iteration"};
  for (const TimeKey& time : time_keys) keys.emplace_back(time.key);
  std::vector<Column> columns;
  std::size_t times = 0;
  for (const std::string& text : wanted) {
    // A pointer may hold "=", a key of ours not; headings may hold anything.
    const std::size_t equals = text.find('=');
    const std::string key = text.substr(0, equals);
    if (equals == std::string::npos || key.empty())
      throw UsageError(fmt::format("--column {}: expected KEY=HEADING, e.g. time_ms=step_time", quote(text)));
    if (key[0] != '/' && std::find(keys.begin(), keys.end(), key) == keys.end())
      throw UsageError(fmt::format("--column: expected one of {} or a JSON pointer, found {}", fmt::join(keys, ", "),
                                   quote_unknown(key, keys)));
    const std::string heading = csv_value(text.substr(equals + 1), ',');
    const auto at = std::find(header.begin(), header.end(), heading);
    if (at == header.end())
      throw SpecError(file, "line 1", fmt::format("a column {} (--column {})", quote(heading), text),
                      fmt::format("{}; the columns are {}", quote_unknown(heading, header), fmt::join(header, ", ")));
    for (const TimeKey& time : time_keys) times += time.key == key ? 1 : 0;
    for (const Column& other : columns)
      if (other.key == key) throw UsageError(fmt::format("--column: {} is given twice", key));
    columns.push_back({key, static_cast<std::size_t>(at - header.begin())});
  }
  if (times != 1)
    throw UsageError(fmt::format("--column: expected exactly one of {}, found {}",
                                 fmt::join(keys.begin() + 2, keys.end(), ", "), times));
  return columns;
}

// What runs that failed have for a time: nothing, a dash or a word, but no number.
bool is_no_time(const std::string& word) {
  return std::none_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// `zero`: counts may begin there.
double positive(const std::string& word, const std::string& file, std::size_t line, const std::string& key,
                bool zero = false) {
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size() || !std::isfinite(value) ||
      !(value > 0 || (zero && value == 0)))
    throw SpecError(file, fmt::format("line {}", line),
                    fmt::format("a positive number as {}{}", key, zero ? " or 0" : ""), quote(word));
  return value;
}

// What tables write for runs without a result.
bool says_failed(const std::string& word) {
  constexpr std::array<std::string_view, 9> marks = {"",      "-",   "oom", "out of memory", "fail", "failed",
                                                     "crash", "n/a", "nan"};
  return std::find(marks.begin(), marks.end(), lower_case(word)) != marks.end();
}

// The run that a row belongs to, and its iteration.
struct RowReader {
  const std::string& file;
  const std::vector<Column>& columns;
  const ScenarioDocument& scenario;
  std::vector<OwnRun> runs;
  std::vector<std::string> keys_of_runs;
  std::vector<std::size_t> untimed;  // lines, of the run

  void row(const std::vector<std::string>& cells, std::size_t line) {
    std::string id, settings, key, no_time;
    bool timed = true, whole = true;
    std::vector<std::string> notes;
    LoggedStep step;
    for (const Column& column : columns) {
      const std::string& cell = cells[column.index];
      if (column.key == "id") id = cell;
      if (column.key == "iteration") {
        step.number = std::llround(std::min(positive(cell, file, line, column.key, true), 1e15));
        whole = false;
      }
      for (const TimeKey& time : time_keys)
        if (time.key == column.key && is_no_time(cell)) {
          timed = false;
          no_time = cell;
        } else if (time.key == column.key) {
          step.value = positive(cell, file, line, column.key) * time.scale;
          step.quantity = time.quantity;
        }
      if (column.key[0] != '/') continue;
      settings += (settings.empty() ? "" : " ") + column.key.substr(column.key.rfind('/') + 1) + "=" + cell;
      key += column.key + "=" + cell + "\n";
      if (cell.empty()) notes.push_back(fmt::format("nothing for {}: the scenario's own value", column.key));
    }
    key += "\n" + id;
    auto at = static_cast<std::size_t>(std::find(keys_of_runs.begin(), keys_of_runs.end(), key) - keys_of_runs.begin());
    if (at == runs.size()) {
      keys_of_runs.push_back(key);
      untimed.push_back(0);
      const std::string stem = std::filesystem::path(file).stem().string();
      runs.push_back({!id.empty()         ? id
                      : !settings.empty() ? settings
                                          : stem,
                      "log/" + stem,
                      edited(cells, line),
                      {},
                      whole,
                      {},
                      notes});
      runs.back().log.file = file;
      runs.back().log.framework = "CSV";
    }
    if (timed) runs[at].log.steps.push_back(step);
    if (timed || untimed[at]++ > 0) return;
    runs[at].no_time = no_time;
  }

  void tell_untimed() {
    const auto timed = [](const OwnRun& run) { return !run.log.steps.empty(); };
    for (const OwnRun& run : runs)  // a column of names was meant for something else
      if (std::none_of(runs.begin(), runs.end(), timed) && !says_failed(run.no_time))
        throw SpecError(file, "", "a line with a time", "words only, such as " + quote(run.no_time));
    for (std::size_t i = 0; i < runs.size(); ++i)
      if (timed(runs[i]) && untimed[i] > 0)
        runs[i].notes.push_back(fmt::format("{} more {} {} for a time", untimed[i],
                                            untimed[i] == 1 ? "line has" : "lines have",
                                            runs[i].no_time.empty() ? "nothing" : quote(runs[i].no_time)));
  }

  ScenarioDocument edited(const std::vector<std::string>& cells, std::size_t line) const {
    ScenarioDocument document = scenario;
    for (const Column& column : columns)
      if (column.key[0] == '/' && !cells[column.index].empty())
        set_value(document.json, column.key + "=" + cells[column.index], fmt::format("{}, line {}", file, line));
    return document;
  }
};

// A pointer that the scenario has no value for would leave every run unsimulated.
void check_pointers(const std::vector<Column>& columns, const std::vector<std::string>& wanted,
                    const ScenarioDocument& edited, const std::string& file, const Library& library) {
  std::vector<Fault> faults;
  try {
    read_scenario(edited, library);
    return;
  } catch (const SpecError& error) {
    faults = error.faults();
  }
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (columns[c].key[0] != '/') continue;
    for (const Fault& fault : faults) {
      if (is_unknown_key(fault) && (columns[c].key + "/").starts_with(fault.pointer + "/"))
        throw SpecError(file, "line 1", fmt::format("a pointer to a value of the scenario (--column {})", wanted[c]),
                        fault.found);
    }
  }
}

}  // namespace

std::vector<OwnRun> runs_of_table(const std::filesystem::path& csv, const std::vector<std::string>& wanted,
                                  const ScenarioDocument& scenario, const Library& library) {
  const std::string file = csv.string();
  std::string text = read_log_text(csv, "a CSV of runs");
  without_byte_order_mark(text);
  std::vector<std::string> header;
  std::vector<Column> columns;
  char separator = ',';
  RowReader reader{file, columns, scenario, {}, {}, {}};
  std::size_t line = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view row = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++line;
    if (!row.empty() && row.back() == '\r') row.remove_suffix(1);
    if (row.empty()) continue;
    check_utf8(std::string(row), file, line);
    if (header.empty()) separator = csv_separator(row);
    std::vector<std::string> cells = split_csv_line(row, separator);
    for (std::string& cell : cells) cell = csv_value(cell, separator);
    if (header.empty()) {
      header = cells;
      columns = find_columns(wanted, header, file);
      continue;
    }
    if (cells.size() != header.size())
      throw SpecError(file, fmt::format("line {}", line), fmt::format("{} cells", header.size()),
                      fmt::format("{}", cells.size()));
    reader.row(cells, line);
  }
  if (!reader.runs.empty()) check_pointers(columns, wanted, reader.runs.front().scenario, file, library);
  if (reader.runs.empty())
    throw SpecError(file, "", "a line of headings and lines of runs or iterations",
                    fmt::format("{} {}", line, line == 1 ? "line" : "lines"));
  reader.tell_untimed();
  return std::move(reader.runs);
}

}  // namespace orrery
