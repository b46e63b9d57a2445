// A PCIe tree: devices on switches of `dimensions[0]` slots (absent: on the host bridge itself), the switches on host bridges
// (root complexes, one per processor socket) with one uplink as wide as a device's link, the bridges joined to each other by the
// processors' own links. One switch for all devices of the node has nobody above it to send to and stands for the bridge. A
// device has one link, for its peers and for the NIC alike: the node's NICs hang on the switch (or bridge) of the first device
// that uses them. Paths take the fewest hops. Root ports forward between devices at their full rate here; some processors do so
// at less.
// options: host_bridges (1; the devices are divided evenly), between_bridges ("62.4 GB/s", payload of one direction between
// two of them; needed with several), bridge_latency ("0.2 us"; absent: a link's)
#include <fmt/format.h>

#include "sim/error.hpp"
#include "sim/unit_text.hpp"
#include "topologies/graph_router.hpp"
#include "topologies/scale_up/families.hpp"

namespace orrery {

namespace {

std::optional<double> quantity(const ScaleUpInput& in, const char* key, Dimension dimension, const char* example) {
  const Json& options = in.spec.options;
  if (!options.is_object() || !options.contains(key)) return std::nullopt;
  const auto value = options[key].is_string() ? parse_quantity(options[key].get<std::string>(), dimension)
                                              : std::optional<double>();
  if (!value || !(*value > 0))
    throw SpecError("", in.pointer + "/options/" + key, fmt::format("a quantity such as \"{}\"", example),
                    options[key].dump());
  return value;
}

int bridges_of(const ScaleUpInput& in) {
  const Json& options = in.spec.options;
  if (!options.is_object() || !options.contains("host_bridges")) return 1;
  const Json& count = options["host_bridges"];
  if (!count.is_number_integer() || count < 1 || count > in.devices || in.devices % count.get<int>() != 0)
    throw SpecError("", in.pointer + "/options/host_bridges",
                    "a divisor of the node's " + std::to_string(in.devices) + " devices", count.dump());
  return count.get<int>();
}

void join_bridges(const ScaleUpInput& in, NodeWiring& w, int first, int bridges) {
  const auto between = quantity(in, "between_bridges", Dimension::bandwidth, "62.4 GB/s");
  const auto latency = quantity(in, "bridge_latency", Dimension::time, "0.2 us");
  if (bridges > 1 && !between)
    throw SpecError("", in.pointer + "/options/between_bridges", "the bandwidth between two host bridges", "nothing");
  if (bridges == 1 && (between || latency))
    throw SpecError("", in.pointer + "/options/host_bridges", "several host bridges, to be joined", "one");
  for (int a = 0; a < bridges; ++a)
    for (int b = a + 1; b < bridges; ++b)
      w.add_cable(first + a, first + b, BytesPerSecond(*between), latency ? Seconds(*latency) : in.latency);
}

}  // namespace

NodeWiring wire_pcie(const ScaleUpInput& in) {
  if (in.spec.dimensions.size() > 1)
    in.fault("dimensions", "at most one number: the devices per PCIe switch",
             std::to_string(in.spec.dimensions.size()) + " numbers");
  const int bridges = bridges_of(in), under_bridge = in.devices / bridges;
  const int per_switch = in.spec.dimensions.empty() ? under_bridge : std::min(in.spec.dimensions[0], under_bridge);
  const bool on_bridges = in.spec.dimensions.empty() || per_switch == in.devices;
  const int switches_of_bridge = on_bridges ? 0 : (under_bridge + per_switch - 1) / per_switch;
  NodeWiring w;
  w.kind = DomainKind::pcie_tree;
  w.devices = in.devices;
  w.switches = bridges * (switches_of_bridge + 1);
  if (w.devices + w.switches > most_graph_vertices)
    in.fault("kind", fmt::format("at most {} devices, switches and bridges in a PCIe tree", most_graph_vertices),
             std::to_string(w.devices + w.switches));
  w.bandwidth_per_device = in.port * in.ports_per_device;
  const int first_bridge = in.devices + bridges * switches_of_bridge;
  for (int d = 0; d < in.devices; ++d) {
    const int bridge = d / under_bridge, slot = d % under_bridge;
    const int at = switches_of_bridge == 0 ? first_bridge + bridge
                                           : in.devices + bridge * switches_of_bridge + slot / per_switch;
    w.add_cable(d, at, w.bandwidth_per_device, in.latency, in.ports_per_device);
    w.switch_of_device.push_back(at);
  }
  for (int s = 0; s < bridges * switches_of_bridge; ++s)
    w.add_cable(in.devices + s, first_bridge + s / switches_of_bridge, w.bandwidth_per_device, in.latency,
                in.ports_per_device);
  join_bridges(in, w, first_bridge, bridges);
  w.router = make_graph_router(w, in.ideal, in.seed);
  return w;
}

}  // namespace orrery
