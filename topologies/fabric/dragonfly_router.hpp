// Routing on dragonflies and dragonfly+ (groups joined by global cables):
//   minimal  inside the group, one global cable, inside the group. Ideal ECMP spreads over all cables between the two groups,
//            also over those a local hop further than the sender's own, hashing picks among all of them (the paths of
//            Kim et al.'s minimal routing, which knows only the group it is to reach).
//   valiant  first to another group, drawn per flow (ideal: all of them evenly), then minimally (Valiant 1982; per group as
//            in Kim et al., ISCA 2008). Traffic inside a group stays minimal.
//   ugal     each flow takes the better of a minimal and a Valiant path by load x hops (Singh 2005, UGAL-G: the load of whole
//            paths is known). Load is what the flows of the same pattern before it put on the links, in eighths of a flow
//            under ideal ECMP; other operations and jobs are not seen, nor is the order in which packets really arrive.
//            A flow routed alone goes minimally.
#pragma once

#include <memory>
#include <vector>

#include "topologies/wiring.hpp"

namespace orrery {

enum class DragonflyRouting : std::uint8_t { minimal, valiant, ugal };

struct GlobalCable {
  std::uint32_t near = 0, far = 0;  // switches
  LinkId link;
  double cables = 1;
  double share = 1;  // of the cables between the two groups
};

struct DragonflyWires {
  std::vector<AttachedPort> ports;
  std::vector<std::uint32_t> switch_of_port;
  std::uint32_t switches = 1;                     // of a group
  std::uint32_t leaves = 0;                       // dragonfly+: the first of them; the others are its spines
  std::vector<LinkId> local;                      // by switch and by switch of its group; none where not joined
  std::vector<std::vector<GlobalCable>> between;  // by group x group
  std::uint32_t groups = 1;
  Seconds trunk_latency{0};
  DragonflyRouting routing = DragonflyRouting::minimal;
  bool ideal = true;
  std::uint64_t seed = 0;
};

std::unique_ptr<FabricRouter> make_dragonfly_router(DragonflyWires);

}  // namespace orrery
