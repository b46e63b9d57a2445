// Accuracy against published measurements must not get worse unnoticed: every source of tests/validation/measured is
// predicted again and held to the committed table. A median that is half a point worse, a 90th percentile that is three
// points worse, or a row that is no longer simulated fails. After an improvement, or a change for the worse that was
// decided on, write the table anew and commit it with the reason:
//   orrery validate tests/validation/measured --sources tests/validation/accuracy.csv
// The sources are dealt over several test cases, so that they can run at once.
#include <algorithm>
#include <fstream>
#include <map>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "scenarios/csv.hpp"
#include "scenarios/validate.hpp"

using namespace orrery;

namespace {

constexpr double median_slack = 0.005, p90_slack = 0.03;

std::string folder() { return std::string(ORRERY_SOURCE_DATA_DIR) + "/tests/validation"; }

struct Committed {
  std::size_t simulated = 0;
  std::string median, p90;
};

std::map<std::string, Committed> committed() {
  std::ifstream in(folder() + "/accuracy.csv");
  std::map<std::string, Committed> table;
  std::string line;
  for (std::getline(in, line); std::getline(in, line);) {
    const auto cells = split_csv_line(line);
    REQUIRE(cells.size() == 5);
    table[cells[0]] = {std::stoul(cells[2]), cells[3], cells[4]};
  }
  return table;
}

// Files of one kind, every `parts`-th from `part`.
void check(const std::string& kind, std::size_t part, std::size_t parts) {
  const auto table = committed();
  std::vector<MeasuredRow> rows;
  std::size_t index = 0;
  for (const auto& file : measured_files({folder() + "/measured"})) {
    MeasuredFile measured = read_measured(file);
    if (measured.kind != kind || index++ % parts != part) continue;
    for (MeasuredRow& row : measured.rows) rows.push_back(std::move(row));
  }
  REQUIRE_FALSE(rows.empty());
  const Library library({ORRERY_SOURCE_DATA_DIR});
  const Validation v = validate(std::move(rows), Fidelity::flow, library, 2, {});
  for (const SourceStatistics& source : v.by_source) {
    const ErrorStatistics& s = source.statistics;
    INFO(source.source << ": see the head of this file for how to write the table anew");
    const auto it = table.find(source.source);
    REQUIRE(it != table.end());
    CHECK(s.simulated >= it->second.simulated);
    if (it->second.median.empty()) continue;
    REQUIRE(s.median_abs_error);
    INFO(fmt::format("median {:.2f} %, p90 {:.2f} %; committed {} and {}", 100 * *s.median_abs_error,
                     100 * *s.p90_abs_error, it->second.median, it->second.p90));
    CHECK(*s.median_abs_error <= std::stod(it->second.median) + median_slack);
    CHECK(*s.p90_abs_error <= std::stod(it->second.p90) + p90_slack);
  }
}

}  // namespace

TEST_CASE("training steps are as near to published measurements as the committed table, part 1 of 8") {
  check("training", 0, 8);
}
TEST_CASE("training steps are as near to published measurements as the committed table, part 2 of 8") {
  check("training", 1, 8);
}
TEST_CASE("training steps are as near to published measurements as the committed table, part 3 of 8") {
  check("training", 2, 8);
}
TEST_CASE("training steps are as near to published measurements as the committed table, part 4 of 8") {
  check("training", 3, 8);
}
TEST_CASE("training steps are as near to published measurements as the committed table, part 5 of 8") {
  check("training", 4, 8);
}
TEST_CASE("training steps are as near to published measurements as the committed table, part 6 of 8") {
  check("training", 5, 8);
}
TEST_CASE("training steps are as near to published measurements as the committed table, part 7 of 8") {
  check("training", 6, 8);
}
TEST_CASE("training steps are as near to published measurements as the committed table, part 8 of 8") {
  check("training", 7, 8);
}
TEST_CASE("collectives are as near to published measurements as the committed table") { check("collective", 0, 1); }
TEST_CASE("kernels are as near to published measurements as the committed table") { check("kernel", 0, 1); }
TEST_CASE("average powers are as near to published measurements as the committed table") { check("power", 0, 1); }

TEST_CASE("the committed table has a line for every measured file and no other") {
  const auto table = committed();
  std::size_t files = 0;
  for (const auto& file : measured_files({folder() + "/measured"})) {
    ++files;
    CHECK(table.count(read_measured(file).source) == 1);
  }
  CHECK(table.size() == files);
}
