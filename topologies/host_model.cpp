#include "topologies/host_model.hpp"

namespace orrery {

static void fields(Fields& f, HostPower& p) {
  f("idle", p.idle, Need::optional, non_negative);
  f("typical", p.typical, Need::optional, non_negative);
  f.check(!p.idle || !p.typical || *p.idle <= *p.typical, "idle", "at most the typical power", "more");
}

void fields(Fields& f, HostModel& h) {
  f("name", h.name);
  f("title", h.title);
  f("processor", h.processor);
  f("sockets", h.sockets, Need::optional, at_least_one);
  f("cores_per_socket", h.cores_per_socket, Need::optional, at_least_one);
  f("memory", h.memory, Need::optional, positive);
  f("memory_kind", h.memory_kind);
  f("pcie_generation", h.pcie_generation, Need::optional, at_least_one);
  f("pcie_lanes", h.pcie_lanes, Need::optional, at_least_one);
  f("power", h.power);
  f.raw("notes", h.notes);
  f.raw("sources", h.sources);
}

}  // namespace orrery
