// Every shipped link says what a link needs to say, in one direction, and where each figure comes from.
#include <cctype>
#include <set>
#include <string>

#include <catch2/catch.hpp>

#include "topologies/cluster_spec.hpp"

using namespace orrery;

namespace {

const Library& shipped() {
  static const Library library({ORRERY_SOURCE_DATA_DIR});
  return library;
}

std::vector<LinkModel> shipped_links() {
  std::vector<LinkModel> all;
  for (const std::string& name : shipped().names("hardware/links")) {
    INFO(name);
    all.push_back(load_part<LinkModel>("hardware/links", name, shipped()));
    CHECK(all.back().name == name);
  }
  return all;
}

bool cites(const LinkModel& link, const std::string& pointer) {
  const auto at = link.sources.find(pointer);
  return at != link.sources.end() && at->is_string() && !at->get<std::string>().empty();
}

// The number in "infiniband-ndr-400", "roce-100": Gb/s. Slingshot numbers its generations.
double rate_in_name(const std::string& name) {
  if (name.starts_with("slingshot")) return 0;
  const std::string last = name.substr(name.rfind('-') + 1);
  for (const char c : last)
    if (!std::isdigit(static_cast<unsigned char>(c))) return 0;
  return std::stod(last);
}

}  // namespace

TEST_CASE("every shipped link has a bandwidth, a latency and a protocol efficiency, each with a source") {
  const std::vector<LinkModel> links = shipped_links();
  REQUIRE(links.size() > 80);
  for (const LinkModel& link : links) {
    INFO(link.name);
    CHECK(link.bandwidth_per_direction.value > 0);
    CHECK(link.latency);
    CHECK(link.efficiency);
    CHECK(cites(link, ""));
    CHECK(cites(link, "/latency"));
    CHECK(cites(link, "/efficiency"));
    if (link.energy) CHECK(cites(link, "/energy"));
    if (link.reconfiguration_time) CHECK(cites(link, "/reconfiguration_time"));
    CHECK(
        std::set<std::string>{"scale-up", "scale-out", "host", "memory", "photonic", "wide-area"}.contains(link.kind));
  }
}

TEST_CASE(
    "the bandwidth of a shipped link is of one direction: ports carry the rate in their name, lanes what lanes can") {
  for (const LinkModel& link : shipped_links()) {
    INFO(link.name);
    const double gigabits = link.bandwidth_per_direction.value * 8e-9;
    const bool port = link.kind == "scale-out" || link.name.starts_with("cpo-");
    if (const double rate = rate_in_name(link.name); port && rate > 0) CHECK(gigabits == Approx(rate));
    if (!link.lanes) continue;
    const double per_lane = gigabits / *link.lanes;
    CHECK(per_lane >= 1);
    CHECK(per_lane <= 212.5);  // the fastest electrical lanes there are: 106 GBd PAM4
    if (const auto x = link.name.rfind("-x"); x != std::string::npos && std::isdigit(link.name[x + 2]))
      CHECK(*link.lanes == std::stoi(link.name.substr(x + 2)));
  }
}

TEST_CASE("links that are made of lanes say how many") {
  for (const LinkModel& link : shipped_links()) {
    INFO(link.name);
    for (const char* family :
         {"pcie", "cxl", "nvlink1", "nvlink2", "nvlink3", "nvlink4", "nvlink5", "infiniband", "roce", "ethernet", "efa",
          "infinity-fabric", "xgmi", "upi", "ualink", "ucie", "optical", "cpo"})
      if (link.name.starts_with(family)) CHECK(link.lanes);
  }
}

TEST_CASE("the energy of a bit is that of one link, between a die-to-die wire and a coherent module") {
  int known = 0;
  for (const LinkModel& link : shipped_links()) {
    if (!link.energy) continue;
    INFO(link.name);
    const double picojoules = link.energy->value / 8e-12;
    CHECK(picojoules >= 0.25);
    CHECK(picojoules <= 50);
    ++known;
  }
  CHECK(known >= 38);
}
