// SimGrid platforms: routes, sharing policies, nested zones, clusters, and what is not understood.
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "analysis/topology_facts.hpp"
#include "analysis/topology_facts_picture.hpp"
#include "sim/error.hpp"
#include "sim/routes.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;
using Catch::Matchers::Contains;

namespace {

struct PlatformFile {
  explicit PlatformFile(const std::string& zones) {
    path = std::filesystem::temp_directory_path() / ("orrery-platform-" + std::to_string(getpid()) + ".xml");
    std::ofstream(path) << "<?xml version='1.0'?>\n"
                           "<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
                           "<platform version=\"4.1\">\n"
                        << zones << "</platform>\n";
  }
  ~PlatformFile() { std::filesystem::remove(path); }
  std::filesystem::path path;
};

// Nodes of one device behind NICs that limit nothing.
ClusterSpec hosts(int count, const std::string& zones, const char* chosen = nullptr) {
  const PlatformFile file(zones);
  ClusterSpec spec = nodes_of(with_nics(node_of("none", 1), 1), count, "simgrid");
  spec.pools[0].node.nics->link = link("nic", 1e15, 0);
  spec.fabric.options["file"] = file.path.string();
  if (chosen) spec.fabric.options["hosts"] = parse_json(chosen, "test");
  build_cluster(spec);  // throws while the file is there
  return spec;
}

struct Built {
  Built(int count, const std::string& zones, const char* chosen = nullptr) : file(zones) {
    ClusterSpec spec = nodes_of(with_nics(node_of("none", 1), 1), count, "simgrid");
    spec.pools[0].node.nics->link = link("nic", 1e15, 0);
    spec.fabric.options["file"] = file.path.string();
    if (chosen) spec.fabric.options["hosts"] = parse_json(chosen, "test");
    cluster = build_cluster(spec);
  }
  RoutedPattern routed(std::vector<std::pair<std::size_t, std::size_t>> pairs) const {
    std::vector<Flow> flows;
    for (const auto& [from, to] : pairs)
      flows.push_back({cluster.fabric.vertex_of(DeviceId(from)), cluster.fabric.vertex_of(DeviceId(to)), 1, 0, 1});
    return route_pattern(cluster.fabric, *cluster.router, flows);
  }
  double rate(std::vector<std::pair<std::size_t, std::size_t>> pairs) const { return 1 / routed(pairs).bottleneck; }
  PlatformFile file;
  Cluster cluster;
};

const char* three_hosts = R"(
<zone id="z" routing="Full">
  <host id="a" speed="1Gf"/> <host id="b" speed="1Gf"/> <host id="c" speed="1Gf"/>
  <link id="ab" bandwidth="100MBps" latency="50us"/>
  <link id="common" bandwidth="1Gbps" latency="1ms" sharing_policy="SPLITDUPLEX"/>
  <link id="fat" bandwidth="10MBps" latency="5us" sharing_policy="FATPIPE"/>
  <route src="a" dst="b"><link_ctn id="ab"/></route>
  <route src="a" dst="c"><link_ctn id="ab"/><link_ctn id="common" direction="UP"/></route>
  <route src="b" dst="c"><link_ctn id="fat"/></route>
</zone>
)";

}  // namespace

TEST_CASE("routes of a Full zone have the platform's latency and its narrowest link") {
  const Built p(3, three_hosts);
  CHECK(p.routed({{0, 1}}).latency.value == Approx(50e-6));
  CHECK(p.rate({{0, 1}}) == Approx(100e6));
  CHECK(p.routed({{2, 0}}).latency.value == Approx(1.05e-3));
  CHECK(p.rate({{2, 0}}) == Approx(100e6));
}

TEST_CASE("a SHARED link is shared by both directions, a SPLITDUPLEX one by each alone, a FATPIPE by nobody") {
  const Built p(3, three_hosts);
  CHECK(p.rate({{0, 1}, {1, 0}}) == Approx(50e6));
  CHECK(p.rate({{1, 2}, {2, 1}}) == Approx(10e6));
  const Built split(2, R"(<zone id="z" routing="Full"><host id="a" speed="1f"/><host id="b" speed="1f"/>
    <link id="l" bandwidth="100MBps" latency="1us" sharing_policy="SPLITDUPLEX"/>
    <route src="a" dst="b"><link_ctn id="l" direction="UP"/></route></zone>)");
  CHECK(split.rate({{0, 1}, {1, 0}}) == Approx(100e6));
  CHECK(split.rate({{0, 1}, {0, 1}}) == Approx(50e6));
}

TEST_CASE("every flow over a FATPIPE gets its bandwidth and no more, however wide the NICs and many the flows") {
  // Four hosts, private links of 3 GB/s; whatever crosses the backbone goes at 1 GB/s.
  const auto cluster = [](const char* more) {
    return std::string(R"(<cluster id="c" prefix="n" suffix="" radical="0-3" speed="1f" lat="1us" )") + more + "/>";
  };
  const Built backbone(4, cluster(R"(bw="3GBps" bb_bw="1GBps" bb_lat="2us" bb_sharing_policy="FATPIPE")"));
  CHECK(backbone.rate({{0, 1}}) == Approx(1e9));
  CHECK(backbone.rate({{0, 1}, {1, 2}, {2, 3}, {3, 0}}) == Approx(1e9));
  CHECK(backbone.rate({{0, 1}, {0, 2}, {0, 3}}) == Approx(1e9));  // three of 1 GB/s fill the private link
  CHECK(backbone.routed({{0, 1}}).latency.value == Approx(4e-6));
  // Private links that are FATPIPEs: all pairs at once at the full rate.
  const Built pipes(4, cluster(R"(bw="1GBps" sharing_policy="FATPIPE")"));
  std::vector<std::pair<std::size_t, std::size_t>> all;
  for (std::size_t a = 0; a < 4; ++a)
    for (std::size_t b = 0; b < 4; ++b)
      if (a != b) all.emplace_back(a, b);
  CHECK(pipes.rate(all) == Approx(1e9));
  const TopologyFacts facts = topology_facts(pipes.cluster);
  CHECK(facts.distance->shortest_paths == 1);  // whatever pairs of NICs enter the pipe side by side
  CHECK(facts.switch_ports == std::map<std::size_t, std::size_t>{{2, 4}});  // of the hosts: a NIC and a private link
  CHECK(pipes.rate({{2, 1}}) == Approx(1e9));
}

TEST_CASE("a FATPIPE wider than the other links of a route is no limit and no part of it") {
  const Built wide(3, R"(<cluster id="c" prefix="n" suffix="" radical="0-2" speed="1f" lat="1us" bw="1GBps"
    bb_bw="2GBps" bb_lat="2us" bb_sharing_policy="FATPIPE"/>)");
  CHECK(wide.rate({{0, 1}}) == Approx(1e9));
  CHECK(wide.rate({{0, 1}, {0, 2}}) == Approx(0.5e9));         // the sender's own link
  CHECK(wide.routed({{0, 1}}).loads.size() == 2 + 2 + 2 + 1);  // devices, NICs, private links, backbone
}

TEST_CASE("Floyd and Dijkstra zones take the fewest links over routers") {
  for (const char* routing : {"Floyd", "Dijkstra", "DijkstraCache"}) {
    const Built p(3, std::string("<zone id='z' routing='") + routing + R"('>
      <host id="a" speed="1f"/><host id="b" speed="1f"/><host id="c" speed="1f"/><router id="r"/>
      <link id="ar" bandwidth="8Gbps" latency="1us"/><link id="rb" bandwidth="4Gbps" latency="2us"/>
      <link id="bc" bandwidth="2Gbps" latency="4us"/><link id="rc1" bandwidth="1GBps" latency="8us"/>
      <route src="a" dst="r"><link_ctn id="ar"/></route><route src="r" dst="b"><link_ctn id="rb"/></route>
      <route src="b" dst="c"><link_ctn id="bc"/></route></zone>)");
    CHECK(p.routed({{0, 1}}).latency.value == Approx(3e-6));
    CHECK(p.routed({{2, 0}}).latency.value == Approx(7e-6));
    CHECK(p.rate({{2, 0}}) == Approx(0.25e9));
  }
}

TEST_CASE("clusters are joined through their routers: private link, backbone, link between zones") {
  const Built p(5, R"(
    <zone id="world" routing="Full">
      <cluster id="one" prefix="n-" suffix=".one" radical="0-1,7" speed="1f" bw="125MBps" lat="50us" bb_bw="2.25GBps" bb_lat="500us"/>
      <cluster id="two" prefix="m-" suffix=".two" radical="0-1" speed="1f" bw="1GBps" lat="10us"/>
      <link id="wan" bandwidth="1MBps" latency="20ms"/>
      <zoneRoute src="one" dst="two" gw_src="n-one_router.one" gw_dst="m-two_router.two"><link_ctn id="wan"/></zoneRoute>
    </zone>)");
  CHECK(p.routed({{0, 2}}).latency.value == Approx(600e-6));
  CHECK(p.rate({{0, 2}}) == Approx(125e6));
  CHECK(p.rate({{0, 1}, {1, 0}}) == Approx(125e6));  // private links are split, the backbone is wide enough
  CHECK(p.routed({{3, 4}}).latency.value == Approx(20e-6));
  CHECK(p.routed({{0, 4}}).latency.value == Approx(50e-6 + 500e-6 + 20e-3 + 10e-6));
  CHECK(p.rate({{0, 3}, {4, 2}}) == Approx(0.5e6));
}

TEST_CASE("a torus cluster has a link to the next host along each dimension, and routes take the shorter way round") {
  const Built p(12, R"(<cluster id="t" prefix="n-" suffix="" radical="0-11" speed="1Gf" bw="1GBps" lat="10us"
    topology="TORUS" topo_parameters="4,3"/>)");
  CHECK(p.routed({{0, 1}}).latency.value == Approx(10e-6));
  CHECK(p.routed({{0, 2}}).latency.value == Approx(20e-6));
  CHECK(p.routed({{0, 3}}).latency.value == Approx(10e-6));  // round the end
  CHECK(p.routed({{0, 8}}).latency.value == Approx(10e-6));  // the second dimension, round the end
  CHECK(p.routed({{0, 6}}).latency.value == Approx(30e-6));  // two and one
  CHECK(p.rate({{0, 1}, {1, 0}}) == Approx(1e9));            // split links
  CHECK(p.rate({{0, 1}, {0, 5}}) == Approx(0.5e9));          // both begin along the first dimension
  CHECK(p.rate({{0, 1}, {0, 4}}) == Approx(1e9));
}

TEST_CASE("a zone with Cluster routing spells out a flat cluster: a pair of links per host and a backbone") {
  const Built p(3, R"(<zone id="z" routing="Cluster">
    <host id="a" speed="1f"/><host id="b" speed="1f"/><host id="c" speed="1f"/><router id="r"/>
    <link id="au" bandwidth="1GBps" latency="1us"/><link id="ad" bandwidth="2GBps" latency="2us"/>
    <link id="b" bandwidth="3GBps" latency="4us" sharing_policy="SPLITDUPLEX"/>
    <link id="c" bandwidth="3GBps" latency="8us" sharing_policy="SPLITDUPLEX"/>
    <host_link id="a" up="au" down="ad"/><host_link id="b" up="b" down="b"/><host_link id="c" up="c" down="c"/>
    <backbone id="bb" bandwidth="2.5GBps" latency="100us"/></zone>)");
  CHECK(p.routed({{0, 1}}).latency.value == Approx(105e-6));
  CHECK(p.routed({{1, 0}}).latency.value == Approx(106e-6));
  CHECK(p.rate({{0, 1}}) == Approx(1e9));
  CHECK(p.rate({{1, 0}}) == Approx(2e9));
  CHECK(p.rate({{1, 2}, {2, 1}}) == Approx(1.25e9));  // both over the shared backbone
}

TEST_CASE("some hosts of a platform can be chosen, in any order") {
  const Built p(2, three_hosts, R"(["c", "a"])");
  CHECK(p.routed({{0, 1}}).latency.value == Approx(1.05e-3));
  CHECK_THROWS_WITH(hosts(2, three_hosts, R"(["c", "aa"])"), Contains("/fabric/options/hosts/1"));
  CHECK_THROWS_WITH(hosts(2, three_hosts), Contains("3 hosts") && Contains("2 nodes"));
  CHECK_THROWS_WITH(hosts(2, three_hosts, R"(["c", "c"])"),
                    Contains("/fabric/options/hosts/1") && Contains("a host of its own for every node"));
}

TEST_CASE("faults of a platform name its file and line") {
  CHECK_THROWS_WITH(hosts(2, "<zone id='z' routing='Full'>\n<host id='a'>\n</zone>"), Contains("well-formed XML"));
  CHECK_THROWS_WITH(hosts(2, "<zone id='z' routing='Vivaldi'/>"), Contains("line 4") && Contains("Vivaldi"));
  CHECK_THROWS_WITH(hosts(2, "<zone id='z' routing='Full'>\n<link id='l' bandwidth='10 GB/s' latency='0'/></zone>"),
                    Contains("line 5") && Contains("125MBps"));
  CHECK_THROWS_WITH(hosts(2, "<zone id='z' routing='Full'><link id='l' bandwidth='0Bps'/></zone>"),
                    Contains("above zero"));
  CHECK_THROWS_WITH(hosts(2, "<zone id='z' routing='Full'><host id='a'/><host id='b'/></zone>"),
                    Contains("a route from \"a\" to \"b\""));
  CHECK_THROWS_WITH(hosts(2, R"(<zone id="z" routing="Full"><host id="a"/><host id="b"/>
                     <route src="a" dst="b"><link_ctn id="lnk"/></route></zone>)"),
                    Contains("line 5") && Contains("lnk"));
  CHECK_THROWS_WITH(hosts(4, R"(<cluster id="c" prefix="" suffix="" radical="0-3" bw="1Bps" topology="FAT_TREE"/>)"),
                    Contains("FAT_TREE") && Contains("families"));
  CHECK_THROWS_WITH(hosts(4, R"(<cluster id="c" prefix="" suffix="" radical="0-3" bw="1Bps" topology="TORUS"
                     topo_parameters="3,2"/>)"),
                    Contains("multiply to the 4 hosts"));
  CHECK_THROWS_WITH(hosts(4, R"(<cluster id="c" prefix="" suffix="" radical="0-3" bw="1Bps" limiter_link="1Bps"/>)"),
                    Contains("limiter_link"));
  CHECK_THROWS_WITH(hosts(2, R"(<zone id="z" routing="Full"><host id="a"/><host id="a"/></zone>)"),
                    Contains("a second time"));
  ClusterSpec spec = nodes_of(with_nics(node_of("none", 1), 1), 2, "simgrid");
  CHECK_THROWS_WITH(build_cluster(spec), Contains("/fabric/options/file"));
  spec.fabric.options["file"] = "/nowhere/platform.xml";
  CHECK_THROWS_WITH(build_cluster(spec), Contains("/nowhere/platform.xml"));
}

TEST_CASE("the facts of a platform count its hosts and links, not the joints between them") {
  const Built built(3, R"(<zone id="z" routing="Full">
    <host id="a" speed="1Gf"/><host id="b" speed="1Gf"/><host id="c" speed="1Gf"/>
    <link id="la" bandwidth="1GBps" latency="1us"/><link id="lb" bandwidth="1GBps" latency="1us"/>
    <link id="lc" bandwidth="1GBps" latency="1us" sharing_policy="SPLITDUPLEX"/>
    <route src="a" dst="b"><link_ctn id="la"/><link_ctn id="lb"/></route>
    <route src="a" dst="c"><link_ctn id="la"/><link_ctn id="lc" direction="UP"/></route>
    <route src="b" dst="c"><link_ctn id="lb"/><link_ctn id="lc" direction="UP"/></route>
    </zone>)");
  const TopologyFacts facts = topology_facts(built.cluster);
  CHECK(facts.fabric_switches == 3);
  CHECK(facts.distance->diameter_hops == 2 + 2 + 2);  // device, NIC, host, two links, and back
  CHECK(facts.distance->shortest_paths == 1);
  for (const LinkFacts& link : facts.links) {
    CHECK(link.name != "simgrid-joint");
    if (link.name == "simgrid-link") CHECK(link.links == 4);  // one of both ways each, and two of the duplex one
  }
  // Three devices, NICs and hosts, and a box for each way of each link.
  CHECK(topology_picture(built.cluster).boxes.size() == 3 * 3 + 4);
}

TEST_CASE("a zoneRoute's gateways lie inside the zones that it joins, and are no zones") {
  const auto joined = [](const char* routing, const char* ends) {
    return std::string("<zone id='w' routing='") + routing + R"('>
      <cluster id="A" prefix="a" suffix="" radical="0-1" speed="1f" bw="1GBps" router_id="ra"/>
      <cluster id="B" prefix="b" suffix="" radical="0-1" speed="1f" bw="1GBps" router_id="rb"/>
      <link id="wan" bandwidth="1GBps"/>)" +
           ends + R"(<link_ctn id="wan"/></zoneRoute></zone>)";
  };
  const std::string good = R"(<zoneRoute src="A" dst="B" gw_src="ra" gw_dst="rb">)";
  for (const char* routing : {"Full", "Floyd", "Dijkstra"}) {
    INFO(routing);
    CHECK(Built(4, joined(routing, good.c_str())).rate({{0, 2}}) == Approx(1e9));
    CHECK_THROWS_WITH(hosts(4, joined(routing, R"(<zoneRoute src="A" dst="B" gw_src="rb" gw_dst="ra">)")),
                      Contains("gw_src") && Contains("inside \"A\"") && Contains("line 7"));
    CHECK_THROWS_WITH(hosts(4, joined(routing, R"(<zoneRoute src="A" dst="B" gw_src="A" gw_dst="rb">)")),
                      Contains("gw_src"));
    CHECK_THROWS_WITH(hosts(4, joined(routing, R"(<zoneRoute src="A" dst="B" gw_src="ra" gw_dst="a0">)")),
                      Contains("gw_dst") && Contains("inside \"B\""));
    CHECK_THROWS_WITH(hosts(4, joined(routing, R"(<zoneRoute src="a0" dst="B" gw_src="a0" gw_dst="rb">)")),
                      Contains("members of the zone"));
  }
}

TEST_CASE("a platform has one outermost zone: no route would lead from one to another") {
  CHECK_THROWS_WITH(hosts(4, R"(<cluster id="A" prefix="a" suffix="" radical="0-1" speed="1f" bw="1GBps"/>
                     <cluster id="B" prefix="b" suffix="" radical="0-1" speed="1f" bw="1GBps"/>)"),
                    Contains("line 5") && Contains("one outermost zone"));
}

TEST_CASE("numbers of a platform are read to their end and are finite") {
  const auto cluster = [](const char* radical, const char* bandwidth) {
    return std::string(R"(<cluster id="c" prefix="n" suffix="" speed="1f" radical=")") + radical + "\" bw=\"" +
           bandwidth + "\"/>";
  };
  CHECK(Built(3, cluster("0-1,7", "1GBps")).rate({{0, 2}}) == Approx(1e9));
  for (const char* radical : {"5x", "0-", "0-1x", "3-1", "-1", "0-99999999999999999999", "99999999999999999999"})
    CHECK_THROWS_WITH(hosts(2, cluster(radical, "1GBps")), Contains("radical") && Contains(radical));
  for (const char* bandwidth : {"infBps", "nanBps", "1e300PBps"})
    CHECK_THROWS_WITH(hosts(2, cluster("0-1", bandwidth)), Contains("125MBps"));
}

TEST_CASE("hosts by the thousands are refused, as every two of them have a route") {
  const std::string many = R"(<cluster id="c" prefix="n" suffix="" speed="1f" radical="0-4999" bw="1GBps"/>)";
  CHECK_THROWS_WITH(hosts(2, many), Contains("at most 4096 hosts") && Contains("5000 hosts"));
  CHECK(Built(2, many, R"(["n0", "n4999"])").rate({{0, 1}}) == Approx(1e9));
}

TEST_CASE("one direction of a platform's link can fail alone, which cuts a host off") {
  const Built whole(4, R"(<cluster id="c" prefix="n" suffix="" speed="1f" radical="0-3" bw="1GBps" lat="1us"/>)");
  ClusterSpec spec = nodes_of(with_nics(node_of("none", 1), 1), 4, "simgrid");
  spec.fabric.options["file"] = whole.file.path.string();
  DegradedSpec up;  // after the four hosts: where the first one's link begins that leads up
  up.at = "switch 4";
  up.rate = 0;
  spec.degraded = {up};
  const Fault fault = fault_of(spec);
  CHECK(fault.pointer == "/degraded");
  CHECK(fault.found == "device 1, 2, 3 cut off from device 0");
}
