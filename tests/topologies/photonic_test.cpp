// Light in the package, in the switch and in wavelengths: what it changes beside rates is energy, ports and peers at a time.
#include <catch2/catch.hpp>

#include "analysis/topology_facts.hpp"
#include "sim/error.hpp"
#include "sim/routes.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

LinkModel shipped(const std::string& name) {
  return load_part<LinkModel>("hardware/links", name, Library({ORRERY_SOURCE_DATA_DIR}));
}

// Eight nodes of four under four leaves, joined by cables of that link.
ClusterSpec joined_by(const LinkModel& trunk) {
  ClusterSpec spec = nodes_of(switch_node(4, 4), 8, "fat-tree");
  spec.fabric.radix = 16;
  spec.fabric.link = trunk;
  return spec;
}

RoutedPattern across(const Cluster& cluster) {
  const Flow far{cluster.fabric.vertex_of(DeviceId(std::size_t{0})),
                 cluster.fabric.vertex_of(DeviceId(std::size_t{31})), 1, 0, 1};
  return route_pattern(cluster.fabric, *cluster.router, {&far, 1});
}

std::string place_of_fault(const ClusterSpec& spec) {
  try {
    build_cluster(spec);
  } catch (const SpecError& error) {
    return error.faults().at(0).pointer;
  }
  return "built";
}

}  // namespace

TEST_CASE("a bit pays for the optics of both spine cables that it crosses, less with optics in the switch's package") {
  const double plugged = across(build_cluster(joined_by(shipped("optical-800g-dr8")))).energy_per_byte,
               packaged = across(build_cluster(joined_by(shipped("cpo-davisson-800")))).energy_per_byte;
  CHECK(plugged == Approx(2 * 21.2e-12 * 8 / 0.98));  // the wires carry 1/0.98 of the payload
  CHECK(packaged == Approx(2 * 4.4e-12 * 8 / 0.98));
}

TEST_CASE("headers cost energy too: a wire at full rate draws the same at any efficiency, a byte of payload more") {
  const auto facts = [](double efficiency) {
    LinkModel trunk = link("trunk", 100e9, 1e-6);
    trunk.energy = JoulesPerByte(8e-11);
    trunk.efficiency = efficiency;
    const Cluster cluster = build_cluster(joined_by(trunk));
    return std::pair(across(cluster).energy_per_byte, *topology_facts(cluster).links_power_W);
  };
  const auto [byte, watts] = facts(1);
  const auto [halved, same] = facts(0.5);
  CHECK(halved == Approx(2 * byte));
  CHECK(same == Approx(watts));
}

TEST_CASE("a switch with its optics in the package has the ports that it has") {
  ClusterSpec spec = joined_by(shipped("cpo-bailly-800"));
  spec.fabric.radix = 64;
  CHECK(place_of_fault(spec) == "built");
  spec.fabric.radix = 80;
  CHECK(place_of_fault(spec) == "/fabric/radix");
}

TEST_CASE("a link of w wavelengths reaches w peers at a time, each at the rate of a wavelength") {
  for (const int wavelengths : {2, 4}) {
    ClusterSpec spec = nodes_of(switch_node(1, 1), 5, "optical-circuits");
    spec.fabric.link = link("light", 25e9, 1e-7);
    spec.fabric.link->reconfiguration_time = Seconds(1e-3);
    spec.fabric.link->ports = 8;
    spec.fabric.options = {{"wavelengths", wavelengths}};
    const Cluster cluster = build_cluster(spec);
    const auto fan_out = [&](std::size_t peers) {
      std::vector<Flow> flows;
      for (std::size_t p = 1; p <= peers; ++p)
        flows.push_back(
            {cluster.fabric.vertex_of(DeviceId(std::size_t{0})), cluster.fabric.vertex_of(DeviceId(p)), 1, 0, 1});
      return route_pattern(cluster.fabric, *cluster.router, flows);
    };
    CHECK(1 / fan_out(1).bottleneck == Approx(25e9));  // all wavelengths to one peer
    CHECK(1 / fan_out(2).bottleneck == Approx(25e9 / 2));
    CHECK(fan_out(2).switching_s == 0);
    // More peers than wavelengths are served one setting after the other.
    CHECK(fan_out(4).switching_s == Approx(wavelengths == 2 ? 2e-3 : 0));
  }
}
