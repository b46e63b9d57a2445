// What `orrery list links` and `orrery show LINK` say that a message gets.
#include "scenarios/link_ramp.hpp"

#include <catch2/catch.hpp>

#include "sim/json.hpp"
#include "tests/support/run_orrery.hpp"
#include "topologies/wiring.hpp"

using namespace orrery;
using namespace orrery::test;
using Catch::Matchers::Contains;

namespace {

LinkModel shipped(const std::string& name) {
  return load_part<LinkModel>("hardware/links", name, Library::installed());
}

// The time of a send and receive of 64 KiB that the command predicts.
double command_time(const std::string& machine) {
  const Outcome outcome = run_orrery(
      {"collective", "send_recv", "--topology", machine, "--devices", "2", "--bytes", "64K", "--json"});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  return parse_json(outcome.out, "output")["rows"][0]["time_s"].get<double>();
}

}  // namespace

TEST_CASE("the ramp of a link is what `orrery collective send_recv` says of a machine with that link") {
  const Folder folder;
  const std::string pair = folder.write("pair.json",
                                        R"({"pools": [{"node": {"device": {"name": "d", "family": "gpu"}, "devices": 2,
    "scale_up": {"kind": "full-mesh", "link": "nvlink4", "links_per_device": 1}}}], "fabric": {"kind": "none"}})");
  CHECK(LinkRamp(shipped("nvlink4")).at(65536).seconds == Approx(command_time(pair)).epsilon(1e-9));
  const std::string nodes = folder.write("nodes.json",
                                         R"({"pools": [{"node": {"device": {"name": "d", "family": "gpu"}, "devices": 1,
    "nics": {"link": "infiniband-ndr-400", "count": 1}}, "count": 2}], "fabric": {"kind": "single-switch"}})");
  CHECK(LinkRamp(shipped("infiniband-ndr-400")).at(65536).seconds == Approx(command_time(nodes)).epsilon(1e-9));
}

TEST_CASE("a longer message never gets less of a link, and a long one nearly all of what the library reaches") {
  for (const std::string& name : Library::installed().names("hardware/links")) {
    INFO(name);
    const LinkRamp ramp(shipped(name));
    double before = 0;
    for (double bytes = 8; bytes < 1e13; bytes *= 8) {
      const MessageTime message = ramp.at(bytes);
      CHECK(message.rate > before);
      CHECK(message.of_line_rate <= 1.1);  // fits to measured rates lie a little above the payload rate at most
      before = message.rate;
    }
    REQUIRE(ramp.half_rate_bytes());
    CHECK(ramp.at(*ramp.half_rate_bytes()).rate * 2 == Approx(payload(shipped(name)).value).epsilon(0.01));
  }
}

TEST_CASE("a load from memory takes its latency and its bytes at the payload rate, without a library") {
  LinkModel link = shipped("cxl2");
  link.efficiency = 0.5;
  link.bandwidth_per_direction = BytesPerSecond(32e9);
  link.latency = Seconds(1e-6);
  CHECK(LinkRamp(link).at(16000).seconds == Approx(2e-6));
  CHECK(*LinkRamp(link).half_rate_bytes() == Approx(16000).epsilon(0.01));
}

TEST_CASE("between regions the distance is paid once") {
  LinkModel link = shipped("wan-400zr-100km");
  const double near = LinkRamp(link).at(8).seconds;
  link.latency = *link.latency + Seconds(1);
  CHECK(LinkRamp(link).at(8).seconds - near == Approx(1));
}

TEST_CASE("show and list tell what 64 KiB gets, and where no energy is known") {
  const Outcome shown = run_orrery({"show", "links/infiniband-ndr-400"});
  CHECK(shown.exit_code == 0);
  CHECK_THAT(shown.out, Contains("a message of 64 KiB takes") && Contains("of the line rate") && Contains("no source"));
  const Outcome listed = run_orrery({"list", "links"});
  CHECK(listed.exit_code == 0);
  CHECK_THAT(listed.out, Contains("64 KiB gets") && Contains("pJ/b"));
}
