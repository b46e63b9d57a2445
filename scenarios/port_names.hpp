// Links as publications call them ("HDR InfiniBand", "25 GbE", "RoCE 200G", "EFAv3", "PCIe Gen3 x16"): the link of the library
// with that technology and rate, or, where it has the technology at other rates only, the nearest of them at the rate that is
// named ({"base": NAME, "bandwidth_per_direction": RATE}). A name without a rate means the most common port of that
// technology among accelerators of that year, not the fastest.
#pragma once

#include <string>
#include <vector>

#include "sim/json.hpp"
#include "sim/spec.hpp"

namespace orrery {

// Ports of a node of the library that has such accelerators.
struct NodePorts {
  std::string link;
  double per_device = 0;
};
// In the order of the nodes' names.
std::vector<NodePorts> ports_of_nodes(const std::string& accelerator, const Library&);
// Of them the first with that link, else that technology; where no link is stated, with the usual one, else the first.
const NodePorts* node_ports(const std::vector<NodePorts>&, const std::string& stated, std::string_view usual);

// Null when neither a technology nor a rate can be told from the name. `year`: of the accelerator. `ports`: of one node, 0
// where that is not stated; a rate that no one port has is that of all. `nodes` say which port a technology without a
// rate has.
Json nearest_port(const std::string& name, std::int64_t year, double ports, const std::vector<NodePorts>& nodes,
                  const Library&);

// A PCIe link: its generation and lanes. What the name does not say is as in `slot`, the accelerator's own link to its host.
Json nearest_slot(const std::string& name, const std::string& slot, const Library&);

// "ethernet-25", "ethernet-25 at 5 GB/s"
std::string link_text(const Json& link);

}  // namespace orrery
