// Timelines written by hand for the tests of analysis/: the caller says when each operation ran, no engine involved.
// One fragment per iteration of one job; every operation gets a record in every fragment.
#pragma once

#include <memory>
#include <vector>

#include "sim/cluster.hpp"
#include "sim/cost_model.hpp"
#include "sim/timeline.hpp"

namespace orrery::tests {

// A kernel takes `flops` seconds at the nominal clock and is calibrated when m == 1; the device waits host_s for the host.
class FlopsAreSeconds : public CostModel {
 public:
  Cost sequence(DeviceTypeId, std::span<const Kernel> kernels, const OperatingPoint& point) const override {
    Cost cost;
    for (const Kernel& k : kernels) cost.time += Seconds(k.repeat * (k.flops / point.clock + k.host_s));
    return cost;
  }
  Seconds breakdown(DeviceTypeId, std::span<const Kernel> kernels, const OperatingPoint& point,
                    std::vector<KernelCost>& costs) const override {
    Seconds host{0};
    for (const Kernel& k : kernels) {
      costs.push_back({{Seconds(k.repeat * k.flops / point.clock), Joules(0)}, "compute", k.m == 1});
      host += Seconds(k.repeat * k.host_s);
    }
    return host;
  }
};

inline Kernel kernel(KernelKind kind, double seconds, double host_s = 0) {
  Kernel k;
  k.kind = kind;
  k.flops = seconds;
  k.host_s = host_s;
  return k;
}

// Devices of one type: 100 bytes of memory, vertex i is device i.
Cluster cluster_of(std::size_t devices, double capacity_bytes = 100);

class HandMade {
 public:
  explicit HandMade(std::uint16_t job = 0) : job_(job) {
    program_.queue_set_begin = program_.sequence_begin = {0};
    program_.pattern_begin = {0};
    program_.dependency_begin = {0};
  }

  HandMade& device(std::size_t id, double multiplicity = 1, int stage = 0);
  HandMade& holds(std::size_t device, MemoryCategory, double bytes);
  OpId compute(std::size_t device, double start, double end, std::vector<Kernel> kernels, Label = {},
               std::vector<OpId> after = {});
  OpId transfer(std::vector<Queue> queues, double start, double end, Label = {}, std::vector<OpId> after = {},
                std::vector<Flow> flows = {}, double bytes = 1);
  OpId join(double at, std::vector<OpId> after);
  void memory(OpId op, MemoryDelta delta);
  void energy(OpId op, double joules) { records_[op.index()].energy_J = joules; }
  void record(const Record& r) { records_[r.op.index()] = r; }

  // Appends a fragment that starts at `at` (operation times count from there) and lasts `length`.
  void append_to(Timeline&, double at, double length, bool cancelled = false) const;
  // A timeline of one fragment from 0 to `length`.
  Timeline timeline(double length) const;

 private:
  OpId add(Operation op, const std::vector<Queue>& queues, double start, double end, const std::vector<OpId>& after);

  std::uint16_t job_;
  Program program_;
  std::vector<Record> records_;
  mutable std::shared_ptr<const Program> shared_;
};

Label collective(CollectiveKind kind);
Label phase(Phase phase, int layer = -1, int micro_batch = -1);

}  // namespace orrery::tests
