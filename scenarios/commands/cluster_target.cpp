#include "scenarios/commands/cluster_target.hpp"

#include <filesystem>

#include "scenarios/assumed_tree.hpp"
#include "scenarios/cli.hpp"
#include "scenarios/scenario.hpp"
#include "sim/catalog.hpp"
#include "sim/error.hpp"
#include "topologies/network_inventory.hpp"

namespace orrery {

namespace {

namespace fs = std::filesystem;

struct Found {
  Json document;
  std::string file;
};

Found find_document(const std::string& name, const Library& library) {
  std::error_code ignored;
  const bool is_path = name.find('/') != std::string::npos || fs::path(name).extension() == ".json";
  if (is_path || fs::is_regular_file(name, ignored)) return {read_json(name), name};
  std::vector<std::string> known;
  for (const char* kind : {"scenarios", "clusters", "hardware/nodes"}) {
    if (const fs::path file = library.find(kind, name); !file.empty()) return {read_json(file), file.string()};
    for (std::string& each : library.names(kind)) known.push_back(std::move(each));
  }
  throw UsageError(fmt::format("expected a file, or the name of a scenario or a node (`orrery list nodes`), found {}",
                               quote_unknown(name, known)));
}

void choose_tree(FabricSpec& fabric, std::int64_t nodes, const NodeModel& node, const std::string& name) {
  const int devices = node.devices, nics = node.nics->count;
  const auto tree = assumed_tree(nodes, devices, nics);
  if (!tree)
    throw UsageError(
        fmt::format("expected at most {} nodes {} of {} NICs, which 3 levels of 256-port switches join, found {}",
                    most_joined_nodes(devices, nics), quote(name), nics, nodes));
  fabric.kind = "fat-tree";
  fabric.levels = tree->levels;
  fabric.radix = tree->radix;
}

// An object that stands for a node, or is an override of one.
bool is_node(const Json& document) {
  if (!document.is_object()) return false;
  const auto has = [&](const char* key) { return document.contains(key); };
  return has("device") || (has("base") && !has("cluster") && !has("jobs") && !has("pools") && !has("orrery"));
}

// As many as hold the devices; hosts that are parts of one scale-up domain (NVL72) need no nodes of their own.
std::int64_t nodes_for(const ClusterRequest& request, std::int64_t devices_per_node) {
  const std::int64_t filled = (request.devices + devices_per_node - 1) / devices_per_node;
  return std::max(filled, request.least_nodes);
}

ClusterSpec repeat_node(const ClusterRequest& request, const Found& found, const Library& library,
                        ClusterTarget& target) {
  ClusterSpec spec;
  PoolSpec pool;
  pool.node = read_spec<NodeModel>(found.document, found.file, library, "hardware/nodes");
  const std::int64_t each = pool.node.devices;
  const std::int64_t count = request.nodes.value_or(nodes_for(request, each));
  const std::int64_t most = std::min<std::int64_t>(1 << 20, (1 << 24) / each);
  if (count > most)
    throw UsageError(fmt::format("expected at most {} nodes of {} devices, found {}", most, each, count));
  pool.count = static_cast<int>(count);
  const std::string node = pool.node.name.empty() ? fs::path(found.file).stem().string() : pool.node.name;
  spec.name = count == 1 ? node : fmt::format("{} x {}", count, node);
  spec.fabric.kind = "none";
  if (count > 1 && pool.node.nics) {
    choose_tree(spec.fabric, count, pool.node, node);
    if (request.reduces) spec.fabric.options = {{"in_network_reduction", true}};
    target.notes.push_back(fmt::format("joined by a non-blocking fat-tree, {} {} of {}-port switches: assumed",
                                       spec.fabric.levels, spec.fabric.levels == 1 ? "level" : "levels",
                                       spec.fabric.radix));
  } else if (request.reduces) {
    target.notes.emplace_back("--in-network-reduction has no effect: one node has no fabric to cross");
  }
  spec.pools.push_back(std::move(pool));
  target.from_node = true;
  return spec;
}

ClusterSpec read_cluster(const ClusterRequest& request, const Found& found, const Library& library,
                         ClusterTarget& target) {
  const Json& document = found.document;
  const auto has = [&](const char* key) { return document.is_object() && document.contains(key); };
  if (has("cluster") || has("jobs")) return read_scenario({document, found.file}, library).cluster;
  if (has("pools")) {
    ClusterSpec spec = read_spec<ClusterSpec>(document, found.file, library, "clusters");
    anchor_files(spec, fs::path(found.file).parent_path());
    return spec;
  }
  if (is_node(document)) return repeat_node(request, found, library, target);
  throw SpecError(found.file, "", "a scenario (\"cluster\"), a cluster (\"pools\") or a node (\"device\" or \"base\")",
                  document.is_object() ? "an object with none of these" : "something else");
}

}  // namespace

ClusterTarget load_cluster(const ClusterRequest& request, const Library& library) {
  Found found = find_document(request.name, library);
  for (const std::string& assignment : request.assignments) set_value(found.document, assignment, found.file);
  const fs::path folder = fs::path(found.file).parent_path();
  ClusterTarget target;
  target.file = found.file;
  if (request.reduces && !is_node(found.document))
    throw UsageError("--in-network-reduction is for repeated nodes; " + found.file +
                     " says itself what its switches do (/fabric/options/in_network_reduction)");
  target.spec = read_cluster(request, found, library.with_front(folder.empty() ? "." : folder), target);
  if (request.nodes && !target.from_node)
    throw UsageError("--nodes repeats a node; " + found.file + " says itself how many it has");
  if (found.document.contains("cluster")) target.pointer = "/cluster";
  try {
    target.cluster = build_cluster(target.spec, target.network);
  } catch (const SpecError& error) {
    std::vector<Fault> faults = error.faults();
    for (Fault& fault : faults) {
      if (!fault.file.empty()) continue;  // of a file that the cluster names
      fault.file = found.file;
      const std::string in_node = "/pools/0/node";
      if (target.from_node && fault.pointer.starts_with(in_node)) fault.pointer.erase(0, in_node.size());
      fault.pointer = target.pointer + fault.pointer;
    }
    throw SpecError(std::move(faults));
  }
  return target;
}

}  // namespace orrery
