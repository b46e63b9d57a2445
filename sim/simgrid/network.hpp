// The bytes of shared Transfers, carried by SimGrid. One engine per process: only the child that simulate_flow forks makes
// one of these.
//
// SimGrid sees two hosts. Each shared Transfer in flight is one host-to-host communication; our zone answers the route
// question with the constraints of the Transfer that is just being started, a constraint with count k listed k times.
// All payloads are 2^50 bytes: a factor per communication says how many of them one byte of its largest flow is, so sizes
// need no rounding. Links cannot be made once the run has begun, so they are made beforehand, without meaning, and get
// their capacity when a constraint takes one. When Programs submitted later need more than are left, LinksUsedUp is
// thrown, and the whole simulation is run again with more (it starts from the same state in a new process).
// When a new Program changes the constraints, the flows in flight are stopped and go on with what they have left.
#pragma once

#include <vector>

#include "sim/engine_core.hpp"
#include "sim/simgrid/contention.hpp"

namespace orrery {

struct LinksUsedUp {
  std::size_t needed = 0;
};

class SimGridNetwork : public FlowNetwork {
 public:
  SimGridNetwork(const Fabric&, std::size_t least_links);

  void add(const IndexedProgram&) override;
  bool shared(const IndexedProgram&, std::size_t op) const override;
  void start(std::uint32_t flow, const IndexedProgram&, std::size_t op, double bytes) override;
  double stop(std::uint32_t flow) override;

  void run(EngineCore&);  // until nothing is left to happen
  std::uint64_t approximated_links() const { return contention_.approximated(); }

 private:
  struct Platform;
  struct Flow {
    std::uint32_t pattern = 0;
    double bytes = 0;  // of the Transfer, left when it was (re)started
    bool active = false;
  };
  void assign_capacities();
  void launch(std::uint32_t flow);
  double halt(std::uint32_t flow);
  void arrived(std::uint32_t flow);
  void arm();
  void after_events();

  Contention contention_;
  std::size_t least_links_;
  EngineCore* core_ = nullptr;
  Platform* platform_ =
      nullptr;               // made by run(), flows started before wait for it; never freed, the process ends first
  std::vector<Flow> flows_;  // by the engine's number
  std::size_t active_flows_ = 0;
};

}  // namespace orrery
