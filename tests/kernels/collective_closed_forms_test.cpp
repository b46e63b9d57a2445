// Times of collectives against closed forms worked out by hand: latencies of the rounds plus bytes on the most loaded link,
// on a switch, a ring, a torus and a full mesh where nothing else runs.
// Rounds that wait for each other cost, one by one, their own most loaded link and longest way. On a ring of eight the
// partners at distance 4 are reached both ways round, half the bytes each; so are those two apart in a ring of four.
#include <catch2/catch.hpp>

#include "kernels/collectives/algorithms.hpp"
#include "kernels/collectives/collective.hpp"
#include "tests/kernels/collective_requests.hpp"
#include "tests/kernels/two_regions.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

using K = CollectiveKind;

struct ClosedForm {
  const char* algorithm;
  K kind;
  double latencies;  // of one hop
  double load;       // buffers on the most loaded link, summed over rounds that wait for each other
};

// What the library adds, launch and messages, is read from the rounds in lockstep, whose latencies stand apart from it.
void check(const Cluster& cluster, std::size_t n, double hop, double rate, std::initializer_list<ClosedForm> forms) {
  for (const ClosedForm& form : forms)
    for (double bytes : {1e3, 1e8}) {
      INFO(form.algorithm << " " << collective_names[static_cast<std::size_t>(form.kind)] << " of " << bytes << " B");
      const CollectivePlan plan = plan_collective(cluster, request_of(form.kind, n, bytes, form.algorithm));
      CollectiveRequest by_round = request_of(form.kind, n, bytes, form.algorithm);
      by_round.protocol = plan.protocol;
      by_round.detail = CollectiveDetail::step;
      double software = 0, efficiency = 1;
      for (const CollectiveStep& step : plan_collective(cluster, by_round).steps) {
        software += step.setup.value;
        efficiency = step.efficiency;
      }
      CHECK(alone(cluster, plan) ==
            Approx(software + form.latencies * hop + form.load * bytes / (rate * efficiency)).epsilon(1e-9));
      CHECK(efficiency <= 1);
    }
}

}  // namespace

TEST_CASE("every collective on a contention-free switch costs its alpha-beta closed form") {
  const double part = 7.0 / 8;
  const Cluster cluster = build_cluster(nodes_of(node_of("switch", 8), 1, "none"));
  // Two links of 1 us each way through the switch.
  check(cluster, 8, 2e-6, 100e9,
        {{"ring", K::all_reduce, 14, 2 * part},
         {"ring", K::reduce_scatter, 7, part},
         {"ring", K::all_gather, 7, part},
         {"halving-doubling", K::all_reduce, 6, 2 * part},
         {"halving-doubling", K::reduce_scatter, 3, part},
         {"halving-doubling", K::all_gather, 3, part},
         {"recursive-doubling", K::all_reduce, 3, 3},
         {"one-shot", K::all_reduce, 1, 7},
         {"direct", K::all_reduce, 2, 2 * part},
         {"bruck", K::all_gather, 3, part},
         {"bruck", K::reduce_scatter, 3, part},
         {"pat", K::all_gather, 3, part},
         {"pat", K::reduce_scatter, 3, part},
         {"ring", K::broadcast, 14, 1},
         {"ring", K::reduce, 14, 1},
         {"binomial", K::broadcast, 3, 3},
         {"binomial", K::reduce, 3, 3},
         {"binomial", K::scatter, 3, part},
         {"binomial", K::gather, 3, part},
         {"direct", K::scatter, 1, part},
         {"direct", K::gather, 1, part},
         {"direct", K::all_to_all, 1, part},
         {"pairwise", K::all_to_all, 7, part},
         {"bruck", K::all_to_all, 3, 1.5},
         {"direct", K::barrier, 3, 0},
         {"direct", K::send_receive, 1, 1}});
  check(cluster, 2, 2e-6, 100e9, {{"direct", K::send_receive, 1, 1}});
}

TEST_CASE("every collective on a ring costs its alpha-beta closed form") {
  const Cluster cluster = build_cluster(nodes_of(node_of("torus", 8, {8}, 2), 1, "none"));
  const double eighth = 1.0 / 8;
  check(
      cluster, 8, 1e-6, 100e9,
      {{"ring", K::all_reduce, 14, 14 * eighth},
       {"ring", K::reduce_scatter, 7, 7 * eighth},
       {"ring", K::all_gather, 7, 7 * eighth},
       {"torus-rings", K::all_reduce, 14, 7 * eighth},
       {"torus-rings", K::reduce_scatter, 7, 3.5 * eighth},
       {"torus-rings", K::all_gather, 7, 3.5 * eighth},
       // Halves 4 hops away both ways round, quarters 2 hops and eighths 1 hop, two of which meet on a link of the second.
       {"halving-doubling", K::all_reduce, 14, 2 * (1 + 0.5 + eighth)},
       {"halving-doubling", K::reduce_scatter, 7, 1 + 0.5 + eighth},
       {"halving-doubling", K::all_gather, 7, 1 + 0.5 + eighth},
       {"recursive-doubling", K::all_reduce, 7, 1 + 2 + 2},
       {"one-shot", K::all_reduce, 4, 1 + 2 + 3 + 2},
       {"direct", K::all_reduce, 8, 2 * 8 * eighth},
       {"direct", K::reduce_scatter, 4, 8 * eighth},
       {"direct", K::all_gather, 4, 8 * eighth},
       {"bruck", K::all_gather, 7, (1 + 2 * 2 + 2 * 4) * eighth},
       {"bruck", K::reduce_scatter, 7, (1 + 2 * 2 + 2 * 4) * eighth},
       {"pat", K::all_gather, 7, (2 * 1 + 2 * 2 + 4) * eighth},
       {"pat", K::reduce_scatter, 7, (2 * 1 + 2 * 2 + 4) * eighth},
       // Half of the buffer each way round.
       {"ring", K::broadcast, 14, 0.5},
       {"ring", K::reduce, 14, 0.5},
       {"binomial", K::broadcast, 7, 0.5 + 1 + 1},
       {"binomial", K::reduce, 7, 0.5 + 1 + 1},
       {"binomial", K::scatter, 7, (2 + 2 + 1) * eighth},
       {"binomial", K::gather, 7, (2 + 2 + 1) * eighth},
       {"direct", K::scatter, 4, 3.5 * eighth},
       {"direct", K::gather, 4, 3.5 * eighth},
       {"direct", K::all_to_all, 4, 8 * eighth},
       // r to r xor t for t of 1 to 7: 1, 2, 3, 4, 3, 2, 3 hops, and two messages on some link of all but the first.
       {"pairwise", K::all_to_all, 18, (1 + 6 * 2) * eighth},
       {"bruck", K::all_to_all, 7, (1 + 2 + 2) * 4 * eighth},
       {"direct", K::barrier, 7, 0},
       {"direct", K::send_receive, 1, 1}});
}

TEST_CASE("every collective on a full mesh costs its alpha-beta closed form, rounds with one peer one link's rate") {
  const Cluster cluster = build_cluster(nodes_of(node_of("full-mesh", 8, {}, 7), 1, "none"));
  const double eighth = 1.0 / 8;
  check(cluster, 8, 1e-6, 100e9,
        {// Three rings that share no link, both ways round: six of the seven links of each.
         {"ring", K::all_reduce, 14, 14 * eighth / 6},
         {"ring", K::reduce_scatter, 7, 7 * eighth / 6},
         {"ring", K::all_gather, 7, 7 * eighth / 6},
         {"halving-doubling", K::all_reduce, 6, 14 * eighth},
         {"halving-doubling", K::reduce_scatter, 3, 7 * eighth},
         {"halving-doubling", K::all_gather, 3, 7 * eighth},
         {"recursive-doubling", K::all_reduce, 3, 3},
         {"one-shot", K::all_reduce, 1, 1},
         {"direct", K::all_reduce, 2, 2 * eighth},
         {"direct", K::reduce_scatter, 1, eighth},
         {"direct", K::all_gather, 1, eighth},
         {"bruck", K::all_gather, 3, 7 * eighth},
         {"bruck", K::reduce_scatter, 3, 7 * eighth},
         {"pat", K::all_gather, 3, 7 * eighth},
         {"pat", K::reduce_scatter, 3, 7 * eighth},
         {"ring", K::broadcast, 14, 1.0 / 6},
         {"ring", K::reduce, 14, 1.0 / 6},
         {"binomial", K::broadcast, 3, 3},
         {"binomial", K::reduce, 3, 3},
         {"binomial", K::scatter, 3, 7 * eighth},
         {"binomial", K::gather, 3, 7 * eighth},
         {"direct", K::scatter, 1, eighth},
         {"direct", K::gather, 1, eighth},
         {"direct", K::all_to_all, 1, eighth},
         {"pairwise", K::all_to_all, 7, 7 * eighth},
         {"bruck", K::all_to_all, 3, 1.5},
         {"direct", K::barrier, 3, 0},
         {"direct", K::send_receive, 1, 1}});
}

TEST_CASE("every collective on a torus costs its alpha-beta closed form") {
  const Cluster cluster = build_cluster(nodes_of(node_of("torus", 16, {4, 4}, 4), 1, "none"));
  const double part = 1.0 / 16;
  check(
      cluster, 16, 1e-6, 100e9,
      {// The ring goes row by row: two hops from the end of one to the start of the next.
       {"ring", K::all_reduce, 60, 30 * part},
       {"ring", K::reduce_scatter, 30, 15 * part},
       {"ring", K::all_gather, 30, 15 * part},
       {"torus-rings", K::all_reduce, 12, 30 * part / 4},
       {"torus-rings", K::reduce_scatter, 6, 15 * part / 4},
       {"torus-rings", K::all_gather, 6, 15 * part / 4},
       // Partners one hop apart load a link once; those two apart go both ways round, half the bytes on each of two links.
       {"halving-doubling", K::all_reduce, 12, 30 * part},
       {"halving-doubling", K::reduce_scatter, 6, 15 * part},
       {"halving-doubling", K::all_gather, 6, 15 * part},
       {"recursive-doubling", K::all_reduce, 6, 4},
       {"one-shot", K::all_reduce, 4, 8},
       {"direct", K::all_reduce, 8, 2 * 8 * part},
       {"direct", K::reduce_scatter, 4, 8 * part},
       {"direct", K::all_gather, 4, 8 * part},
       // 1, 2, 4 and 8 places on: up to 2, 3, 1 and 2 hops.
       {"bruck", K::all_gather, 8, 15 * part},
       {"bruck", K::reduce_scatter, 8, 15 * part},
       {"pat", K::all_gather, 8, 15 * part},
       {"pat", K::reduce_scatter, 8, 15 * part},
       // Two rings that share no link, both ways round: all four links of each.
       {"ring", K::broadcast, 22, 0.25},
       {"ring", K::reduce, 22, 0.25},
       {"binomial", K::broadcast, 6, 0.5 + 1 + 0.5 + 1},
       {"binomial", K::reduce, 6, 0.5 + 1 + 0.5 + 1},
       {"binomial", K::scatter, 6, (4 + 4 + 1 + 1) * part},
       {"binomial", K::gather, 6, (4 + 4 + 1 + 1) * part},
       {"direct", K::scatter, 4, 6 * part},
       {"direct", K::gather, 4, 6 * part},
       {"direct", K::all_to_all, 4, 8 * part},
       {"pairwise", K::all_to_all, 32, 15 * part},
       {"bruck", K::all_to_all, 8, 4 * 8 * part},
       {"direct", K::barrier, 8, 0},
       {"direct", K::send_receive, 2, 1}});
}

TEST_CASE("rounds in lockstep are never faster than rounds that overlap, and equal where the algorithm waits anyway") {
  std::vector<Cluster> machines;
  for (const char* kind : {"switch", "full-mesh"})
    machines.push_back(build_cluster(nodes_of(node_of(kind, 8), 1, "none")));
  machines.push_back(build_cluster(nodes_of(node_of("torus", 8, {8}, 2), 1, "none")));
  machines.push_back(build_cluster(nodes_of(node_of("torus", 12, {3, 4}, 4), 1, "none")));
  machines.push_back(build_cluster(nodes_of(with_nics(node_of("none", 1), 1), 12, "single-switch")));
  machines.push_back(build_cluster(nodes_of(switch_node(4, 4), 3, "single-switch")));
  machines.push_back(build_cluster(nodes_of(with_nics(node_of("full-mesh", 4, {}, 3), 2), 4, "single-switch")));
  // Hops of unlike length: between leaves, between regions, and within a box cut from a mesh.
  ClusterSpec leaves = nodes_of(with_nics(node_of("none", 1), 1), 12, "fat-tree");
  leaves.fabric.levels = 2;
  leaves.fabric.radix = 8;
  machines.push_back(build_cluster(leaves));
  machines.push_back(build_cluster(nodes_of(node_of("mesh", 12, {3, 4}, 4), 1, "none")));
  machines.push_back(build_cluster(nodes_of(with_nics(node_of("torus", 6, {2, 3}, 4), 3), 3, "single-switch")));
  for (const int each : {1, 2}) machines.push_back(build_cluster(two_regions(switch_node(each, each), {3, 5}, 1e-3)));
  std::size_t in_lockstep = 0, overlapped = 0;
  for (const Cluster& cluster : machines)
    for (const auto& entry : collective_catalog())
      for (std::size_t k = 1; k < collective_names.size(); ++k)
        for (double bytes : {1e3, 1e9}) {
          CollectiveRequest request = request_of(static_cast<K>(k), cluster.fabric.device_count(), bytes,
                                                 std::string(entry.name).c_str());
          const Group group = make_group(cluster, request.members);
          if (!entry.value.supports(request.kind, group)) continue;
          INFO(cluster.name << ": " << entry.name << " " << collective_names[k] << " of " << bytes);
          const double flow = alone(cluster, plan_collective(cluster, request));
          request.detail = CollectiveDetail::step;
          const double step = alone(cluster, plan_collective(cluster, request));
          CHECK(step >= flow * (1 - 1e-9));
          const bool waits = entry.value.schedule(request.kind, group).lockstep;
          if (waits) CHECK(step == Approx(flow).epsilon(1e-9));
          ++(waits ? in_lockstep : overlapped);
        }
  CHECK(in_lockstep > 50);
  CHECK(overlapped > 50);
}
