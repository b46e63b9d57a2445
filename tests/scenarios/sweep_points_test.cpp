// From axes to points: crossing, zipping, ranges, expressions, samples; and the hash that names them.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "scenarios/store_sha256.hpp"
#include "scenarios/sweep.hpp"
#include "scenarios/sweep_expression.hpp"

using namespace orrery;

namespace {

SweepPoints points_of(const std::string& axes, const std::string& more = "") {
  const std::string text = R"({"orrery": "sweep/1", "base": "tiny", "axes": [)" + axes + "]" + more + "}";
  const std::string file = "sweep.json";
  const auto spec = read_spec<SweepSpec>(parse_json(text, file), file, Library());
  return expand(spec, file, 1e6);
}

Json table(const SweepPoints& points) { return Json(points.values); }
Json first_column(const SweepPoints& points) {
  Json all = Json::array();
  for (const auto& point : points.values) all.push_back(point[0]);
  return all;
}

Json value(const std::string& expression) {
  const std::vector<std::string> names = {"a", "b", "nic"};
  const std::vector<Json> values = {6, 4, "400 Gb/s"};
  return Expression(expression, names)(values);
}

}  // namespace

TEST_CASE("values that an axis has more than once are noted, and stay") {
  const SweepPoints points = points_of(R"({"path": "/a", "values": [1, 2, 1]})");
  CHECK(points.values.size() == 3);
  CHECK(points.notes == std::vector<std::string>{"a has 1 more than once: its points are simulated each time"});
  CHECK(points_of(R"({"zip": [{"path": "/a", "values": [1, 1]}, {"path": "/b", "values": [1, 2]}]})").notes.empty());
}

TEST_CASE("axes are crossed, the last one moves fastest") {
  CHECK(table(points_of(R"({"path": "/a", "values": [1, 2]}, {"path": "/b", "values": ["x", "y"]})")) ==
        Json::parse(R"([[1, "x"], [1, "y"], [2, "x"], [2, "y"]])"));
}

TEST_CASE("zipped axes move together") {
  CHECK(table(points_of(R"({"zip": [{"path": "/a", "values": [1, 2]}, {"path": "/b", "values": [true, null]}]})")) ==
        Json::parse("[[1, true], [2, null]]"));
}

TEST_CASE("ranges hold both ends, whole numbers stay whole and units stay") {
  const auto axis = [](const std::string& range) {
    return first_column(points_of(R"({"path": "/a", )" + range + "}"));
  };
  CHECK(axis(R"("from": 1, "to": 4)") == Json({1, 2, 3, 4}));
  CHECK(axis(R"("from": 0.1, "to": 0.3, "step": 0.1)") == Json({0.1, 0.2, 0.3}));
  CHECK(axis(R"("from": 1, "to": 64, "points": 7, "scale": "log")") == Json({1, 2, 4, 8, 16, 32, 64}));
  CHECK(axis(R"("from": 1, "to": 4, "points": 9, "scale": "log")") == Json({1, 2, 3, 4}));
  CHECK(axis(R"("from": "100 Gb/s", "to": "50 GB/s", "step": "100 Gb/s")") ==
        Json({"100 Gb/s", "200 Gb/s", "300 Gb/s", "400 Gb/s"}));
}

TEST_CASE("derived values and filters follow the axes") {
  const SweepPoints points = points_of(R"({"path": "/a", "values": [1, 2, 3]})",
                                       R"(, "derived": [{"name": "half", "expression": "6 / a", "unit": "GB"}],
                                          "where": ["a != 2", "half > '1 GB'"])");
  CHECK(table(points) == Json::parse(R"([[1, "6 GB"], [3, "2 GB"]])"));
}

TEST_CASE("a filter keeps a derived value from being impossible") {
  CHECK(points_of(R"({"path": "/a", "values": [0, 1]})",
                  R"(, "where": ["a > 0"], "derived": [{"name": "b", "expression": "1 / a"}])")
            .values.size() == 1);
}

TEST_CASE("expressions compute as arithmetic does") {
  CHECK(value("a + b * 2 ^ 3 ^ 1 - -1") == 39);
  CHECK(value("(a + b) / 4") == 2.5);
  CHECK(value("-7 % 4") == 1);
  CHECK(value("-2 ^ 2") == -4);
  CHECK(value("max(a, b, 9) - min(a, b) + floor(2.7)") == 7);
  CHECK(value("a > b and not (a == 6 or b == 3)") == false);
  CHECK(value("nic >= '200 Gb/s' && nic == '50 GB/s'") == true);
  CHECK(value("'x' == \"x\"") == true);
}

TEST_CASE("expressions that mean nothing are refused") {
  for (const char* text :
       {"", "a +", "a b", "c", "sin(a)", "(a", "1 / 0 > 2", "a < 'x'", "a and b", "'x", "a; b", "abs(a, b)"})
    CHECK_THROWS_AS(value(text), ExpressionError);
  CHECK_THROWS_AS(value(std::string(200, '(') + "a"), ExpressionError);
  CHECK_THROWS_AS(value(std::string(3000, '-') + "a"), ExpressionError);
}

TEST_CASE("a random sample is its seed's, without repetition") {
  const std::string axes = R"({"path": "/a", "from": 1, "to": 10}, {"path": "/b", "from": 1, "to": 10})";
  const auto sample = [&](const char* seed) {
    return table(
        points_of(axes, R"(, "sample": {"method": "random", "points": 40, "seed": )" + std::string(seed) + "}"));
  };
  CHECK(sample("1") == sample("1"));
  CHECK(sample("1") != sample("2"));
  const Json drawn = sample("1");
  CHECK(std::set<Json>(drawn.begin(), drawn.end()).size() == 40);
}

TEST_CASE("a Latin hypercube meets every stratum of every axis once") {
  const SweepPoints points = points_of(
      R"({"path": "/a", "from": 0.0, "to": 20.0}, {"path": "/b", "from": 1, "to": 10})",
      R"(, "sample": {"method": "latin-hypercube", "points": 20, "seed": 3})");
  std::set<int> strata;
  std::vector<int> met(11, 0);
  for (const auto& point : points.values) {
    strata.insert(static_cast<int>(point[0].get<double>()));
    ++met[point[1].get<std::size_t>()];
  }
  CHECK(strata.size() == 20);
  CHECK(std::count(met.begin() + 1, met.end(), 2) == 10);
}

TEST_CASE("shards share out all points evenly, whatever the axes") {
  std::vector<std::size_t> all;
  for (std::size_t s = 1; s <= 4; ++s) {
    const auto mine = Shard{s, 4}.points_of(102);
    CHECK((mine.size() == 25 || mine.size() == 26));
    all.insert(all.end(), mine.begin(), mine.end());
  }
  std::sort(all.begin(), all.end());
  for (std::size_t i = 0; i < 102; ++i) CHECK(all[i] == i);
}

TEST_CASE("SHA-256 of the examples of FIPS 180-4") {
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}
