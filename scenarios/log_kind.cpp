#include "scenarios/log_kind.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "analysis/collective_table.hpp"
#include "scenarios/cli.hpp"
#include "sim/catalog.hpp"

namespace orrery {

namespace {

std::string_view name_of(CollectiveKind kind) { return collective_names[static_cast<std::size_t>(kind)]; }

bool reduces(CollectiveKind kind) {
  return kind == CollectiveKind::all_reduce || kind == CollectiveKind::reduce || kind == CollectiveKind::reduce_scatter;
}

bool has_root(CollectiveKind kind) {
  return kind == CollectiveKind::broadcast || kind == CollectiveKind::reduce || kind == CollectiveKind::gather ||
         kind == CollectiveKind::scatter;
}

// sendrecv_perf runs, and prints, the reductions that it was asked for, though it makes none.
std::string against_reductions(const NcclLogRow& row, CollectiveKind kind) {
  if (row.redop.empty() || kind == CollectiveKind::send_receive || (row.redop != "none") == reduces(kind)) return "";
  return fmt::format("the log has reductions of kind {}, which {} does not have", quote(row.redop), name_of(kind));
}

std::string against_root(const NcclLogRow& row, CollectiveKind kind) {
  if (!row.root || (*row.root >= 0) == has_root(kind)) return "";
  return has_root(kind)
             ? fmt::format("line {} of the log has root {}: none, but {} has one", row.line, *row.root, name_of(kind))
             : fmt::format("line {} of the log has root {}, which {} does not have", row.line, *row.root,
                           name_of(kind));
}

std::string against_rates(const NcclLogRow& row, CollectiveKind kind, std::int64_t ranks) {
  if (!row.bus_over_algorithm) return "";
  const double expected = bus_factor(kind, static_cast<double>(ranks));
  if (std::abs(*row.bus_over_algorithm / expected - 1) < 0.02) return "";  // of two numbers with two decimals
  return fmt::format("busbw/algbw is {:.3f} in line {} of the log, but {:.3f} for {} over {} devices",
                     *row.bus_over_algorithm, row.line, expected, name_of(kind), ranks);
}

std::string against_count(const NcclLogRow& row, CollectiveKind kind, std::int64_t ranks) {
  CollectiveTable table;
  table.kind = kind;
  table.devices = static_cast<std::size_t>(ranks);
  table.element_bytes = bytes_of_type(row.type);
  const double expected = element_count(table, row.bytes);
  if (std::abs(row.count - expected) <= std::max(1.0, 0.01 * expected)) return "";
  return fmt::format("line {} of the log counts {:.0f} elements in {:.0f} B, but it is {:.0f} for {} over {} devices",
                     row.line, row.count, row.bytes, expected, name_of(kind), ranks);
}

using Reasons = std::array<std::string, 4>;

// By reductions, root, rates and count. A log that names its collective has its rates checked where it is read.
Reasons against(const NcclLogRow& row, CollectiveKind kind, std::int64_t ranks) {
  Reasons reasons{against_reductions(row, kind), against_root(row, kind)};
  if (ranks < 2) return reasons;  // not known
  if (!row.kind) reasons[2] = against_rates(row, kind, ranks);
  reasons[3] = against_count(row, kind, ranks);
  return reasons;
}

std::vector<CollectiveKind> kinds_that_fit(const NcclLog& log, std::int64_t ranks) {
  std::vector<CollectiveKind> fitting;
  for (std::size_t k = 1; k < collective_names.size(); ++k) {
    const auto kind = static_cast<CollectiveKind>(k);
    const bool fits = std::all_of(log.rows.begin(), log.rows.end(), [&](const NcclLogRow& row) {
      const Reasons reasons = against(row, kind, ranks);
      return std::all_of(reasons.begin(), reasons.end(), [](const std::string& reason) { return reason.empty(); });
    });
    if (fits && kind != CollectiveKind::barrier) fitting.push_back(kind);
  }
  return fitting;
}

}  // namespace

std::string names_of(const std::vector<CollectiveKind>& kinds) {
  std::string all;
  for (CollectiveKind kind : kinds) all += (all.empty() ? "" : ", ") + std::string(name_of(kind));
  return all;
}

CollectiveKind infer_kind(NcclLog& log, std::int64_t ranks) {
  const std::vector<CollectiveKind> fitting = kinds_that_fit(log, log.devices.value_or(ranks));
  if (fitting.size() != 1)
    throw UsageError(
        fmt::format("the log does not say which collective it measured{}: name it, e.g. `orrery collective all_reduce`",
                    fitting.empty() ? "" : ", and its figures fit " + names_of(fitting)));
  log.notes.push_back(
      fmt::format("the log does not name its collective; only {} has such reductions, roots, rates and counts",
                  name_of(fitting[0])));
  return fitting[0];
}

std::vector<std::string> kind_warnings(const NcclLog& log, CollectiveKind kind, std::int64_t ranks) {
  Reasons first;
  for (const NcclLogRow& row : log.rows) {
    const Reasons reasons = against(row, kind, ranks);
    for (std::size_t r = 0; r < reasons.size(); ++r)
      if (first[r].empty()) first[r] = reasons[r];
  }
  std::vector<std::string> warnings;
  for (const std::string& reason : first)
    if (!reason.empty()) warnings.push_back(fmt::format("warning: {}: it measured another collective", reason));
  return warnings;
}

}  // namespace orrery
