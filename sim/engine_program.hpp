// A Program as the engine reads it: successors instead of dependencies, the operations of every queue in their order,
// the devices of every queue set, and its patterns routed. Built once per Program, however often it is submitted.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "sim/circuits.hpp"
#include "sim/cluster.hpp"
#include "sim/cost_model.hpp"
#include "sim/program.hpp"
#include "sim/routes.hpp"

namespace orrery {

// A vector of lists: list i is values[begin[i] .. begin[i + 1]).
struct Lists {
  std::vector<std::uint32_t> begin{0}, values;

  std::span<const std::uint32_t> of(std::size_t i) const {
    return {values.data() + begin[i], values.data() + begin[i + 1]};
  }
  std::size_t size() const { return begin.size() - 1; }
  void close_list() { begin.push_back(static_cast<std::uint32_t>(values.size())); }
};

struct IndexedProgram {
  std::shared_ptr<const Program> program;
  std::vector<std::uint32_t> waits;   // by operation: dependencies + queues (in a body: none), each counted down once
  std::size_t unfinished = 0;         // operations outside bodies
  std::vector<std::uint32_t> ready;   // of these, the ones that wait for nothing
  Lists ready_in_body;                // by body: its operations that wait for nothing
  Lists successors;                   // by operation
  Lists queue_operations;             // by queue of the Program, in queue order; what bodies do there is not in it
  std::vector<std::uint32_t> queues;  // by queue of the Program: the engine's number of it
  Lists set_devices;                  // by queue set: the engine's numbers of its devices, each once
  std::vector<RoutedPattern> patterns;
  std::vector<CircuitPlan> circuits;  // by pattern; empty: the fabric has none
  const CircuitBoard* board = nullptr;
  std::vector<PortSchedule> schedules;  // where circuits are set ahead

  // From now on the Transfers of a pattern take the time that they need beside those of its set.
  void time_together(const Cluster&);

  const Operation& operation(std::size_t op) const { return program->operations[op]; }
  const RoutedPattern& pattern_of(const Operation& op) const { return patterns[op.pattern.index()]; }
  const CircuitPlan* circuits_of(const Operation& op) const {
    if (circuits.empty() || circuits[op.pattern.index()].settings.empty()) return nullptr;
    return &circuits[op.pattern.index()];
  }
  std::span<const std::uint32_t> devices_of(const Operation& op) const {
    if (!op.queues.valid()) return {};
    return set_devices.of(op.queues.index());
  }
};

// Everything but `queues` and `set_devices`, which depend on what the engine has met before. Checks every id in use.
// `board`: of the optical circuits, if the fabric has any.
IndexedProgram index_program(std::shared_ptr<const Program>, const Cluster&, CircuitBoard* board = nullptr);

// Remembers what the cost model answered. A few answers are kept per sequence (one per device type and operating
// point).
class CostCache {
 public:
  explicit CostCache(const CostModel& model) : model_(model) {}
  Cost cost(const Program&, SequenceId, DeviceTypeId, const OperatingPoint&);

 private:
  struct Answer {
    DeviceTypeId type;
    OperatingPoint point;
    Cost cost;
  };
  struct Answers {
    std::array<Answer, 4> kept;
    std::uint32_t used = 0, oldest = 0;
  };
  const CostModel& model_;
  std::unordered_map<const Program*, std::vector<Answers>> answers_;
  const Program* last_program_ = nullptr;
  std::vector<Answers>* last_ = nullptr;
};

}  // namespace orrery
