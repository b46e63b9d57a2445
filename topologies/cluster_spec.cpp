#include "topologies/cluster_spec.hpp"

#include "sim/library_lookups.hpp"
#include "sim/whole_file.hpp"
#include "topologies/host_model.hpp"
#include "topologies/platform_xml.hpp"

namespace orrery {

void fields(Fields& f, NetworkPart& part) {
  f("name", part.name);
  f("title", part.title);
  f("kind", part.kind);
  const bool known = part.kind == "switch" || part.kind == "nic" || part.kind == "cable";
  f.check(known, "kind", "\"switch\", \"nic\" or \"cable\"", "\"" + part.kind + "\"");
  f("ports", part.ports, Need::optional, at_least_one);
  f.check(!part.ports || part.kind == "switch", "ports", "none but of a switch", "those of a " + part.kind);
  f.check(part.ports || part.kind != "switch", "ports", "how many cables a switch takes", "nothing");
  f("power", part.power, Need::optional, non_negative);
  f("price", part.price, Need::optional, non_negative);
  f("as_of", part.as_of);
  f.check(!part.price || !part.as_of.empty(), "as_of", "when and by whom the price was asked", "nothing");
  f.raw("notes", part.notes);
  f.raw("sources", part.sources);
}

// A part of a kind that is not what it should be is a fault of its place.
static void network_part(Fields& f, const char* key, const char* kind, std::optional<NetworkPart>& part) {
  f.part(key, "hardware/network", part);
  f.check(!part || part->kind == kind, key, "a " + std::string(kind), part ? "a " + part->kind : "none");
}

void fields(Fields& f, LinkModel& link) {
  f("name", link.name);
  f("title", link.title);
  f("class", link.kind);
  f.required("bandwidth_per_direction", link.bandwidth_per_direction, positive);
  f("lanes", link.lanes, Need::optional, at_least_one);
  f("latency", link.latency, Need::optional, non_negative);
  f("energy", link.energy, Need::optional, non_negative);
  f("efficiency", link.efficiency, Need::optional, Range{0, 1, true});
  f("reconfiguration_time", link.reconfiguration_time, Need::optional, non_negative);
  f("ports", link.ports, Need::optional, at_least_one);
  f("in_network_reduction", link.in_network_reduction);
  network_part(f, "switch", "switch", link.network_switch);
  network_part(f, "adapter", "nic", link.adapter);
  network_part(f, "cable", "cable", link.cable);
  f.raw("notes", link.notes);
  f.raw("sources", link.sources);
}

// A link always has a bandwidth (the reader insists on it), so a link without one was not in the document.
static void optional_link(Fields& f, std::optional<LinkModel>& link, const char* key = "link") {
  if (!f.reading() && !link) return;
  LinkModel value = link.value_or(LinkModel{});
  f.part(key, "hardware/links", value, Need::optional);
  if (value.bandwidth_per_direction > BytesPerSecond(0)) link = value;
}

void fields(Fields& f, ScaleUpSpec& scale_up) {
  f("kind", scale_up.kind);
  optional_link(f, scale_up.link);
  f("links_per_device", scale_up.links_per_device, Need::optional, at_least_one);
  f("dimensions", scale_up.dimensions, Need::optional, at_least_one);
  optional_link(f, scale_up.optical_link, "optical_link");
  f("in_network_reduction", scale_up.in_network_reduction);
  f.raw("options", scale_up.options);
}

void fields(Fields& f, NicSpec& nics) {
  f.part("link", "hardware/links", nics.link);
  f("count", nics.count, Need::optional, at_least_one);
  network_part(f, "adapter", "nic", nics.adapter);
  network_part(f, "cable", "cable", nics.cable);
}

void fields(Fields& f, NodeModel& node) {
  f("name", node.name);
  f("title", node.title);
  f.part("device", "hardware/accelerators", node.device);
  f("devices", node.devices, Need::optional, Range{1, 65536});
  f("scale_up", node.scale_up);
  f("nics", node.nics);
  // Of the host, only its power enters a result: what is kept of it.
  std::optional<HostModel> host;
  f.part("host", "hardware/hosts", host);
  if (host && host->power.typical) node.host_power = host->power.typical;
  f("host_power", node.host_power, Need::optional, non_negative);
  f.raw("notes", node.notes);
  f.raw("sources", node.sources);
}

void fields(Fields& f, PoolSpec& pool) {
  f("name", pool.name);
  f.part("node", "hardware/nodes", pool.node);
  f("count", pool.count, Need::optional, at_least_one);
  f("slow_devices", pool.slow_devices);  // checked against the size of the pool, all together (build_cluster.cpp)
  f("slow_factor", pool.slow_factor, Need::optional, Range{0, 1, true});
}

void fields(Fields& f, FabricSpec& fabric) {
  f("kind", fabric.kind);
  optional_link(f, fabric.link);
  f("levels", fabric.levels, Need::optional, Range{1, 3});
  f("radix", fabric.radix, Need::optional, Range{2, 65536});
  f("oversubscription", fabric.oversubscription, Need::optional, positive);
  f("rail_optimized", fabric.rail_optimized);
  f("ecmp", fabric.ecmp);
  f.check(fabric.ecmp == "ideal" || fabric.ecmp == "hash", "ecmp", "\"ideal\" or \"hash\"", "\"" + fabric.ecmp + "\"");
  f("seed", fabric.seed);
  network_part(f, "switch", "switch", fabric.network_switch);
  network_part(f, "cable", "cable", fabric.cable);
  f.raw("options", fabric.options);
  f("inside", fabric.inside);
}

void fields(Fields& f, MemoryPoolSpec& pool) {
  f("name", pool.name);
  f("pool", pool.pool, Need::optional, non_negative);
  f("nodes", pool.nodes, Need::optional, at_least_one);
  f.part("link", "hardware/links", pool.link);
  f("links_per_node", pool.links_per_node, Need::optional, at_least_one);
  f("expanders", pool.expanders, Need::optional, at_least_one);
  f("interleaved", pool.interleaved);
  f("expander_bandwidth", pool.expander_bandwidth, Need::optional, positive);
  f.required("capacity", pool.capacity, positive);
  f("switch_latency", pool.switch_latency, Need::optional, non_negative);
}

void fields(Fields& f, DegradedSpec& degraded) {
  f("link", degraded.link);
  f("at", degraded.at);
  f("between", degraded.between);
  f("share", degraded.share, Need::optional, Range{0, 1, true});
  f("seed", degraded.seed);
  f("rate", degraded.rate, Need::required, fraction);
  f.check(degraded.link || degraded.at || degraded.between, "", "the cables meant: \"link\", \"at\" or \"between\"",
          "none of them");
  f.check(!degraded.at || !degraded.between, "at", "\"at\" or \"between\"", "both");
  f.check(!degraded.between || degraded.between->size() == 2, "between", "two places",
          std::to_string(degraded.between.value_or(std::vector<std::string>()).size()));
}

void fields(Fields& f, ClusterSpec& cluster) {
  f("name", cluster.name);
  f("description", cluster.description);
  f("pools", cluster.pools, Need::required);
  f.check(!cluster.pools.empty(), "pools", "at least one pool of nodes", "none");
  f("fabric", cluster.fabric);
  f("memory_pools", cluster.memory_pools);
  f("degraded", cluster.degraded);
  f.raw("sources", cluster.sources);
}

// A resolved cluster stands for itself: it holds what is in a platform's file.
static void anchor_files(FabricSpec& fabric, const std::filesystem::path& folder) {
  for (FabricSpec& inner : fabric.inside) anchor_files(inner, folder);
  if (!fabric.options.is_object() || !fabric.options.contains("file") || !fabric.options["file"].is_string()) return;
  const auto name = fabric.options["file"].get<std::string>();
  if (name.starts_with('<')) return;  // what is in it, from a resolved cluster
  const std::string file = (folder / name).string();
  LibraryLookups::note("file/" + name, file);
  fabric.options["file"] = file;
  if (fabric.kind != "simgrid") return;
  try {
    const Platform understood(file);
    const std::string text = whole_file(file).value_or("");
    fabric.options["file"] = text.substr(text.find('<'));
  } catch (const SpecError&) {
    return;  // build_cluster() says what is wrong, and in which line of which file
  }
}

void anchor_files(ClusterSpec& cluster, const std::filesystem::path& folder) { anchor_files(cluster.fabric, folder); }

}  // namespace orrery
