// Every shipped node can be wired, alone and in pairs, and carries an all-reduce.
#include <catch2/catch.hpp>

#include "kernels/collectives/collective.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

TEST_CASE("every shipped node is wired and all-reduces over all of its devices") {
  const Library library = Library::installed();
  for (const std::string& name : library.names("hardware/nodes")) {
    INFO(name);
    const NodeModel node = load_part<NodeModel>("hardware/nodes", name, library);
    const bool joins = node.nics.has_value();
    const Cluster cluster = build_cluster(nodes_of(node, joins ? 2 : 1, joins ? "single-switch" : "none"));
    CollectiveRequest request;
    request.bytes = Bytes(1e8);
    const std::size_t ranks = std::min<std::size_t>(cluster.fabric.device_count(), 256);
    for (std::size_t d = 0; d < ranks; ++d) request.members.emplace_back(d);
    const CollectivePlan plan = plan_collective(cluster, request);
    CHECK(plan.steps.empty() == (ranks < 2));
  }
}
