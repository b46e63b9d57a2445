#include <string>

#include <catch2/catch.hpp>

#include "sim/error.hpp"
#include "sim/spec.hpp"

using namespace orrery;
using Catch::Matchers::Contains;

namespace {

Json after(const std::string& document, const std::string& assignment) {
  Json json = Json::parse(document);
  set_value(json, assignment, "doc.json");
  return json;
}

std::string fault_of(const std::string& document, const std::string& assignment) {
  Json json = Json::parse(document);
  const Json before = json;
  try {
    set_value(json, assignment, "doc.json");
  } catch (const SpecError& error) {
    CHECK(json == before);
    return error.what();
  }
  return "none: " + json.dump();
}

}  // namespace

TEST_CASE("a value is JSON if it parses, else a string") {
  CHECK(after("{}", "/a=4") == Json::parse(R"({"a": 4})"));
  CHECK(after("{}", "/a=true") == Json::parse(R"({"a": true})"));
  CHECK(after("{}", "/a=[1,2]") == Json::parse(R"({"a": [1, 2]})"));
  CHECK(after("{}", "/a=400 Gb/s") == Json::parse(R"({"a": "400 Gb/s"})"));
  CHECK(after("{}", "/a=\"4\"") == Json::parse(R"({"a": "4"})"));
  CHECK(after("{}", "/a=") == Json::parse(R"({"a": ""})"));
  CHECK(after("{}", "/a=b=c") == Json::parse(R"({"a": "b=c"})"));
  CHECK(after("{}", "/a=null") == Json::parse(R"({"a": null})"));
}

TEST_CASE("a pointer leads through objects, lists and escapes, and keeps the order of keys") {
  CHECK(after(R"({"a": {"b": 1}, "c": 2})", "/a/b=5").dump() == R"({"a":{"b":5},"c":2})");
  CHECK(after(R"({"a": [{"b": 1}, 2]})", "/a/0/b=5").dump() == R"({"a":[{"b":5},2]})");
  CHECK(after(R"({"a": [1, 2]})", "/a/1=5").dump() == R"({"a":[1,5]})");
  CHECK(after(R"({"a/b": {"c~d": 1}})", "/a~1b/c~0d=5").dump() == R"({"a/b":{"c~d":5}})");
}

TEST_CASE("a part's name on the way becomes a base with overrides, below which objects are made") {
  CHECK(after(R"({"node": "dgx"})", "/node/count=4") == Json::parse(R"({"node": {"base": "dgx", "count": 4}})"));
  CHECK(after(R"({"node": "dgx"})", "/node/chip/power/tdp=300 W") ==
        Json::parse(R"({"node": {"base": "dgx", "chip": {"power": {"tdp": "300 W"}}}})"));
  CHECK(after(R"({"nodes": ["dgx"]})", "/nodes/0/count=4") ==
        Json::parse(R"({"nodes": [{"base": "dgx", "count": 4}]})"));
  CHECK(after(R"({"node": {"base": "dgx", "chip": "a"}})", "/node/chip/clock=1") ==
        Json::parse(R"({"node": {"base": "dgx", "chip": {"base": "a", "clock": 1}}})"));
}

TEST_CASE("objects that are missing on the way are made") {
  CHECK(after("{}", "/a/b/c=1") == Json::parse(R"({"a": {"b": {"c": 1}}})"));
  CHECK(after(R"({"a": null})", "/a/b=1") == Json::parse(R"({"a": {"b": 1}})"));
  CHECK(after(R"({"jobs": [{}]})", "/jobs/0/placement/count=8") ==
        Json::parse(R"({"jobs": [{"placement": {"count": 8}}]})"));
}

TEST_CASE("a pointer that leads nowhere is a fault that names it, and changes nothing") {
  CHECK_THAT(fault_of(R"({"a": 5})", "/a/b=1"), Contains("/a/b") && Contains("found 5"));
  CHECK_THAT(fault_of(R"({"a": [1]})", "/a/1=1"), Contains("index into a list of 1"));
  CHECK_THAT(fault_of(R"({"a": [1]})", "/a/-=1"), Contains("index into a list of 1"));
  CHECK_THAT(fault_of(R"({"a": [[1]]})", "/a/00/0=1"), Contains("index"));
  CHECK_THAT(fault_of(R"({"a": "x"})", "/a/b/c/d/../q"), Contains("assignment"));
  CHECK_THAT(fault_of("{}", "a=1"), Contains("assignment"));
  CHECK_THAT(fault_of("{}", "=1"), Contains("assignment"));
  CHECK_THAT(fault_of("{}", ""), Contains("assignment"));
  CHECK_THAT(fault_of("{}", "/a~2=1"), Contains("~0"));
  CHECK_THAT(fault_of("{}", "/a/0=1"), Contains("at /a/0: expected a list at \"/a\" (set all of it, as in /a=[...])"));
  CHECK_THAT(fault_of("{}", "/a/b/0/c=1"), Contains("expected a list at \"/a/b\""));
}

TEST_CASE("a value is refused for what any document is refused for") {
  CHECK_THAT(fault_of("{}", R"(/a={"x": 1, "x": 2})"), Contains("each key once"));
  CHECK_THAT(fault_of("{}", "/a=" + std::string(100, '[') + std::string(100, ']')), Contains("levels"));
}
