#include "scenarios/nccl_log.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

#include "analysis/collective_table.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

struct NumberType {
  std::string_view name;
  double bytes;
};
constexpr NumberType number_types[] = {{"int8", 1},   {"uint8", 1},  {"int32", 4},    {"uint32", 4},  {"int64", 8},
                                       {"uint64", 8}, {"half", 2},   {"float", 4},    {"double", 8},  {"bfloat16", 2},
                                       {"f8e4m3", 1}, {"f8e5m2", 1}, {"fp8_e4m3", 1}, {"fp8_e5m2", 1}};
constexpr std::uintmax_t most_bytes = 256u << 20;

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> all;
  std::size_t at = 0;
  while (at < line.size()) {
    const std::size_t first = line.find_first_not_of(" \t\r\v\f", at);
    if (first == std::string_view::npos) break;
    const std::size_t last = std::min(line.find_first_of(" \t\r\v\f", first), line.size());
    all.push_back(line.substr(first, last - first));
    at = last;
  }
  return all;
}

template <class T> std::optional<T> whole(std::string_view word) {
  T value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

bool is_type(std::string_view word) { return bytes_of_type(word) > 0; }

// Columns after the type: redop and root (some versions leave them out), then one group per placement that starts with the
// time and holds the two bandwidths and perhaps a check.
struct Columns {
  std::size_t groups = 2, width = 4;
  bool counts_wrong = true;  // the check is a count of wrong results; older versions print an error of rounding
};

std::optional<Columns> columns_of(const std::vector<std::string_view>& heading) {
  std::vector<std::size_t> times;
  for (std::size_t i = 0; i < heading.size(); ++i)
    if (heading[i] == "time") times.push_back(i);
  const auto has = [&](std::string_view word) {
    return std::find(heading.begin(), heading.end(), word) != heading.end();
  };
  if (times.empty() || !has("size") || !has("count") || !has("type")) return std::nullopt;
  const std::size_t end = times.size() > 1 ? times[1] : heading.size();
  return Columns{std::min<std::size_t>(times.size(), 2), end - times[0], has("#wrong")};
}

class Reader {
 public:
  explicit Reader(std::string file) { log_.file = std::move(file); }

  void line(std::string_view text) {
    ++number_;
    const auto parts = words(text);
    if (number_ == 1) opens_json_ = !parts.empty() && (parts[0].front() == '{' || parts[0].front() == '[');
    if (row(parts)) return;
    if (const auto columns = columns_of(parts)) columns_ = *columns;
    rank(parts);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::string_view word = parts[i];
      program(word);
      if (i + 1 >= parts.size()) continue;
      if (word == "nThread") threads_ = whole<std::int64_t>(parts[i + 1]).value_or(1);
      if (word == "nGpus") gpus_ = whole<std::int64_t>(parts[i + 1]);
    }
  }

  NcclLog finish() && {
    if (ranks_.size() > 1)
      log_.devices = static_cast<std::int64_t>(ranks_.size());
    else if (per_process() > 1)
      log_.devices = per_process();
    if (log_.devices && *log_.devices % per_process() != 0)
      log_.notes.push_back(fmt::format("warning: the log lists {} ranks, but its header says {} GPUs per process",
                                       *log_.devices, per_process()));
    check_rates();
    if (!hosts_.empty()) log_.hosts = static_cast<std::int64_t>(hosts_.size());
    if (bad_ > 0)
      log_.notes.push_back(fmt::format("{} {} of the log looked like rows but could not be read (the first is line {})",
                                       bad_, bad_ == 1 ? "line" : "lines", first_bad_));
    if (wrong_ > 0)
      log_.notes.push_back(fmt::format("warning: {} {} of the log with wrong results (#wrong; the first is line {})",
                                       wrong_, wrong_ == 1 ? "row" : "rows", first_wrong_));
    if (contradictions_ > 0)
      log_.notes.push_back(fmt::format("warning: {} {} not at the rate printed beside {} ({}{})", contradictions_,
                                       contradictions_ == 1 ? "time is" : "times are",
                                       contradictions_ == 1 ? "it" : "them",
                                       contradictions_ == 1 ? "" : "the first: ", contradiction_));
    if (log_.rows.empty())
      throw SpecError(
          log_.file, "", "rows as nccl-tests and rccl-tests print them (size, count, type, ..., time, algbw, busbw)",
          fmt::format("none in {} {}{}", number_, number_ == 1 ? "line" : "lines", opens_json_ ? " of JSON" : ""));
    return std::move(log_);
  }

 private:
  // "./build/all_reduce_perf", "all_reduce_perf:"
  void program(std::string_view word) {
    const std::size_t end = word.find("_perf");
    if (end == std::string_view::npos) return;
    const std::size_t slash = word.substr(0, end).find_last_of("/\"'=");
    const std::string_view stem = word.substr(slash == std::string_view::npos ? 0 : slash + 1);
    if (const auto kind = collective_of(stem.substr(0, stem.find("_perf")))) kind_ = kind;
  }

  // "#  Rank  0 Group  0 Pid  123 on  host1 device  0 [0x0f] NVIDIA H100 80GB HBM3"
  void rank(const std::vector<std::string_view>& parts) {
    const auto find = [&](std::string_view word, std::size_t from) {
      while (from < parts.size() && parts[from] != word) ++from;
      return from;
    };
    const std::size_t rank = find("Rank", 0), on = find("on", rank), device = find("device", on);
    if (device + 1 >= parts.size() || on + 1 >= parts.size()) return;
    const auto number = whole<std::int64_t>(parts[rank + 1]);
    if (!number) return;
    ranks_.insert(*number);
    hosts_.insert(std::string(parts[on + 1]));
    if (!log_.gpu.empty()) return;
    for (std::size_t i = device + 3; i < parts.size(); ++i)
      log_.gpu += (log_.gpu.empty() ? "" : " ") + std::string(parts[i]);
  }

  bool row(const std::vector<std::string_view>& parts) {
    for (std::size_t i = 0; i + 2 < parts.size(); ++i) {
      const auto bytes = whole<std::uint64_t>(parts[i]), count = whole<std::uint64_t>(parts[i + 1]);
      if (!bytes || !count || !is_type(parts[i + 2])) continue;
      const std::vector<std::string_view> rest(parts.begin() + static_cast<std::ptrdiff_t>(i) + 3, parts.end());
      if (!read_row(static_cast<double>(*bytes), static_cast<double>(*count), parts[i + 2], rest) && bad_++ == 0)
        first_bad_ = number_;
      return true;
    }
    return false;
  }

  bool read_row(double bytes, double count, std::string_view type, const std::vector<std::string_view>& rest) {
    const std::size_t figures = columns_.groups * columns_.width;
    if (rest.size() < figures || rest.size() > figures + 2) return false;
    const std::size_t first = rest.size() - figures;
    NcclLogRow row;
    row.bytes = bytes;
    row.count = count;
    row.type = type;
    for (std::size_t i = 0; i < first; ++i) {
      const auto root = whole<std::int64_t>(rest[i]);
      if (root)
        row.root = root;
      else
        row.redop = rest[i];
    }
    row.out_of_place_s = time(rest[first]);
    if (columns_.groups > 1) row.in_place_s = time(rest[first + columns_.width]);
    if (columns_.width >= 3) {
      const auto algorithm = whole<double>(rest[first + 1]), bus = whole<double>(rest[first + 2]);
      constexpr double exact = 10;  // GB/s; printed with two decimals, smaller ones say too little
      if (algorithm && bus && *algorithm >= exact && std::isfinite(*bus) && *bus > 0)
        row.bus_over_algorithm = *bus / *algorithm;
    }
    row.kind = kind_;
    row.line = number_;
    if (bytes <= 0) return true;  // nothing was moved: no row to predict, but no fault either
    if (!row.out_of_place_s && !row.in_place_s) return false;
    for (std::size_t group = 0; columns_.width >= 2 && group < columns_.groups; ++group)
      check_rate(bytes, rest[first + group * columns_.width], rest[first + group * columns_.width + 1]);
    bool wrong = false;  // "N/A" where results were not checked
    for (std::size_t group = 0; columns_.counts_wrong && columns_.width > 3 && group < columns_.groups; ++group)
      wrong = wrong || whole<double>(rest[first + group * columns_.width + 3]).value_or(0) != 0;
    if (wrong && wrong_++ == 0) first_wrong_ = number_;
    log_.rows.push_back(std::move(row));
    return true;
  }

  // The rate of a row says the same as its size and time, to the digits that are printed.
  void check_rate(double bytes, std::string_view printed_time, std::string_view printed_rate) {
    constexpr double exact = 10;  // GB/s; two decimals
    const auto seconds = time(printed_time);
    const auto rate = whole<double>(printed_rate);
    if (!seconds || !rate || !(*rate >= exact) || std::abs(bytes / *seconds * 1e-9 / *rate - 1) < 0.02) return;
    if (contradictions_++ > 0) return;
    contradiction_ = fmt::format("line {}: {:.0f} B in {} us are {:.2f} GB/s, printed is an algbw of {}", number_,
                                 bytes, printed_time, bytes / *seconds * 1e-9, printed_rate);
  }

  // GPUs of one process, as the header says; 1 where it does not.
  std::int64_t per_process() const {
    constexpr std::int64_t most = 1 << 20;
    return gpus_ && *gpus_ > 0 && *gpus_ < most && threads_ > 0 && threads_ < most / *gpus_ ? *gpus_ * threads_ : 1;
  }

  // Both bandwidths of a row are printed; their ratio is a matter of the collective and the number of ranks alone.
  void check_rates() {
    if (!log_.devices) return;
    for (const NcclLogRow& row : log_.rows) {
      if (!row.kind || !row.bus_over_algorithm) continue;
      const double expected = bus_factor(*row.kind, static_cast<double>(*log_.devices));
      if (std::abs(*row.bus_over_algorithm / expected - 1) < 0.02) continue;
      log_.notes.push_back(fmt::format(
          "warning: busbw/algbw is {:.3f} in line {}, but {:.3f} for {} over {} devices, the ranks that the log lists",
          *row.bus_over_algorithm, row.line, expected, collective_names[static_cast<std::size_t>(*row.kind)],
          *log_.devices));
      return;
    }
  }

  static std::optional<double> time(std::string_view word) {
    const auto us = whole<double>(word);
    if (!us || !std::isfinite(*us) || !(*us > 0)) return std::nullopt;
    return *us * 1e-6;
  }

  NcclLog log_;
  Columns columns_;
  std::optional<CollectiveKind> kind_;
  std::set<std::int64_t> ranks_;
  std::set<std::string> hosts_;
  std::optional<std::int64_t> gpus_;
  std::int64_t threads_ = 1;
  std::string contradiction_;
  std::size_t contradictions_ = 0;
  bool opens_json_ = false;
  std::size_t number_ = 0, bad_ = 0, first_bad_ = 0, wrong_ = 0, first_wrong_ = 0;
};

std::string squeezed(std::string_view word) {
  std::string text;
  for (char c : word)
    if (c != '_' && c != '-' && c != ' ') text += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return text;
}

}  // namespace

double bytes_of_type(std::string_view type) {
  const auto* found = std::find_if(std::begin(number_types), std::end(number_types),
                                   [&](const NumberType& each) { return each.name == type; });
  return found == std::end(number_types) ? 0 : found->bytes;
}

std::vector<CollectiveKind> NcclLog::kinds() const {
  std::vector<CollectiveKind> all;
  for (const NcclLogRow& row : rows)
    if (row.kind && std::find(all.begin(), all.end(), *row.kind) == all.end()) all.push_back(*row.kind);
  return all;
}

std::optional<CollectiveKind> collective_of(std::string_view word) {
  std::string text = squeezed(word);
  if (text.ends_with("perf")) text.erase(text.size() - 4);
  for (std::size_t k = 1; k < collective_names.size(); ++k)
    if (squeezed(collective_names[k]) == text) return static_cast<CollectiveKind>(k);
  if (text == "sendreceive") return CollectiveKind::send_receive;
  return std::nullopt;
}

NcclLog parse_nccl_log(std::string_view text, const std::string& file) {
  Reader reader(file);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    reader.line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return std::move(reader).finish();
}

std::string read_log_text(const std::filesystem::path& path, const std::string& expected) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) throw SpecError(path.string(), "", expected, "a folder");
  std::ifstream in(path, std::ios::binary);
  if (!in) throw SpecError(path.string(), "", expected, std::strerror(errno));
  const auto size = std::filesystem::file_size(path, error);
  if (!error && size > most_bytes)
    throw SpecError(path.string(), "", expected + " of at most 256 MiB", fmt::format("{} bytes", size));
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

NcclLog read_nccl_log(const std::filesystem::path& path) {
  return parse_nccl_log(read_log_text(path, "a log of nccl-tests or rccl-tests"), path.string());
}

}  // namespace orrery
