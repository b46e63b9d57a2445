#include "analysis/metrics.hpp"

#include <cmath>
#include <random>

#include <catch2/catch.hpp>

#include "analysis/report.hpp"
#include "sim/network_item.hpp"
#include "tests/analysis/hand_made.hpp"

using namespace orrery;
using namespace orrery::tests;

namespace {

JobMetrics measure_one(const Timeline& timeline, const Cluster& cluster, JobFacts facts = {}) {
  return measure(timeline, cluster, FlopsAreSeconds(), {facts}).jobs.at(0);
}

double sum(const std::map<std::string, double>& values) {
  double total = 0;
  for (const auto& [name, value] : values) total += value;
  return total;
}

class OneLinkEach : public Router {
 public:
  Seconds route(VertexId, VertexId, std::uint64_t, std::vector<Hop>& hops) const override {
    hops.push_back({LinkId(0), 1});
    hops.push_back({LinkId(1), 0.5});
    hops.push_back({LinkId(2), 0.5});
    return Seconds(0);
  }
};

}  // namespace

TEST_CASE("the iteration measured is the last one completed") {
  HandMade job;
  job.device(0).compute(0, 1, 3, {kernel(KernelKind::gemm, 2)});
  Timeline timeline;
  job.append_to(timeline, 0, 10);
  job.append_to(timeline, 10, 5);
  job.append_to(timeline, 15, 20, true);
  const JobMetrics m = measure_one(timeline, cluster_of(1));
  CHECK(m.iterations_s == std::vector<double>{10, 5});
  CHECK(m.iteration_s == 5);
  CHECK(m.compute_s == 2);
  CHECK(m.other_s == 3);
}

TEST_CASE("figures of a job are means over the iterations measured") {
  HandMade job;
  job.device(0, 2);
  const OpId only = job.compute(0, 1, 3, {kernel(KernelKind::gemm, 2)});
  job.energy(only, 6);
  Timeline timeline;
  job.append_to(timeline, 0, 100);
  job.append_to(timeline, 100, 5);
  job.append_to(timeline, 105, 7);
  job.append_to(timeline, 112, 20, true);
  timeline.devices.push_back({DeviceId(0), 132});
  JobFacts facts;
  facts.tokens = 12;
  facts.measured_iterations = 2;
  const JobMetrics m = measure(timeline, cluster_of(1), FlopsAreSeconds(), {facts}).jobs[0];
  CHECK(m.iterations_s == std::vector<double>{100, 5, 7});
  CHECK(m.measured_iterations == 2);
  CHECK(m.iteration_s == 6);
  CHECK(m.compute_s == 2);
  CHECK(m.other_s == 4);
  CHECK(m.energy.compute_J == 12);
  CHECK(m.energy.static_J == Approx(2 * 6));
  CHECK(m.tokens_per_s == 2);
}

TEST_CASE("kernel shares are scaled to the recorded duration and include the wait for the host") {
  HandMade job;
  job.device(0).compute(0, 0, 8, {kernel(KernelKind::gemm, 2, 1), kernel(KernelKind::softmax, 1)},
                        phase(Phase::forward));
  const JobMetrics m = measure_one(job.timeline(8), cluster_of(1));
  REQUIRE(m.stages.size() == 1);
  const auto& by_kernel = m.stages[0].compute_by_kernel_s;
  CHECK(by_kernel.at("gemm") == Approx(4));
  CHECK(by_kernel.at("softmax") == Approx(2));
  CHECK(by_kernel.at("host launch") == Approx(2));
  CHECK(m.stages[0].compute_by_phase_s.at("forward") == Approx(8));
}

TEST_CASE("exposed communication is named by its collective and stream") {
  HandMade job;
  job.device(0).compute(0, 0, 2, {kernel(KernelKind::gemm, 2)});
  job.transfer({{DeviceId(0), Stream::tensor}}, 1, 5, collective(CollectiveKind::all_reduce));
  const JobMetrics m = measure_one(job.timeline(5), cluster_of(1));
  CHECK(m.stages[0].exposed_by_collective_s.at("all_reduce (tensor-parallel)") == Approx(3));
  CHECK(m.stages[0].communication_by_collective_s.at("all_reduce (tensor-parallel)") == Approx(4));
}

TEST_CASE("a transfer that blocks the compute stream is exposed communication, not compute") {
  HandMade job;
  job.device(0).transfer({{DeviceId(0), Stream::compute}}, 0, 3, collective(CollectiveKind::all_reduce));
  const JobMetrics m = measure_one(job.timeline(3), cluster_of(1));
  CHECK(m.compute_s == 0);
  CHECK(m.exposed_communication_s == 3);
}

TEST_CASE("a message occupies both its sender and its receiver") {
  HandMade job;
  job.device(0, 1, 0).device(1, 1, 1);
  job.transfer({{DeviceId(0), Stream::send_forward}, {DeviceId(1), Stream::receive_forward}}, 0, 2,
               collective(CollectiveKind::send_receive));
  const JobMetrics m = measure_one(job.timeline(4), cluster_of(2));
  CHECK(m.stages[0].exposed_by_collective_s.at("send_recv (send-forward)") == 2);
  CHECK(m.stages[1].exposed_by_collective_s.at("send_recv (receive-forward)") == 2);
}

TEST_CASE("means are weighted by how many devices a representative stands for") {
  HandMade job;
  job.device(0, 3, 0).device(1, 1, 1).device(2, 2, 1);
  job.compute(0, 0, 8, {kernel(KernelKind::gemm, 5)});
  job.compute(1, 0, 4, {kernel(KernelKind::gemm, 7)});
  job.compute(2, 0, 1, {kernel(KernelKind::normalization, 11)});
  const JobMetrics m = measure_one(job.timeline(8), cluster_of(3));
  CHECK(m.devices == 6);
  CHECK(m.compute_s == Approx((3 * 8 + 4 + 2 * 1) / 6.0));
  CHECK(m.stages[1].devices == 3);
  CHECK(m.stages[1].compute_s == Approx((4 + 2 * 1) / 3.0));
  CHECK(m.hardware_flops == Approx(3 * 5 + 7));  // normalization does not count
}

TEST_CASE("rates and utilizations follow from the facts of the workload") {
  HandMade job;
  job.device(0, 4).compute(0, 0, 2, {kernel(KernelKind::gemm, 6e12)});
  JobFacts facts;
  facts.tokens = 1000;
  facts.samples = 10;
  facts.model_flops = 16e12;
  facts.peak_flops_per_device = 10e12;
  facts.training_tokens = 5000;
  const JobMetrics m = measure_one(job.timeline(2), cluster_of(4), facts);
  CHECK(m.tokens_per_s == 500);
  CHECK(m.tokens_per_s_per_device == 125);
  CHECK(m.samples_per_s == 5);
  CHECK(*m.model_tflops_per_device == Approx(2));
  CHECK(*m.mfu == Approx(0.2));
  CHECK(*m.hfu == Approx(0.3));
  CHECK(*m.time_to_train_s == Approx(10));
}

TEST_CASE("memory peaks where the running sum does, ends before starts, on top of what persists") {
  HandMade job;
  job.device(0).holds(0, MemoryCategory::weights, 10).holds(0, MemoryCategory::optimizer, 20);
  job.memory(job.compute(0, 0, 1, {}), {MemoryCategory::activations, 30, 0});
  job.memory(job.compute(0, 1, 2, {}), {MemoryCategory::buffers, 50, -50});
  job.memory(job.compute(0, 2, 3, {}), {MemoryCategory::activations, 15, -45});
  const JobMetrics m = measure_one(job.timeline(3), cluster_of(1));
  CHECK(m.memory_peak_bytes == 110);
  CHECK(m.stages[0].memory_peak_by_category_bytes == std::array<double, 5>{10, 0, 20, 30, 50});
  CHECK_FALSE(m.feasible);
  CHECK(m.shortfall_bytes == 10);
}

TEST_CASE("memory left over by one iteration counts in the next") {
  HandMade job;
  job.device(0);
  job.memory(job.compute(0, 0, 1, {}), {MemoryCategory::activations, 7, 0});
  Timeline timeline;
  for (int i = 0; i < 3; ++i) job.append_to(timeline, i, 1);
  CHECK(measure_one(timeline, cluster_of(1)).memory_peak_bytes == 21);
}

TEST_CASE("a job fits where the capacity of the device is unknown") {
  HandMade job;
  job.device(0).holds(0, MemoryCategory::weights, 1e30);
  const JobMetrics m = measure_one(job.timeline(1), cluster_of(1, 0));
  CHECK(m.feasible);
  CHECK(m.stages[0].memory_capacity_bytes == 0);
}

TEST_CASE("energy of an iteration counts computes per device, transfers once, static and host power by time") {
  HandMade job;
  job.device(0, 3);
  job.energy(job.compute(0, 0, 1, {}), 5);
  job.energy(job.transfer({{DeviceId(0), Stream::data}}, 1, 2), 7);
  Timeline timeline;
  job.append_to(timeline, 0, 2);
  job.append_to(timeline, 2, 2);
  timeline.devices.push_back({DeviceId(0), 40});
  Cluster cluster = cluster_of(3);
  cluster.host_power = {Watts(11)};
  const Metrics all = measure(timeline, cluster, FlopsAreSeconds(), {JobFacts{}});
  const JobMetrics& m = all.jobs[0];
  CHECK(m.energy.compute_J == 15);
  CHECK(m.energy.transfer_J == 7);
  CHECK(m.energy.static_J == Approx(60));
  CHECK(m.energy.host_J == Approx(66));
  CHECK(m.average_power_W == Approx(148.0 / 2));
  CHECK(all.energy_J == Approx(2 * 148));  // two equal iterations
}

TEST_CASE("every device pays the host share of its own kind of node") {
  HandMade cheap(0), dear(1);
  cheap.device(0, 3).compute(0, 0, 2, {kernel(KernelKind::gemm, 1)});
  dear.device(1, 2).compute(1, 0, 2, {kernel(KernelKind::gemm, 1)});
  Timeline timeline;
  cheap.append_to(timeline, 0, 2);
  dear.append_to(timeline, 0, 2);
  Cluster cluster = cluster_of(2);
  cluster.device_types.push_back(cluster.device_types[0]);
  cluster.type_of[1] = DeviceTypeId(1);
  cluster.host_power = {Watts(10), Watts(100)};
  const Metrics m = measure(timeline, cluster, FlopsAreSeconds(), {JobFacts{}, JobFacts{}});
  CHECK(m.jobs[0].energy.host_J == Approx(10 * 3 * 2));
  CHECK(m.jobs[1].energy.host_J == Approx(100 * 2 * 2));
  CHECK(m.energy_J == Approx(460));
}

TEST_CASE("every device pays an equal share of what the network draws, for as long as it is there") {
  HandMade job;
  job.device(0, 3).compute(0, 0, 2, {kernel(KernelKind::gemm, 1)});
  Timeline timeline;
  job.append_to(timeline, 0, 2);
  Metrics m = measure(timeline, cluster_of(4), FlopsAreSeconds(), {JobFacts{}});
  const std::vector<NetworkItem> network = {{"switch", "s", "wire", 2, Watts(30), {}, "", false},
                                            {"nic", "n", "wire", 4, Watts(100), {}, "", true},  // drawn with the hosts
                                            {"cable", "", "wire", 8, {}, {}, "", false}};       // unknown
  const double before = m.jobs[0].energy_J, whole = m.energy_J;
  add_network_power(m, network_power(network) / 4);
  CHECK(m.jobs[0].energy.network_J == Approx(60.0 / 4 * 3 * 2));
  CHECK(m.jobs[0].energy_J == Approx(before + 90));
  CHECK(m.jobs[0].average_power_W == Approx((before + 90) / 2));
  CHECK(m.energy_J == Approx(whole + 90));
}

TEST_CASE("bytes on links count every link crossed, every copy and every execution") {
  HandMade job;
  job.device(0);
  job.transfer({{DeviceId(0), Stream::data}}, 0, 1, {}, {}, {{VertexId(0), VertexId(1), 0.25, 0, 6}}, 100);
  Timeline timeline;
  job.append_to(timeline, 0, 1);
  job.append_to(timeline, 1, 1);
  Cluster cluster = cluster_of(1);
  const LinkClassId wire = cluster.fabric.add_link_class({"wire", {}, {}});
  for (int v = 0; v < 2; ++v) cluster.fabric.add_vertex({VertexKind::nic, 0, {}});
  for (int l = 0; l < 3; ++l)
    cluster.fabric.add_link({VertexId(std::size_t{0}), VertexId(std::size_t{1}), BytesPerSecond(1), Seconds(0), wire});
  cluster.router = std::make_unique<OneLinkEach>();
  CHECK(measure(timeline, cluster, FlopsAreSeconds(), {JobFacts{}}).link_bytes == Approx(2 * 100 * 0.25 * 6 * 2));
}

TEST_CASE("jobs on one timeline are measured apart") {
  HandMade first(0), second(1);
  first.device(0).compute(0, 0, 4, {kernel(KernelKind::gemm, 1)});
  second.device(1).compute(1, 0, 3, {kernel(KernelKind::gemm, 1)});
  Timeline timeline;
  first.append_to(timeline, 0, 6);
  second.append_to(timeline, 1, 3);
  const Metrics m = measure(timeline, cluster_of(2), FlopsAreSeconds(), {JobFacts{}, JobFacts{}});
  CHECK(m.jobs[0].compute_s == 4);
  CHECK(m.jobs[0].other_s == 2);
  CHECK(m.jobs[1].iteration_s == 3);
  CHECK(m.jobs[1].compute_s == 3);
  CHECK(m.jobs[1].devices == 1);
}

TEST_CASE("time outside the calibrated range lowers the calibrated share") {
  HandMade job;
  Kernel far = kernel(KernelKind::gemm, 1);
  far.m = 2;
  job.device(0).compute(0, 0, 4, {kernel(KernelKind::gemm, 3, 4), far});
  const JobMetrics m = measure_one(job.timeline(4), cluster_of(1));
  CHECK(m.calibrated_share == Approx(0.75));
  CHECK(m.mean.compute_by_kernel_s.at("gemm") == Approx(2));  // the other half waits for the host
  CHECK(m.mean.calibrated_by_kernel_s.at("gemm") == Approx(1.5));
}

TEST_CASE("exposed communication is told apart by whether it leaves a node") {
  Cluster cluster = cluster_of(4);
  Fabric fabric;
  for (std::uint32_t d = 0; d < 4; ++d)
    fabric.add_vertex({.kind = VertexKind::device, .node = d / 2, .device = DeviceId(std::size_t{d})});
  cluster.fabric = std::move(fabric);
  const auto flow = [](std::size_t from, std::size_t to) { return Flow{VertexId(from), VertexId(to)}; };
  HandMade job;
  job.device(0);
  const Queue queue{DeviceId(std::size_t{0}), Stream::tensor};
  job.transfer({queue}, 0, 2, collective(CollectiveKind::all_reduce), {}, {flow(0, 1)});
  job.transfer({queue}, 2, 5, collective(CollectiveKind::all_reduce), {}, {flow(0, 1), flow(1, 2)});
  const StageMetrics s = measure_one(job.timeline(6), cluster).stages.at(0);
  CHECK(s.exposed_communication_s == 5);
  CHECK(s.exposed_between_nodes_s == 3);
  CHECK(s.exposed_by_collective_s.at("all_reduce (tensor-parallel)") == 5);
}

TEST_CASE("a program without representatives stands for the devices its queues name") {
  HandMade job;
  job.compute(1, 0, 2, {kernel(KernelKind::gemm, 1)});
  const JobMetrics m = measure_one(job.timeline(2), cluster_of(2));
  CHECK(m.devices == 1);
  CHECK(m.compute_s == 2);
}

TEST_CASE("workers of an asynchronous job are all measured over the last one's iteration") {
  HandMade slow, fast;
  slow.device(0).compute(0, 0, 10, {kernel(KernelKind::gemm, 1)});
  fast.device(1).compute(1, 0, 3, {kernel(KernelKind::gemm, 1)});
  Timeline timeline;
  slow.append_to(timeline, 0, 10);
  fast.append_to(timeline, 0, 4);
  fast.append_to(timeline, 4, 4);
  fast.append_to(timeline, 8, 4);
  const JobMetrics m = measure_one(timeline, cluster_of(2));
  CHECK(m.iteration_s == 4);
  CHECK(m.devices == 2);
  CHECK(m.compute_s == Approx((2 + 3) / 2.0));
}

TEST_CASE("on random timelines every breakdown sums to its whole") {
  std::mt19937 random(11);
  std::uniform_real_distribution<double> pause(0, 0.3), length(0, 1), any(0, 30);
  std::uniform_int_distribution<int> kind(0, 17), word(1, 9), stream(1, static_cast<int>(stream_names.size()) - 1);
  for (int trial = 0; trial < 50; ++trial) {
    HandMade job;
    for (std::size_t d = 0; d < 4; ++d) {
      job.device(d, 1.0 + static_cast<double>(d), static_cast<int>(d / 2));
      for (double t = pause(random); t < 28; t += pause(random)) {
        const double end = t + length(random);
        job.compute(d, t, end,
                    {kernel(static_cast<KernelKind>(kind(random)), length(random), pause(random)),
                     kernel(static_cast<KernelKind>(kind(random)), length(random))});
        t = end;
      }
    }
    for (std::size_t i = 0; i < 40; ++i) {
      const double start = any(random);
      job.transfer({{DeviceId(i % 4), static_cast<Stream>(stream(random))},
                    {DeviceId((i / 4) % 4), static_cast<Stream>(stream(random))}},
                   start, std::min(30.0, start + 3 * length(random)),
                   collective(static_cast<CollectiveKind>(word(random))));
    }
    Timeline timeline;
    job.append_to(timeline, 0, 30);
    job.append_to(timeline, 30, 30);
    const JobMetrics m = measure_one(timeline, cluster_of(4));
    CHECK(m.compute_s + m.exposed_communication_s + m.bubble_s + m.other_s == Approx(m.iteration_s).epsilon(1e-9));
    for (const StageMetrics& s : m.stages) {
      CHECK(s.compute_s + s.exposed_communication_s + s.bubble_s + s.other_s == Approx(30).epsilon(1e-9));
      CHECK(sum(s.compute_by_kernel_s) == Approx(s.compute_s).epsilon(1e-9));
      CHECK(sum(s.compute_by_phase_s) == Approx(s.compute_s).epsilon(1e-9));
      CHECK(sum(s.exposed_by_collective_s) == Approx(s.exposed_communication_s).epsilon(1e-9));
      for (const auto& [name, open] : s.exposed_by_collective_s)
        CHECK(open <= s.communication_by_collective_s.at(name) * (1 + 1e-9));
    }
  }
}

TEST_CASE("of a device at half the clock the time by kernel class is what each takes at that clock") {
  HandMade job;
  job.device(0).compute(0, 0, 7, {kernel(KernelKind::gemm, 2), kernel(KernelKind::softmax, 1, 1)});
  Cluster cluster = cluster_of(1);
  cluster.speed = {0.5};
  const JobMetrics m = measure(job.timeline(7), cluster, FlopsAreSeconds(), {JobFacts{}}).jobs[0];
  CHECK(m.mean.compute_by_kernel_s.at("gemm") == Approx(4));
  CHECK(m.mean.compute_by_kernel_s.at("softmax") == Approx(2));
  CHECK(m.mean.compute_by_kernel_s.at("host launch") == Approx(1));  // the host is as fast as ever
}

TEST_CASE("the result document has every metric key, and null for what cannot be computed") {
  HandMade job;
  job.device(0).compute(0, 0, 1, {kernel(KernelKind::softmax, 1)});
  const Json json = metrics_json(measure(job.timeline(2), cluster_of(1), FlopsAreSeconds(), {JobFacts{}}));
  CHECK(json["feasible"] == true);
  const Json& m = json["metrics"];
  for (const char* key : {"iteration_s", "compute_s", "exposed_communication_s", "bubble_s", "other_s", "energy_J",
                          "average_power_W", "memory_peak_bytes", "devices", "simulated_events"}) {
    INFO(key);
    REQUIRE(m.contains(key));
    CHECK(m[key].is_number());
  }
  for (const char* key : {"tokens_per_s", "tokens_per_s_per_device", "samples_per_s", "model_tflops_per_device", "hfu",
                          "hardware_tflops_per_device", "mfu", "peak_temperature_C", "scaling_efficiency",
                          "time_to_train_s", "cost_USD"}) {
    INFO(key);
    REQUIRE(m.contains(key));
    CHECK(m[key].is_null());
  }
  CHECK(m["stages"][0]["compute_by_kernel_s"]["softmax"] == 1.0);
  CHECK(json["jobs"][0]["metrics"]["iteration_s"] == 2.0);
}

TEST_CASE("with several jobs the top-level metrics hold only what the whole run has") {
  HandMade first(0), second(1);
  first.device(0).compute(0, 0, 1, {});
  second.device(1).compute(1, 0, 1, {});
  Timeline timeline;
  first.append_to(timeline, 0, 1);
  second.append_to(timeline, 0, 1);
  std::vector<JobFacts> facts(2);
  facts[0].name = "a";
  facts[1].name = "b";
  const Json json = metrics_json(measure(timeline, cluster_of(2), FlopsAreSeconds(), facts));
  CHECK_FALSE(json["metrics"].contains("iteration_s"));
  CHECK(json["metrics"]["simulated_events"] == 4);
  CHECK(json["jobs"][1]["name"] == "b");
}

TEST_CASE("a job that completed nothing has no times") {
  HandMade job;
  job.device(0).compute(0, 0, 1, {});
  Timeline timeline;
  job.append_to(timeline, 0, 1, true);
  const Json json = metrics_json(measure(timeline, cluster_of(1), FlopsAreSeconds(), {JobFacts{}}));
  CHECK(json["metrics"]["iteration_s"].is_null());
  CHECK(json["metrics"]["compute_s"].is_null());
}
