#include <algorithm>

#include "analysis/collective_table.hpp"
#include "kernels/collectives/algorithms.hpp"
#include "scenarios/lower_case.hpp"
#include "scenarios/measured_kernels.hpp"
#include "scenarios/measured_scenario.hpp"
#include "scenarios/nccl_log.hpp"
#include "sim/catalog.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

CollectiveKind kind_of(const std::string& text) {
  struct OtherName {
    std::string_view stated, ours;
  };
  constexpr OtherName other_names[] = {{"bcast", "broadcast"}, {"all2all", "alltoall"}, {"p2p", "sendreceive"}};
  std::string name = bare_name(text);
  for (const std::string_view library : {"nccl", "rccl"})
    if (name.starts_with(library)) name.erase(0, library.size());
  for (const OtherName& other : other_names)
    if (name == other.stated) name = other.ours;
  if (const auto kind = collective_of(name)) return *kind;  // "all_reduce", "AllReduce", "all-reduce"
  throw CannotSimulate("collective " + quote(text) + " is not modelled");
}

// Those of all nodes, where the row states no more than that.
std::int64_t devices_of(const MeasuredRow& row) {
  const auto devices = row.integer("devices"), nodes = row.integer("nodes"), own = row.integer("devices_per_node");
  const auto each = own ? own : row.integer("cluster/devices_per_node");
  if (devices || !nodes || !each || *nodes < 1 || *each < 1 || *nodes > 1'000'000 || *each > 1'000'000)
    return row.need_integer("devices");
  return *nodes * *each;
}

// As the catalog writes it: libraries print "Ring", "NVLSTree", "ring (default)".
std::string algorithm_of(const MeasuredRow& row) {
  const std::string text = row.text("algorithm").value_or("");
  if (text.find("default") != std::string::npos) return "";
  const std::string word = bare_name(text.substr(0, text.find(' ')));
  for (const auto& entry : collective_catalog())
    if (bare_name(entry.name) == word) return std::string(entry.name);
  return word;
}

std::string protocol_of(const MeasuredRow& row) {
  const std::string text = lower_case(row.text("protocol").value_or("auto"));
  return text == "ll" || text == "ll128" || text == "simple" ? text : "auto";
}

}  // namespace

CollectiveCase collective_case(const MeasuredRow& row, RulesUsed& used) {
  CollectiveCase work;
  work.kind = kind_of(row.need_text("collective"));
  if (work.kind == CollectiveKind::barrier) {
    if (row.number("bytes").value_or(0) > 0) throw CannotSimulate("faulty row: a barrier moves no bytes");
  } else {
    if (!row.has("bytes")) throw CannotSimulate("the message size is not stated");
    work.bytes = row.need_number("bytes");
    if (!(work.bytes > 0)) throw CannotSimulate("the message is empty");
  }
  work.algorithm = algorithm_of(row);
  work.protocol = protocol_of(row);
  const std::int64_t devices = devices_of(row), hosts = row.integer("nodes").value_or(1);
  if (devices < 2 || hosts < 1 || devices % hosts != 0)
    throw CannotSimulate(fmt::format("faulty row: {} devices on {} nodes", devices, hosts));
  if (hosts > 1 && !row.has("cluster/scale_out/link"))
    throw CannotSimulate("the network between nodes, which is what was measured, is not stated");
  const auto own = row.integer("devices_per_node");
  const std::int64_t per_host = own ? *own : row.integer("cluster/devices_per_node").value_or(devices / hosts);
  const MeasuredCluster machine = measured_cluster(row, devices, hosts, used);
  const std::int64_t stride = machine.devices_per_node > per_host ? devices / hosts : per_host;
  if (hosts > 1) used.insert(Rule::spread_over_nodes);
  for (std::int64_t host = 0; host < hosts; ++host)
    for (std::int64_t local = 0; local < devices / hosts; ++local) {
      const std::int64_t device = hosts == 1 ? local : host * stride + local;
      if (device >= machine.devices)
        throw CannotSimulate(fmt::format("faulty row: {} devices on {} nodes", devices, hosts));
      work.members.emplace_back(static_cast<std::size_t>(device));
    }
  work.cluster = machine.cluster;
  return work;
}

bool collective_algorithm_known(const std::string& name) { return find(collective_catalog(), name) != nullptr; }

std::optional<double> measured_collective_time(const MeasuredRow& row) {
  for (const char* path : {"measured/time_s", "derived/time_s", "time_s"})
    if (const auto time = row.number(path)) return time;
  for (const char* key : {"time_ms", "time_us"})
    if (const auto time = row.figure(key)) return *time * (std::string_view(key) == "time_ms" ? 1e-3 : 1e-6);
  const auto bytes = row.number("bytes");
  if (!bytes) return std::nullopt;
  const CollectiveKind kind = kind_of(row.need_text("collective"));
  const auto rate_of = [&](const char* key) {
    const auto rate = row.figure(key);
    return rate && *rate > 0 ? rate : std::nullopt;
  };
  // The bus bandwidth is printed with more digits relative to its size than the algorithm bandwidth.
  if (const auto bus = rate_of("busbw_GBs"))
    return bus_factor(kind, static_cast<double>(devices_of(row))) * *bytes / (*bus * 1e9);
  if (const auto rate = rate_of("algbw_GBs")) return *bytes / (*rate * 1e9);
  return std::nullopt;
}

}  // namespace orrery
