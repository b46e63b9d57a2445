// The host of a node, as data: processors, memory, PCI Express and what it draws; models/hardware/hosts. Power is that of the
// whole node without its accelerators (processors, memory, fans, switches, NICs), drawn all the time: one number for a busy
// node, because no source at hand resolves a host's power by load. Sockets, cores and memory are facts to look up; nothing
// is predicted from them.
#pragma once

#include <optional>
#include <string>

#include "sim/spec.hpp"
#include "sim/units.hpp"

namespace orrery {

struct HostPower {
  std::optional<Watts> idle, typical;  // typical: while the accelerators work
};

struct HostModel {
  std::string name, title, processor;
  std::optional<int> sockets, cores_per_socket;
  std::optional<Bytes> memory;
  std::string memory_kind;
  std::optional<int> pcie_generation, pcie_lanes;  // lanes of all sockets
  HostPower power;
  Json notes, sources;
};

void fields(Fields&, HostModel&);

}  // namespace orrery
