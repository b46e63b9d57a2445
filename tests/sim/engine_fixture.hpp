// What the engine's tests share: a cost model one can compute in one's head (1 FLOP takes 1 s and 1 "byte" costs 1 J at
// nominal clock; energy grows with the clock), governors, and a driver that submits a list of programs.
#pragma once

#include <memory>
#include <vector>

#include "sim/engine.hpp"

namespace orrery::testing {

class HeadCost : public CostModel {
 public:
  Cost sequence(DeviceTypeId, std::span<const Kernel> kernels, const OperatingPoint& point) const override {
    Cost cost;
    for (const Kernel& k : kernels) {
      cost.time += Seconds(k.flops / (point.clock * point.share));
      cost.energy += Joules(k.bytes * point.clock);
    }
    return cost;
  }
  Seconds breakdown(DeviceTypeId, std::span<const Kernel>, const OperatingPoint&,
                    std::vector<KernelCost>&) const override {
    return {};
  }
};

class ConstantGovernor : public Governor {
 public:
  explicit ConstantGovernor(double watts = 0) : watts_(watts) {}
  Setting set(DeviceId, const Activity&, Seconds) override {
    Setting setting;
    setting.static_power = Watts(watts_);
    return setting;
  }

 private:
  double watts_;
};

class ListDriver : public JobDriver {
 public:
  explicit ListDriver(std::vector<std::shared_ptr<const Program>> programs) : programs_(std::move(programs)) {}
  void start(Controls& controls) override {
    for (const auto& program : programs_) controls.submit(program);
  }

 private:
  std::vector<std::shared_ptr<const Program>> programs_;
};

// `devices` devices around one switch; each has a cable of `bandwidth` to it. Message latency 0.
inline Cluster star(std::size_t devices, double bandwidth = 1, double latency = 0) {
  Cluster cluster;
  cluster.name = "star";
  Vertex hub;
  hub.kind = VertexKind::network_switch;
  const VertexId middle = cluster.fabric.add_vertex(hub);
  LinkClass cable;
  cable.name = "cable";
  const LinkClassId link_class = cluster.fabric.add_link_class(cable);
  for (std::size_t i = 0; i < devices; ++i) {
    Vertex device;
    device.device = DeviceId(i);
    cluster.fabric.add_cable(cluster.fabric.add_vertex(device), middle, BytesPerSecond(bandwidth), Seconds(latency),
                             link_class);
    cluster.type_of.push_back(DeviceTypeId(std::size_t{0}));
    cluster.speed.push_back(1);
  }
  cluster.device_types.emplace_back();
  cluster.pools.push_back({"pool", DeviceTypeId(std::size_t{0}), 0, devices, devices});
  cluster.router = make_shortest_path_router(cluster.fabric);
  return cluster;
}

// Writes programs in terms of device numbers.
struct Writer {
  explicit Writer(const Cluster& c) : cluster(c) {}
  QueueSetId on(std::size_t device, Stream stream = Stream::compute) { return builder.on(DeviceId(device), stream); }
  OpId compute(std::size_t device, double seconds, double joules = 0, Stream stream = Stream::compute) {
    return compute(on(device, stream), seconds, joules);
  }
  OpId compute(QueueSetId queues, double seconds, double joules = 0) {
    Kernel kernel;
    kernel.flops = seconds;
    kernel.bytes = joules;
    return builder.compute(queues, builder.sequence({&kernel, 1}), {});
  }
  Flow flow(std::size_t from, std::size_t to, double share = 1, double copies = 1) const {
    Flow f;
    f.from = cluster.fabric.vertex_of(DeviceId(from));
    f.to = cluster.fabric.vertex_of(DeviceId(to));
    f.share = share;
    f.copies = copies;
    return f;
  }
  OpId transfer(QueueSetId queues, std::vector<Flow> flows, double bytes, std::uint32_t rounds = 0, double setup = 0) {
    return builder.transfer(queues, builder.pattern(flows), bytes, rounds, Seconds(setup), {});
  }
  // On the sender's copy queue.
  OpId send(std::size_t from, std::size_t to, double bytes, Stream stream = Stream::copy) {
    return transfer(on(from, stream), {flow(from, to)}, bytes);
  }
  std::shared_ptr<const Program> finish() { return std::make_shared<const Program>(std::move(builder).finish()); }

  const Cluster& cluster;
  ProgramBuilder builder;
};

using Evaluator = Timeline (*)(const Cluster&, const CostModel&, Governor&, std::span<JobDriver* const>);

inline Timeline run(Evaluator evaluate, const Cluster& cluster, JobDriver& driver) {
  ConstantGovernor governor;
  const std::vector<JobDriver*> drivers{&driver};
  return evaluate(cluster, HeadCost(), governor, drivers);
}
inline Timeline run(Evaluator evaluate, const Cluster& cluster, std::shared_ptr<const Program> program) {
  ListDriver driver({std::move(program)});
  return run(evaluate, cluster, driver);
}

inline const Record& record_of(const Timeline& timeline, OpId op, std::uint32_t fragment = 0) {
  for (const Record& record : timeline.records)
    if (record.fragment == fragment && record.op == op) return record;
  throw std::runtime_error("no record of that operation");
}
inline double end_of(const Timeline& timeline, OpId op, std::uint32_t fragment = 0) {
  return record_of(timeline, op, fragment).end_s;
}

inline bool identical(const Timeline& a, const Timeline& b) {
  if (a.end_s != b.end_s || a.records.size() != b.records.size() || a.devices.size() != b.devices.size()) return false;
  for (std::size_t i = 0; i < a.records.size(); ++i) {
    const Record &x = a.records[i], &y = b.records[i];
    if (x.fragment != y.fragment || x.op != y.op || x.start_s != y.start_s || x.end_s != y.end_s ||
        x.energy_J != y.energy_J)
      return false;
  }
  for (std::size_t i = 0; i < a.devices.size(); ++i)
    if (a.devices[i].device != b.devices[i].device || a.devices[i].static_energy_J != b.devices[i].static_energy_J)
      return false;
  return true;
}

}  // namespace orrery::testing
