// Schedules in MSCCL's XML: proved before they are timed, refused with the place that is wrong.
#include "kernels/collectives/msccl.hpp"

#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "kernels/collectives/collective.hpp"
#include "kernels/collectives/interpreter.hpp"
#include "sim/error.hpp"
#include "tests/kernels/allocations.hpp"
#include "tests/kernels/collective_requests.hpp"
#include "tests/topologies/fixture.hpp"

using namespace orrery;
using namespace orrery::testing;
using Catch::Matchers::Contains;

namespace {

std::string example() {
  std::ifstream in(std::string(ORRERY_SOURCE_DATA_DIR) + "/scenarios/library/schedules/ring-allreduce-4.xml");
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string replaced(std::string text, const std::string& old, const std::string& with) {
  const std::size_t at = text.find(old);
  REQUIRE(at != std::string::npos);
  return text.replace(at, old.size(), with);
}

std::string refusal(const std::string& xml) {
  try {
    parse_msccl(xml, "mine.xml");
  } catch (const SpecError& error) {
    return error.what();
  }
  return "accepted";
}

// Each of two ranks sends its half to a scratch buffer of the other, which a second thread block adds in once it is there.
std::string two_ranks(const std::string& wait) {
  std::string xml = R"(<algo name="swap" proto="LL" ngpus="2" coll="allreduce" inplace="1">)";
  for (int g = 0; g < 2; ++g)
    xml += R"(<gpu id=")" + std::to_string(g) + R"(" i_chunks="1" o_chunks="1" s_chunks="1">)" +
           R"(<tb id="0" send=")" + std::to_string(1 - g) + R"(" recv=")" + std::to_string(1 - g) + R"(" chan="0">)" +
           R"(<step s="0" type="s" srcbuf="i" srcoff="0" dstbuf="s" dstoff="0" cnt="1" depid="-1" deps="-1"/>)" +
           R"(<step s="1" type="r" srcbuf="i" srcoff="0" dstbuf="s" dstoff="0" cnt="1" depid="-1" deps="-1"/></tb>)" +
           R"(<tb id="1" send="-1" recv="-1" chan="0">)" +
           R"(<step s="0" type="re" srcbuf="s" srcoff="0" dstbuf="i" dstoff="0" cnt="1" )" + wait + "/></tb></gpu>";
  return xml + "</algo>";
}

// One thread block to every other rank, two parts to each: to ranks of the same pair as two messages, to others as one.
std::string all_to_all(std::uint32_t ranks) {
  std::string xml = fmt::format(R"(<algo name="blocks" proto="Simple" ngpus="{}" coll="alltoall" inplace="0">)", ranks);
  const auto step = [&](int number, const char* type, std::uint32_t from, std::uint32_t to, int count) {
    xml += fmt::format(R"(<step s="{}" type="{}" srcbuf="i" srcoff="{}" dstbuf="o" dstoff="{}" cnt="{}" )", number,
                       type, from, to, count) +
           R"(depid="-1" deps="-1"/>)";
  };
  for (std::uint32_t g = 0; g < ranks; ++g) {
    xml += fmt::format(R"(<gpu id="{0}" i_chunks="{1}" o_chunks="{1}" s_chunks="0">)", g, 2 * ranks);
    for (std::uint32_t peer = 0; peer < ranks; ++peer) {
      const std::string other = peer == g ? "-1" : std::to_string(peer);
      xml += fmt::format(R"(<tb id="{}" send="{}" recv="{}" chan="0">)", peer, other, other);
      if (peer == g) {
        step(0, "cpy", 2 * g, 2 * g, 2);
      } else if (peer / 2 == g / 2) {
        step(0, "s", 2 * peer, 2 * g, 1);
        step(1, "s", 2 * peer + 1, 2 * g + 1, 1);
        step(2, "r", 2 * g, 2 * peer, 1);
        step(3, "r", 2 * g + 1, 2 * peer + 1, 1);
      } else {
        step(0, "s", 2 * peer, 2 * g, 2);
        step(1, "r", 2 * g, 2 * peer, 2);
      }
      xml += "</tb>";
    }
    xml += "</gpu>";
  }
  return xml + "</algo>";
}

}  // namespace

TEST_CASE("a ring written in MSCCL's XML takes the time of the built-in one, at both details") {
  const Cluster cluster = build_cluster(nodes_of(node_of("switch", 4), 1, "none"));
  CollectiveRequest ring;
  for (std::size_t d = 0; d < 4; ++d) ring.members.emplace_back(d);
  ring.bytes = Bytes(1e8);
  ring.algorithm = "ring";
  ring.protocol = "simple";
  for (const CollectiveDetail detail : {CollectiveDetail::flow, CollectiveDetail::step}) {
    ring.detail = detail;
    CollectiveRequest mine = ring;
    mine.user = std::make_shared<const UserSchedule>(parse_msccl(example(), "mine.xml"));
    CHECK(time_alone(cluster, plan_collective(cluster, mine)).value ==
          Approx(time_alone(cluster, plan_collective(cluster, ring)).value).epsilon(1e-9));
  }
}

TEST_CASE("thread blocks, scratch and dependencies of an MSCCL schedule are followed") {
  const UserSchedule user = parse_msccl(two_ranks(R"(depid="0" deps="1")"), "mine.xml");
  CHECK(user.protocol == "ll");
  CHECK_FALSE(wrong_result(user.kind, user.schedule, 5));
  for (std::size_t t = 0; t < user.schedule.rounds.size(); ++t)
    for (std::size_t i = 0; i < user.schedule.rounds[t].sends.size(); ++i)
      CHECK(wrong_result(user.kind, user.schedule, 5, {t, i}));
  const std::string no_wait = refusal(two_ranks(R"(depid="-1" deps="-1")"));
  CHECK_THAT(no_wait, Contains("a dependency on the other thread block"));
}

TEST_CASE("messages that a thread block posts count between nodes where they leave one") {
  const UserSchedule user = parse_msccl(all_to_all(4), "mine.xml");
  const auto posts = [&](int devices, int nodes) {
    const Cluster cluster = build_cluster(nodes_of(switch_node(devices, devices), nodes, "single-switch"));
    const auto phases = aggregate(user.schedule, make_group(cluster, request_of(user.kind, 4, 1, "auto").members));
    return std::pair(phases.at(0).posts, phases.at(0).node_posts);
  };
  CHECK(posts(2, 2) == std::pair(2u, 1u));
  CHECK(posts(1, 4) == std::pair(2u, 2u));
  CHECK(posts(4, 2).first == 2);
}

TEST_CASE("a thread block for every pair of ranks knows of few others, and takes as little memory") {
  const std::string xml = all_to_all(64);
  const std::size_t before = test::allocated_bytes();
  CHECK(parse_msccl(xml, "mine.xml").schedule.rounds.size() > 0);
  CHECK(test::allocated_bytes() - before < std::size_t{64 * 64} * 64 * 64 * sizeof(std::uint32_t));
}

TEST_CASE("an MSCCL schedule that gives a wrong result is refused with its rank and chunk") {
  CHECK_THAT(refusal(replaced(example(), R"(type="rrcs")", R"(type="rrs")")), Contains("rank 0 ends without the sum"));
  CHECK_THAT(refusal(replaced(example(), R"(type="rrs")", R"(type="rcs")")),
             Contains("ends without the sum over all ranks"));
}

TEST_CASE("minBytes and maxBytes say which buffers an MSCCL schedule is for, and 0 or nothing means any") {
  const auto meant_for = [](const std::string& attributes) {
    return parse_msccl(replaced(two_ranks(R"(depid="0" deps="1")"), "inplace=\"1\"", "inplace=\"1\" " + attributes),
                       "mine.xml");
  };
  const UserSchedule any = meant_for(""), zeros = meant_for(R"(minBytes="0" maxBytes="0")"),
                     few = meant_for(R"(minBytes="1024" maxBytes="2048")"), large = meant_for(R"(minBytes="1048576")");
  for (const UserSchedule* schedule : {&any, &zeros}) {
    CHECK(schedule->takes(1));
    CHECK(schedule->takes(1e15));
    CHECK(schedule->buffers().empty());
  }
  CHECK_FALSE(few.takes(1023));
  CHECK(few.takes(1024));
  CHECK(few.takes(2048));
  CHECK_FALSE(few.takes(2049));
  CHECK(few.buffers() == "of 1024 to 2048 B");
  CHECK_FALSE(large.takes(1e6));
  CHECK(large.takes(1e15));
  CHECK(large.buffers() == "from 1048576 B");
  CHECK_THROWS_WITH(meant_for(R"(minBytes="2K")"), Contains("minBytes a whole number of bytes") && Contains("2K"));
  CHECK_THROWS_WITH(meant_for(R"(maxBytes="-1")"), Contains("maxBytes a whole number of bytes"));
  CHECK_THROWS_WITH(meant_for(R"(minBytes="9" maxBytes="8")"), Contains("maxBytes of at least the minBytes, 9"));
}

TEST_CASE("malformed MSCCL files are refused with the place that is wrong") {
  CHECK_THAT(refusal("<algo ngpus=\"2\">\n<gpu"), Contains("line 2"));
  CHECK_THAT(refusal("<schedule/>"), Contains("an <algo> element"));
  CHECK_THAT(refusal(replaced(example(), R"(coll="allreduce")", R"(coll="allreduces")")), Contains("coll allreduce"));
  CHECK_THAT(refusal(replaced(example(), R"(type="rrs")", R"(type="rrx")")), Contains("gpu 0, tb 0, step 1"));
  CHECK_THAT(refusal(replaced(example(), R"(ngpus="4")", R"(ngpus="5")")), Contains("for each of 5 ranks"));
  CHECK_THAT(refusal(replaced(example(), R"(srcoff="0")", R"(srcoff="9")")), Contains("chunks below 4"));
  CHECK_THAT(refusal(replaced(example(), R"(send="1")", R"(send="0")")), Contains("another rank below 4"));
  CHECK_THAT(refusal(replaced(example(), R"(type="s")", R"(type="nop")")), Contains("never comes"));
}
