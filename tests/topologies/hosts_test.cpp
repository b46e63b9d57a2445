// Hosts as data: what nodes name, what a node says itself, and that shipped files are complete.
#include <catch2/catch.hpp>

#include "sim/error.hpp"
#include "tests/topologies/fixture.hpp"
#include "topologies/host_model.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

NodeModel node_from(const char* text) {
  return read_spec<NodeModel>(parse_json(text, "test"), "test", Library::installed(), "hardware/nodes");
}

}  // namespace

TEST_CASE("every shipped host reads under its own name, with sources and a power that its nodes take") {
  const Library library = Library::installed();
  REQUIRE(library.names("hardware/hosts").size() > 10);
  for (const std::string& name : library.names("hardware/hosts")) {
    INFO(name);
    const auto host = load_part<HostModel>("hardware/hosts", name, library);
    CHECK(host.name == name);
    CHECK_FALSE(host.title.empty());
    CHECK(host.power.typical);
    CHECK(host.sources.contains("/power/typical"));
    const bool facts = host.sockets.has_value() && host.sources.contains("");
    CHECK(facts);
  }
}

TEST_CASE("a node draws what its host draws, unless it says otherwise, and nothing is known of a node without either") {
  CHECK(node_from(R"({"base": "dgx-h100"})").host_power == Watts(2000));
  CHECK(node_from(R"({"base": "dgx-h100", "host_power": "3 kW"})").host_power == Watts(3000));
  CHECK(node_from(R"({"base": "dgx-h100", "host": {"base": "dgx-h100-host", "power": {"typical": "2.5 kW"}}})")
            .host_power == Watts(2500));
  CHECK(node_from(R"({"base": "a40-4"})").host_power == std::nullopt);
  const Cluster cluster = build_cluster(nodes_of(node_from(R"({"base": "dgx-h100"})"), 2, "single-switch"));
  CHECK(cluster.host_power_of(DeviceId(0)).value == 250);
}

TEST_CASE("a host that is not there is an error that names those near it, and idle power is at most the typical one") {
  CHECK_THROWS_WITH(node_from(R"({"base": "dgx-h100", "host": "dgx-h100-hots"})"), Catch::Contains("dgx-h100-host"));
  CHECK_THROWS_AS(node_from(R"({"base": "dgx-h100", "host": {"power": {"idle": "2 kW", "typical": "1 kW"}}})"),
                  SpecError);
}
