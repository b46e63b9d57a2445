#include <cmath>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include <catch2/catch.hpp>

#include "analysis/report.hpp"
#include "analysis/trace_events.hpp"
#include "tests/analysis/hand_made.hpp"

using namespace orrery;
using namespace orrery::tests;

namespace {

struct Slice {
  long long start, end;
  std::string name;
};

struct Trace {
  Json events;
  std::map<std::pair<int, int>, std::vector<Slice>> slices;  // by process and thread, in file order
};

long long nanoseconds(const Json& microseconds) { return std::llround(microseconds.get<double>() * 1000); }

Trace trace_of(const Timeline& timeline, const Cluster& cluster, const TraceLimits& limits = {}) {
  std::ostringstream out;
  write_trace(out, timeline, cluster, FlopsAreSeconds(), limits);
  Trace trace;
  trace.events = parse_json(out.str(), "trace")["traceEvents"];
  for (const Json& e : trace.events)
    if (e["ph"] == "X")
      trace.slices[{e["pid"], e["tid"]}].push_back(
          {nanoseconds(e["ts"]), nanoseconds(e["ts"]) + nanoseconds(e["dur"]), e["name"]});
  return trace;
}

// Two stages, three micro-batches, odd times; kernels whose nominal times do not fit the recorded ones.
HandMade pipeline() {
  HandMade job;
  job.device(0, 4, 0).device(1, 4, 1).holds(0, MemoryCategory::weights, 5);
  for (int m = 0; m < 3; ++m) {
    const double t = m * 0.3333333333;
    const OpId forward = job.compute(
        0, t, t + 0.3333333333,
        {kernel(KernelKind::gemm, 0.1, 0.01), kernel(KernelKind::softmax, 1.0 / 7), kernel(KernelKind::gemm, 0.2)},
        phase(Phase::forward, 2, m));
    job.memory(forward, {MemoryCategory::activations, 8, 0});
    const OpId send = job.transfer({{DeviceId(0), Stream::send_forward}, {DeviceId(1), Stream::receive_forward}},
                                   t + 0.3333333333, t + 0.35, collective(CollectiveKind::send_receive), {forward});
    job.compute(1, t + 0.35, t + 0.6, {kernel(KernelKind::attention, 1)}, phase(Phase::forward, 3, m), {send});
  }
  return job;
}

std::size_t count(const Trace& trace, const std::string& ph) {
  std::size_t n = 0;
  for (const Json& e : trace.events) n += e["ph"] == ph;
  return n;
}

}  // namespace

TEST_CASE("slices of a thread nest: none crosses the end of the one it starts in") {
  const Trace trace = trace_of(pipeline().timeline(2), cluster_of(2));
  REQUIRE_FALSE(trace.slices.empty());
  for (const auto& [track, slices] : trace.slices) {
    std::vector<Slice> sorted = slices;
    std::stable_sort(sorted.begin(), sorted.end(), [](const Slice& a, const Slice& b) {
      return a.start != b.start ? a.start < b.start : a.end > b.end;
    });
    std::vector<Slice> open;
    for (const Slice& s : sorted) {
      while (!open.empty() && open.back().end <= s.start) open.pop_back();
      if (!open.empty()) CHECK(s.end <= open.back().end);
      open.push_back(s);
    }
  }
}

TEST_CASE("the kernels of a compute fill it from end to end") {
  const Trace trace = trace_of(pipeline().timeline(2), cluster_of(2));
  const auto& slices = trace.slices.at({0, 1});
  REQUIRE(slices.size() == 3 * 5);
  CHECK(slices[0].name == "forward layer 2 micro-batch 0");
  CHECK(slices[1].name == "host launch");
  CHECK(slices[1].start == slices[0].start);
  for (std::size_t i = 2; i < 5; ++i) CHECK(slices[i].start == slices[i - 1].end);
  CHECK(slices[4].end == slices[0].end);
}

TEST_CASE("every arrow leaves the sender's slice and later reaches the receiver's compute") {
  const Trace trace = trace_of(pipeline().timeline(2), cluster_of(2));
  std::map<int, std::pair<const Json*, const Json*>> arrows;
  for (const Json& e : trace.events) {
    if (e["ph"] != "s" && e["ph"] != "f") continue;
    const Json*& end = e["ph"] == "s" ? arrows[e["id"]].first : arrows[e["id"]].second;
    CHECK(end == nullptr);
    end = &e;
  }
  CHECK(arrows.size() == 3);
  for (const auto& [id, ends] : arrows) {
    REQUIRE(ends.first);
    REQUIRE(ends.second);
    CHECK(nanoseconds((*ends.first)["ts"]) < nanoseconds((*ends.second)["ts"]));
    CHECK((*ends.first)["pid"] == 0);
    CHECK((*ends.second)["pid"] == 1);
    for (const Json* e : {ends.first, ends.second}) {
      const auto& slices = trace.slices.at({(*e)["pid"], (*e)["tid"]});
      CHECK(std::any_of(slices.begin(), slices.end(), [&](const Slice& s) {
        return s.start <= nanoseconds((*e)["ts"]) && nanoseconds((*e)["ts"]) < s.end;
      }));
    }
  }
}

TEST_CASE("the trace spans what the records span, one slice per record and queue") {
  const Timeline timeline = pipeline().timeline(2);
  const Trace trace = trace_of(timeline, cluster_of(2));
  long long last = 0, operations = 0;
  for (const Json& e : trace.events) {
    if (e["ph"] != "X") continue;
    last = std::max(last, nanoseconds(e["ts"]) + nanoseconds(e["dur"]));
    operations += e["cat"] != "kernel";
  }
  CHECK(last == std::llround(timeline.records.back().end_s * 1e9));
  CHECK(operations == 3 * (1 + 2 + 1));
}

TEST_CASE("devices and streams are named, with what they stand for") {
  const Trace trace = trace_of(pipeline().timeline(2), cluster_of(2));
  std::vector<std::string> names;
  for (const Json& e : trace.events)
    if (e["name"] == "process_name" || e["name"] == "thread_name") names.push_back(e["args"]["name"]);
  CHECK(names == std::vector<std::string>{"device 0 · stage 0 · stands for 4", "device 1 · stage 1 · stands for 4",
                                          "compute", "send-forward", "compute", "receive-forward"});
}

TEST_CASE("memory counters follow the running sum from what persists") {
  const Trace trace = trace_of(pipeline().timeline(2), cluster_of(2));
  std::vector<double> activations;
  for (const Json& e : trace.events)
    if (e["ph"] == "C" && e["pid"] == 0) {
      CHECK(e["args"]["weights"] == 5.0);
      activations.push_back(e["args"]["activations"]);
    }
  CHECK(activations == std::vector<double>{8, 16, 24});
}

TEST_CASE("a joined and a collective transfer get no arrow") {
  HandMade job;
  job.device(0).device(1);
  const OpId all = job.transfer({{DeviceId(0), Stream::tensor}, {DeviceId(1), Stream::tensor}}, 0, 1,
                                collective(CollectiveKind::all_reduce));
  job.compute(1, 1, 2, {kernel(KernelKind::gemm, 1)}, {}, {job.join(1, {all}), all});
  const Trace trace = trace_of(job.timeline(2), cluster_of(2));
  CHECK(count(trace, "s") == 0);
  CHECK(count(trace, "X") == 2 + 1 + 1);
}

TEST_CASE("an arrow reaches the collective that gathers what a message brought") {
  HandMade job;
  job.device(0, 1, 0).device(1, 1, 1).device(2, 1, 1);
  const OpId send = job.transfer({{DeviceId(0), Stream::send_forward}, {DeviceId(2), Stream::receive_forward}}, 0, 1,
                                 collective(CollectiveKind::send_receive));
  const OpId gather = job.transfer({{DeviceId(1), Stream::tensor}, {DeviceId(2), Stream::tensor}}, 1, 2,
                                   collective(CollectiveKind::all_gather), {send});
  job.compute(2, 2, 3, {kernel(KernelKind::gemm, 1)}, {}, {gather});
  const Trace trace = trace_of(job.timeline(3), cluster_of(3));
  CHECK(count(trace, "s") == 1);
  for (const Json& e : trace.events)
    if (e["ph"] == "f") {
      CHECK(e["pid"] == 2);  // the device that received, not the first of the gather
      CHECK(e["tid"] == static_cast<int>(Stream::tensor) + 1);
      CHECK(nanoseconds(e["ts"]) == 1'000'000'000);
    }
}

TEST_CASE("a trace shows the last iteration, and one device of each stage before a second of any") {
  HandMade job;
  for (std::size_t d = 0; d < 6; ++d) {
    job.device(d, 1, static_cast<int>(d / 2)).holds(d, MemoryCategory::weights, 3);
    job.memory(job.compute(d, 0, 1, {kernel(KernelKind::gemm, 1)}), {MemoryCategory::activations, 8, -8});
  }
  Timeline timeline;
  for (int i = 0; i < 4; ++i) job.append_to(timeline, i, 1);
  const auto shown = [&](TraceLimits limits) {
    const Trace trace = trace_of(timeline, cluster_of(6), limits);
    std::set<int> processes;
    long long first = 1'000'000'000'000;
    for (const Json& e : trace.events) {
      processes.insert(e["pid"].get<int>());
      if (e.contains("ts")) first = std::min(first, nanoseconds(e["ts"]));
    }
    return std::pair(processes, first);
  };
  CHECK(shown({4, {}, 1}) == std::pair(std::set<int>{0, 1, 2, 4}, 3'000'000'000LL));
  CHECK(shown({2, {}, 2}) == std::pair(std::set<int>{0, 2}, 2'000'000'000LL));
  CHECK(shown({{}, {}, {}}) == std::pair(std::set<int>{0, 1, 2, 3, 4, 5}, 0LL));
  CHECK(trace_scope(timeline, {4, {}, 1}).left_out == "4 of 6 simulated devices, 1 of 4 iterations");
  CHECK(trace_scope(timeline, {{}, {}, {}}).left_out == "");
  // A compute of one kernel is two slices: three devices have six, and one is always shown.
  CHECK(trace_scope(timeline, {{}, 6, 1}).left_out == "3 of 6 simulated devices, 1 of 4 iterations");
  CHECK(trace_scope(timeline, {{}, 1, {}}).left_out == "1 of 6 simulated devices");
  // A queue in which nothing ever runs makes no device.
  Program named = *timeline.fragments[0].program;
  named.queues.push_back({DeviceId(6), Stream::copy});
  for (FragmentRecord& f : timeline.fragments) f.program = std::make_shared<const Program>(named);
  CHECK(trace_scope(timeline, {{}, 1, {}}).left_out == "1 of 6 simulated devices");
  CHECK(trace_scope(timeline, {6, {}, {}}).left_out == "");
}

TEST_CASE("quotes, backslashes and control characters of names are escaped") {
  Cluster cluster = cluster_of(1);
  cluster.device_types[0].title = "a \"b\" \\ c\n\x01 µ";
  HandMade job;
  job.device(0).compute(0, 0, 1, {});
  const Trace trace = trace_of(job.timeline(1), cluster);
  CHECK(std::any_of(trace.events.begin(), trace.events.end(), [&](const Json& e) {
    return e["name"] == "process_labels" && e["args"]["labels"] == cluster.device_types[0].title;
  }));
}

TEST_CASE("a stream that fails is reported") {
  std::ostringstream out;
  out.setstate(std::ios::badbit);
  CHECK_THROWS_AS(write_trace(out, pipeline().timeline(2), cluster_of(2), FlopsAreSeconds()), IoError);
}
