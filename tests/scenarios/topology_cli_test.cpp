// `orrery topology`.
#include <catch2/catch.hpp>

#include "scenarios/assumed_tree.hpp"
#include "sim/json.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;
using namespace orrery::test;
using Catch::Matchers::Contains;

TEST_CASE("topology describes scenarios, clusters and nodes, by file and by name") {
  const Folder folder;
  const std::string cluster = folder.write("cluster.json", R"({"pools": [{"node": "dgx-a100-80gb", "count": 2}]})");
  const std::string node = folder.write("node.json",
                                        R"({"base": "dgx-h100", "device": "nvidia-h100-sxm5-80gb", "devices": 4})");
  for (const std::string& name : {std::string("tiny"), std::string("dgx-h100"), cluster, node}) {
    const Outcome outcome = run_orrery({"topology", name});
    INFO(name << ": " << outcome.err);
    CHECK(outcome.exit_code == 0);
    CHECK_THAT(outcome.out, Contains("bisection") && Contains("diameter") && Contains("Levels"));
  }
}

TEST_CASE("topology --json is one document, the same every time but for its provenance") {
  const auto document = [] {
    const Outcome outcome = run_orrery({"topology", "dgx-h100", "--nodes", "4", "--json"});
    REQUIRE(outcome.exit_code == 0);
    CHECK(outcome.err == "");
    Json json = parse_json(outcome.out, "output");
    json.erase("provenance");
    return json;
  };
  const Json json = document();
  CHECK(json == document());
  CHECK(json["topology"]["devices"] == 32);
  CHECK(json["topology"]["bisection"]["bandwidth_GBs"].get<double>() ==
        Approx(16 * 50 * 0.994));  // payload of InfiniBand
  CHECK(json["cluster"]["pools"][0]["count"] == 4);
}

TEST_CASE("topology takes 65,536 devices") {
  const Outcome outcome = run_orrery({"topology", "dgx-h100", "--nodes", "8192"});
  CHECK(outcome.exit_code == 0);
  CHECK_THAT(outcome.out, Contains("65536 devices") && Contains("sampled"));
}

TEST_CASE("topology edits what it was given before it builds") {
  const Outcome outcome = run_orrery(
      {"topology", "gpt3-175b-1024-a100", "--json", "--set", "/cluster/fabric/oversubscription=3"});
  REQUIRE(outcome.exit_code == 0);
  const Json json = parse_json(outcome.out, "output");
  // 30 of 40 ports down hold three whole nodes: 24 NICs over 10 uplinks, less than the ratio asked for.
  CHECK(json["topology"]["levels"][1]["oversubscription"].get<double>() == Approx(2.4));
}

TEST_CASE("what a family of fabrics does not use is told, and so is a ratio that whole ports do not give") {
  const auto notes = [](const char* machine, const char* edit) {
    return run_orrery({"topology", machine, "--set", edit}).out;
  };
  CHECK_THAT(notes("megatron-175b-64-a100-dragonfly", "/cluster/fabric/oversubscription=4"),
             Contains("fabric oversubscription has no effect: kind \"dragonfly+\" does not use it"));
  CHECK_THAT(notes("megatron-175b-64-a100-selective", "/cluster/fabric/oversubscription=2"),
             Contains("fabric oversubscription: 2.08 : 1, not 2 : 1"));
  CHECK_THAT(notes("megatron-175b-64-a100-selective", "/cluster/fabric/oversubscription=3"),
             !Contains("oversubscription:") && !Contains("no effect"));
}

TEST_CASE(
    "options of fabrics that have nothing to do are told: rails of nodes with one NIC, idle global ports, one node") {
  const auto notes = [](const char* fabric, const char* nics, const char* count) {
    const Outcome outcome = run_orrery({"topology", "megatron-175b-64-a100-full", "--set", count, "--set", nics,
                                        "--set", std::string("/cluster/fabric=") + fabric});
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    return outcome.out;
  };
  const char *few = "/cluster/pools/0/count=8",
             *one_nic = R"(/cluster/pools/0/node={"base": "dgx-a100-80gb", "nics": {"count": 1}})",
             *eight = R"(/cluster/pools/0/node={"base": "dgx-a100-80gb"})";
  const char* rails = R"({"kind": "fat-tree", "options": {"pxn": true}})";
  CHECK_THAT(notes(rails, one_nic, few), Contains("fabric pxn has no effect: every node has one NIC"));
  CHECK_THAT(notes(rails, eight, few), !Contains("pxn"));
  CHECK_THAT(notes(rails, eight, "/cluster/pools/0/count=1"),
             Contains("fabric pxn has no effect: one node has no fabric"));
  // 8 groups of 8 NICs, 7 others: 12 global ports of a group take one cable each, five are left.
  const char* dragonfly = R"({"kind": "dragonfly", "radix": 8, "options":
    {"routers_per_group": 4, "terminals_per_router": 2, "global_per_router": 3}})";
  CHECK_THAT(notes(dragonfly, eight, few), Contains("5 of the 12 global ports of a group stay idle"));
}

TEST_CASE("topology draws SVG and DOT, and nothing else") {
  const Folder folder;
  for (const char* name : {"a.svg", "b.dot"}) {
    const Outcome outcome = run_orrery({"topology", "dgx-h100", "--nodes", "300", "--plot", folder.path(name)});
    INFO(outcome.err);
    CHECK(outcome.exit_code == 0);
  }
  CHECK_THAT(read_text(folder.path("a.svg")), Contains("<svg") && Contains("x 2400, nvidia-h100-sxm5-80gb"));
  CHECK_THAT(read_text(folder.path("b.dot")), Contains("graph \"300 x dgx-h100\"") && Contains(" -- "));
  const Outcome refused = run_orrery({"topology", "dgx-h100", "--plot", folder.path("c.png")});
  CHECK(refused.exit_code == 2);
  CHECK(folder.names() == std::vector<std::string>{"a.svg", "b.dot"});
}

TEST_CASE("topology refuses what is no machine, with exit code 2 and one clear line") {
  const Folder folder;
  const auto refused = [](const std::vector<std::string>& arguments, const std::string& why) {
    const Outcome outcome = run_orrery(arguments);
    INFO(outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK(outcome.out == "");
    CHECK_THAT(outcome.err, Contains(why));
  };
  refused({"topology", "dgx-h10"}, "did you mean \"dgx-h100\"");
  refused({"topology", "gpt3-175b-1024-a100", "--nodes", "4"}, "--nodes");
  refused({"topology", folder.write("x.json", R"({"a": 1})")}, "\"pools\"");
  refused({"topology", folder.write("y.json", "[1]")}, "a scenario");
  refused({"topology", "tpu-v4-4x4x4", "--nodes", "0"}, "--nodes");
  refused({"topology", "gpt3-175b-1024-a100", "--set", "/cluster/fabric/radix=2"}, "/cluster/fabric/radix");
}

TEST_CASE("a link, switch or cable of a fabric that nothing crosses or is built of is told") {
  const auto notes = [](const char* fabric) {
    const Outcome outcome = run_orrery({"topology", "megatron-175b-64-a100-full", "--set", "/cluster/pools/0/count=2",
                                        "--set", std::string("/cluster/fabric=") + fabric});
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    return outcome.out;
  };
  CHECK_THAT(notes(R"({"kind": "single-switch", "link": "infiniband-edr-100", "cable": "copper-400g"})"),
             Contains("fabric link has no effect: kind \"single-switch\" does not use it") &&
                 Contains("fabric cable has no effect"));
  const char* crossed = "fabric link: no traffic crosses it";
  CHECK_THAT(notes(R"({"kind": "custom", "link": "infiniband-edr-100"})"),
             Contains(std::string(crossed) + ": no cable joins two switches"));
  CHECK_THAT(notes(R"({"kind": "fat-tree", "link": "infiniband-edr-100", "radix": 36})"),
             Contains(std::string(crossed) + ": one leaf switch holds all 16 NICs"));
  CHECK_THAT(notes(R"({"kind": "fat-tree", "link": "infiniband-edr-100", "radix": 16})"), !Contains(crossed));
}

TEST_CASE("switches of more ports than the link's usual switch has are told") {
  const auto notes = [](const char* fabric) {
    return run_orrery({"topology", "megatron-175b-64-a100-full", "--set", std::string("/cluster/fabric=") + fabric})
        .out;
  };
  CHECK_THAT(notes(R"({"kind": "fat-tree", "radix": 64})"),
             Contains("switches of 64 ports, but quantum-qm8700 has 40"));
  CHECK_THAT(notes(R"({"kind": "fat-tree", "radix": 40})"), !Contains("but quantum-qm8700"));
  CHECK_THAT(notes(R"({"kind": "single-switch"})"),
             Contains("one switch for 64 NICs, but quantum-qm8700 has 40 ports"));
  CHECK_THAT(notes(R"({"kind": "dragonfly", "radix": 64})"), Contains("routers of up to 64 ports"));
}

TEST_CASE("an override of a node is a machine as the node is") {
  const Folder folder;
  const std::string node = folder.write("node.json", R"({"base": "mi300x-8", "name": "mine"})");
  const Outcome own = run_orrery({"topology", node, "--nodes", "2"}),
                shipped = run_orrery({"topology", "mi300x-8", "--nodes", "2"});
  INFO(own.err);
  CHECK(own.exit_code == 0);
  CHECK(own.out.substr(own.out.find('\n')) == shipped.out.substr(shipped.out.find('\n')));
  const Outcome unknown = run_orrery({"topology", folder.write("bad.json", R"({"base": "mi300x-9"})")});
  CHECK(unknown.exit_code == 2);
  CHECK_THAT(unknown.err, Contains("/base") && Contains("mi300x-8"));
}

TEST_CASE("nodes of more NICs than a leaf has ports down have leaves to themselves, and the tree is large enough") {
  for (const char* nodes : {"21", "22", "28", "29"}) {  // three leaves of a 64-port switch each, of 64
    const Outcome outcome = run_orrery({"topology", "gb200-nvl72", "--nodes", nodes});
    INFO(nodes << ": " << outcome.err);
    CHECK(outcome.exit_code == 0);
    CHECK_THAT(outcome.out, Contains(nodes == std::string("21") ? "2 levels of 64-port" : "3 levels of 64-port"));
  }
  CHECK(assumed_tree(682, 72, 72)->radix == 64);
  CHECK(assumed_tree(683, 72, 72)->radix == 256);
  CHECK(assumed_tree(64, 72, 3 * 72)->levels == 3);  // three cables of a device on one leaf: eight leaves a node
  CHECK(assumed_tree(8, 72, 3 * 72)->levels == 2);
  CHECK(assumed_tree(9, 72, 3 * 72)->levels == 3);
}

TEST_CASE("more nodes than the largest tree joins are refused in the user's words") {
  const Outcome outcome = run_orrery({"topology", "dgx-h100", "--nodes", "1048576"});
  CHECK(outcome.exit_code == 2);
  CHECK_THAT(outcome.err, Contains("at most 524288 nodes") && Contains("found 1048576") && !Contains("/fabric"));
}
