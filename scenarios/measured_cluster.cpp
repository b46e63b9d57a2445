#include <algorithm>
#include <cmath>

#include "scenarios/assumed_tree.hpp"
#include "scenarios/measured_scenario.hpp"
#include "sim/error.hpp"

namespace orrery {

std::vector<std::int64_t> torus_shape(std::int64_t chips, int dimensions) {
  std::vector<std::int64_t> best;
  double best_spread = 0;
  const auto consider = [&](std::vector<std::int64_t> sides, bool in_fours) {
    std::sort(sides.begin(), sides.end());
    if (in_fours)
      for (std::int64_t side : sides)
        if (side % 4 != 0) return;
    const double spread = static_cast<double>(sides.back()) / static_cast<double>(sides.front());
    if (best.empty() || spread < best_spread) {
      best = std::move(sides);
      best_spread = spread;
    }
  };
  for (const bool in_fours : {true, false}) {
    for (std::int64_t a = 1; a * a <= chips; ++a) {
      if (chips % a != 0) continue;
      if (dimensions == 2)
        consider({a, chips / a}, in_fours);
      else
        for (std::int64_t b = a; b * b <= chips / a; ++b)
          if ((chips / a) % b == 0) consider({a, b, chips / a / b}, in_fours);
    }
    if (!best.empty()) break;
  }
  return best;
}

namespace {

// A link as the row names it, or as {"base": NAME, ...} where its name has been looked up; null where there is none.
Json link_of(const MeasuredRow& row, std::string_view path) {
  const Json* link = row.at(path);
  if (!link) return nullptr;
  return link->is_object() ? *link : Json(*row.text(path));
}
std::string base_of(const Json& link) { return (link.is_object() ? link.at("base") : link).get<std::string>(); }

struct Wiring {
  std::string kind;  // of the row
  Json link;
  std::int64_t domain = 0, per_host = 0;
  bool torus() const { return kind.starts_with("ici-torus"); }
};

Wiring wiring_of(const MeasuredRow& row, std::int64_t devices) {
  Wiring w;
  w.kind = row.text("cluster/scale_up/kind").value_or("");
  w.link = link_of(row, "cluster/scale_up/link");
  w.per_host = row.integer("devices_per_node").value_or(row.integer("cluster/devices_per_node").value_or(devices));
  w.domain = row.integer("cluster/scale_up/domain").value_or(w.torus() ? 0 : w.per_host);
  if (w.per_host < 1) throw CannotSimulate("devices_per_node is not positive");
  if (w.torus()) {
    const std::int64_t slices = row.integer("parallelism/data_across_slices")
                                    .value_or(row.integer("slices").value_or(1));
    if (slices < 1 || devices % slices != 0)
      throw CannotSimulate(fmt::format("{} devices do not divide into {} slices", devices, slices));
    w.domain = devices / slices;
  }
  if (w.domain < 1) throw CannotSimulate("scale_up.domain is not positive");
  return w;
}

// Which topology family wires a node of `domain` devices.
Json scale_up(const Wiring& w, std::int64_t domain, RulesUsed& used) {
  Json spec = Json::object();
  if (domain == 1) return {{"kind", "none"}};
  if (w.kind == "nvswitch" || w.kind == "nvlink")
    spec["kind"] = "switch";
  else if (w.kind == "xgmi")
    spec["kind"] = "full-mesh";
  else if (w.kind == "pcie")
    spec["kind"] = "pcie";
  else if (w.kind == "nvlink-mesh")
    spec["kind"] = domain == 8 ? "hybrid-cube-mesh" : "full-mesh";
  else if (w.torus() || w.kind == "host-torus-2d") {
    used.insert(Rule::torus_shape);
    const auto sides = torus_shape(domain, w.kind == "ici-torus-3d" ? 3 : 2);
    // Optical switches close 3D slices of whole 4-chip cubes; a 2D slice wraps around where it spans the pod's 16 chips,
    // the torus of a host where it is whole.
    const std::int64_t span = w.kind == "ici-torus-2d" ? 16 : 4;
    const bool wraps = std::all_of(sides.begin(), sides.end(), [&](std::int64_t side) { return side % span == 0; });
    spec["kind"] = wraps ? "torus" : "mesh";
    spec["dimensions"] = sides;
  } else if (w.kind.empty()) {
    throw CannotSimulate("cluster.scale_up.kind is not stated");
  } else {
    throw CannotSimulate("no topology for scale_up.kind \"" + w.kind + "\"");
  }
  if (!w.link.is_null()) spec["link"] = w.link;
  return spec;
}

struct Ports {
  Json link;
  std::int64_t per_node = 0;
};

// Of the library's node, as measured_names.cpp found it, else of the table.
ReferencePort reference_of(const MeasuredRow& row, const Wiring& w) {
  if (const Json* found = row.at("cluster/scale_out/of_library"))
    return {"", found->at("link").get_ref<const std::string&>(), found->at("ports_per_device").get<double>()};
  const ReferencePort* reference = reference_port(w.link.is_null() ? w.kind : base_of(w.link));
  if (!reference) throw CannotSimulate("cluster.scale_out is not stated");
  return *reference;
}

Ports ports_of(const MeasuredRow& row, const Wiring& w, std::int64_t domain, RulesUsed& used) {
  Ports ports;
  ports.link = link_of(row, "cluster/scale_out/link");
  auto per_host = row.number("cluster/scale_out/ports_per_node");
  if (ports.link.is_null() || !per_host) {
    const ReferencePort reference = reference_of(row, w);
    used.insert(Rule::scale_out_reference);
    if (ports.link.is_null()) ports.link = reference.link;
    if (!per_host) per_host = reference.ports_per_device * static_cast<double>(w.per_host);
  }
  if (!(*per_host > 0)) throw CannotSimulate("scale_out.ports_per_node is not positive");
  const double hosts = static_cast<double>(domain) / static_cast<double>(w.per_host);
  ports.per_node = std::max<std::int64_t>(1, std::llround(*per_host * hosts));
  // More ports than devices: the wiring bundles a whole number of them per device.
  if (ports.per_node > domain) ports.per_node = ports.per_node / domain * domain;
  return ports;
}

}  // namespace

MeasuredCluster measured_cluster(const MeasuredRow& row, std::int64_t devices, std::int64_t hosts, RulesUsed& used) {
  if (devices < 1) throw CannotSimulate("devices is not positive");
  const std::string accelerator = row.text("accelerator").value_or(row.text("cluster/accelerator").value_or(""));
  if (accelerator.empty()) throw CannotSimulate("the accelerator is not named");
  const Wiring w = wiring_of(row, devices);
  std::int64_t per_node = w.domain;
  std::int64_t nodes = (devices + w.domain - 1) / w.domain;
  if (hosts > 1 && w.domain <= w.per_host) nodes = std::max(nodes, hosts * (w.per_host / w.domain));
  if (nodes > 1 && w.domain > w.per_host && !w.torus() && devices % (nodes * w.per_host) == 0) {
    per_node = devices / nodes;
    used.insert(Rule::even_domains);
  }
  Json node = {{"name", accelerator + "-node"},
               {"device", accelerator},
               {"devices", per_node},
               {"scale_up", scale_up(w, per_node, used)}};
  Json fabric = {{"kind", "none"}};
  if (nodes > 1 || (per_node == 1 && devices > 1)) {
    const bool inside_host = w.domain < w.per_host && nodes * w.domain <= w.per_host && hosts <= 1;
    if (inside_host) {  // domains smaller than a host (NVLink pairs) meet over its PCIe
      node["nics"] = {{"link", "pcie"}, {"count", per_node}};
      fabric = {{"kind", "single-switch"}};
    } else {
      const Ports ports = ports_of(row, w, per_node, used);
      node["nics"] = {{"link", ports.link}, {"count", ports.per_node}};
      used.insert(Rule::fabric_non_blocking);
      const auto tree = assumed_tree(nodes, per_node, ports.per_node);
      if (!tree) throw CannotSimulate("no tree of 256-port switches joins so many nodes");
      fabric = {{"kind", "fat-tree"}, {"levels", tree->levels}, {"radix", tree->radix}};
    }
  }
  MeasuredCluster result;
  result.devices = nodes * per_node;
  result.devices_per_node = per_node;
  result.cluster = {{"name", accelerator + "-cluster"},
                    {"pools", Json::array({{{"node", node}, {"count", nodes}}})},
                    {"fabric", fabric}};
  return result;
}

}  // namespace orrery
