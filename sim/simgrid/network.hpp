// The bytes of shared Transfers, carried by SimGrid. One engine per process: only the child that simulate_flow forks
// makes one of these.
//
// SimGrid sees two hosts. Each shared Transfer in flight is one host-to-host communication; our zone answers the
// route question with the constraints of the Transfer that is just being started, a constraint with count k listed k
// times. All payloads are 2^50 bytes: a factor per communication says how many of them one byte of its largest flow
// is, so sizes need no rounding. Links cannot be made once the run has begun, so they are made beforehand, without
// meaning, and get their capacity when a constraint takes one. When Programs submitted later need more than are left,
// LinksUsedUp is thrown, and the whole simulation is run again with more (it starts from the same state in a new
// process). When a new Program changes the constraints, the flows in flight are stopped and go on with what they have
// left.
//
// A flow that meets no other on any of its constraints gets what the narrowest allows, which needs no solver: its end
// is put on a list of our own, and only when another flow comes to one of its constraints does SimGrid get to see it,
// with what it has left. Most transfers that could meet never do.
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
    bool alone = false;           // not yet given to SimGrid
    double since = 0, until = 0;  // while alone
    std::uint32_t generation = 0;
  };
  struct Arrival {  // of a flow that is alone
    double date;
    std::uint64_t order;
    std::uint32_t flow, generation;
    bool operator>(const Arrival& o) const { return date != o.date ? date > o.date : order > o.order; }
  };
  void assign_capacities();
  void begin(std::uint32_t flow);
  void end(std::uint32_t flow);
  void run_alone(std::uint32_t flow);
  double left_alone(const Flow&) const;
  void give_to_simgrid(std::uint32_t flow);
  double next_arrival();
  void happen(double until);
  void launch(std::uint32_t flow);
  double halt(std::uint32_t flow);
  void arrived(std::uint32_t flow);
  void arm();
  void after_events();

  Contention contention_;
  std::size_t least_links_;
  EngineCore* core_ = nullptr;
  Platform* platform_ = nullptr;  // made by run(), flows started before wait for
                                  // it; never freed, the process ends first
  std::vector<Flow> flows_;       // by the engine's number
  std::size_t active_flows_ = 0;
  std::vector<std::vector<std::uint32_t>> flows_on_;  // by constraint: active flows
  std::vector<Arrival> arrivals_;                     // a heap, earliest first
  std::uint64_t order_ = 0;
};

}  // namespace orrery
