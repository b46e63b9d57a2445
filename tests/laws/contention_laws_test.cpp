#include <set>

#include <catch2/catch.hpp>

#include "tests/sim/engine_fixture.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

constexpr double nic = 25e9, bytes = 1e9;

// Nodes of four devices with a NIC each, two nodes to a leaf switch of a two-level tree.
Cluster tree(int nodes, int ratio, const char* ecmp = "ideal", std::int64_t seed = 1) {
  ClusterSpec spec = nodes_of(switch_node(4, 4), nodes, "fat-tree");
  spec.fabric.radix = 8 + 8 / ratio;
  spec.fabric.oversubscription = ratio;
  spec.fabric.ecmp = ecmp;
  spec.fabric.seed = seed;
  return build_cluster(spec);
}

// A job: messages that all start at once.
struct Message {
  std::size_t from, to;
  double bytes;
};
std::shared_ptr<const Program> job(const Cluster& cluster, const std::vector<Message>& messages) {
  Writer w(cluster);
  for (const Message& m : messages) w.transfer({}, {w.flow(m.from, m.to)}, m.bytes);
  return w.finish();
}

std::vector<Message> shifted(std::size_t first, std::size_t count, std::size_t shift, double size) {
  std::vector<Message> all;
  for (std::size_t d = first; d < first + count; ++d) all.push_back({d, d + shift, size});
  return all;
}

// When the fragments end, which all start at 0.
std::vector<double> ends(const Cluster& cluster, std::vector<std::shared_ptr<const Program>> jobs) {
  ListDriver driver(std::move(jobs));
  std::vector<double> all;
  for (const FragmentRecord& f : run(simulate_flow, cluster, driver).fragments) all.push_back(f.end_s);
  return all;
}

double sum_of_ends(const Cluster& cluster, const std::shared_ptr<const Program>& program) {
  double sum = 0;
  for (const Record& r : run(simulate_flow, cluster, program).records) sum += r.end_s;
  return sum;
}

// Every device of `members` to every other: as one Transfer, or each flow by itself.
std::shared_ptr<const Program> all_to_all(const Cluster& cluster, std::size_t members, bool as_one,
                                          const std::vector<Message>& others = {}) {
  Writer w(cluster);
  std::vector<Flow> flows;
  for (std::size_t a = 0; a < members; ++a)
    for (std::size_t b = 0; b < members; ++b)
      if (a != b) flows.push_back(w.flow(a, b));
  if (as_one) w.transfer({}, flows, bytes);
  for (std::size_t i = 0; !as_one && i < flows.size(); ++i) w.transfer({}, {flows[i]}, bytes);
  for (const Message& m : others) w.transfer({}, {w.flow(m.from, m.to)}, m.bytes);
  return w.finish();
}

}  // namespace

TEST_CASE("an oversubscribed fat-tree slows the traffic that crosses it by the ratio, and no other") {
  for (int ratio : {1, 2, 4}) {
    const Cluster cluster = tree(8, ratio);
    const auto crossing = job(cluster, shifted(0, 8, 8, bytes)), inside = job(cluster, shifted(16, 4, 4, bytes));
    const std::vector<double> end = ends(cluster, {crossing, inside});
    CHECK(end[0] == Approx(ratio * bytes / nic));
    CHECK(end[1] == Approx(bytes / nic));
    CHECK(end[1] == ends(cluster, {inside})[0]);
  }
}

TEST_CASE("two jobs share one uplink as max-min says by hand, and a job that does not cross keeps every bit") {
  struct Case {
    int ratio;
    double first, second;  // in units of bytes / nic; the second job has twice the bytes
  };
  // Eight flows on 8 / ratio cables: 1 / ratio each; when the first four have ended, the others get 2 / ratio, at most 1.
  for (const Case& c : {Case{1, 1, 2}, Case{2, 2, 3}, Case{4, 4, 6}}) {
    const Cluster cluster = tree(8, c.ratio);
    const auto first = job(cluster, shifted(0, 4, 8, bytes)), second = job(cluster, shifted(4, 4, 8, 2 * bytes)),
               third = job(cluster, shifted(16, 4, 4, 1.3 * bytes));
    const std::vector<double> end = ends(cluster, {first, second, third});
    CHECK(end[0] == Approx(c.first * bytes / nic));
    CHECK(end[1] == Approx(c.second * bytes / nic));
    CHECK(end[2] == ends(cluster, {third})[0]);
  }
}

TEST_CASE("hashed paths with three seeds take three times, ideal spreading takes one") {
  std::vector<Message> messages;
  for (std::size_t d = 0; d < 64; ++d)
    messages.push_back({d, (d * 5 + 24) % 64, bytes * (1 + static_cast<double>(d) / 64)});
  std::set<double> hashed, ideal;
  for (std::int64_t seed : {1, 2, 3}) {
    const Cluster by_hash = tree(16, 1, "hash", seed), spread = tree(16, 1, "ideal", seed);
    hashed.insert(sum_of_ends(by_hash, job(by_hash, messages)));
    ideal.insert(sum_of_ends(spread, job(spread, messages)));
  }
  CHECK(hashed.size() == 3);
  CHECK(ideal.size() == 1);
  CHECK(*ideal.begin() < *hashed.begin());
}

TEST_CASE("a permutation runs at the full rate of every port, and incast divides the receiver's") {
  const Cluster cluster = star(9);
  std::vector<Message> permutation;
  for (std::size_t d = 0; d < 9; ++d) permutation.push_back({d, (d * 2 + 1) % 9, 3});
  permutation.erase(permutation.begin() + 8);  // to itself
  CHECK(ends(cluster, {job(cluster, permutation)})[0] == 3);

  // Seven send to device 0; device 1 also sends to device 8, which takes what the incast leaves of its port: 6/7.
  std::vector<Message> incast;
  for (std::size_t d = 1; d < 8; ++d) incast.push_back({d, 0, 1});
  const std::vector<double> end = ends(cluster, {job(cluster, incast), job(cluster, {{1, 8, 6}})});
  CHECK(end[0] == Approx(7));
  CHECK(end[1] == Approx(7));
}

TEST_CASE("doubling every bandwidth never slows the flow model where no two flows share a link") {
  // Every device sends to its neighbour only, in one queue, whatever it waits for.
  const auto time = [](double bandwidth) {
    const Cluster cluster = star(6, bandwidth, 0.01);
    Writer w(cluster);
    std::vector<OpId> last(6);
    for (std::size_t i = 0; i < 120; ++i) {
      const std::size_t d = i * 7 % 6, other = i * 5 % 6;
      const OpId compute = w.compute(d, 0.1 * static_cast<double>(1 + i % 4));
      w.builder.depend(compute, last[other]);
      last[d] = w.send(d, (d + 1) % 6, static_cast<double>(1 + i % 7));
      w.builder.depend(last[d], compute);
    }
    return run(simulate_flow, cluster, w.finish()).end_s;
  };
  for (double bandwidth = 0.5; bandwidth < 100; bandwidth *= 2) CHECK(time(2 * bandwidth) <= time(bandwidth));
}

TEST_CASE("an all-to-all as one Transfer ends when its flows one by one would have ended") {
  for (int ratio : {1, 4}) {
    const Cluster cluster = tree(4, ratio);
    const double one = run(simulate_flow, cluster, all_to_all(cluster, 16, true)).end_s;
    CHECK(one == Approx(run(simulate_flow, cluster, all_to_all(cluster, 16, false)).end_s));
    // 8 devices of a leaf send to 8 of the other over 8 / ratio cables; to those of the leaf's other node over their NIC.
    const double cables = 8.0 / ratio;
    CHECK(one == Approx(std::max(12.0, 64 / cables) * bytes / nic));
  }
  // Beside a longer message on one of its links: 7 flows and that one.
  const Cluster cluster = star(9, nic);
  const std::vector<Message> other = {{0, 8, 9 * bytes}};
  for (bool as_one : {true, false}) {
    const Timeline t = run(simulate_flow, cluster, all_to_all(cluster, 8, as_one, other));
    double last = 0;
    for (const Record& r : t.records)
      if (r.op.index() + 1 < t.records.size()) last = std::max(last, r.end_s);
    CHECK(last == Approx(8 * bytes / nic));
  }
}
