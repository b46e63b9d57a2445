#include "analysis/collective_table.hpp"

#include <catch2/catch.hpp>

using namespace orrery;
using Catch::Matchers::Contains;

namespace {

CollectiveTable table() {
  CollectiveTable t;
  t.machine = "machine";
  t.devices = 8;
  t.nodes = 1;
  t.rows.push_back({1 << 20, 100e-6, "ring", "ll", "", {}, {}, {}});
  t.rows.push_back({1 << 30, 8e-3, "ring", "simple", "", {}, {}, {}});
  return t;
}

}  // namespace

TEST_CASE("bus bandwidth makes rates of collectives comparable with links, as nccl-tests defines it") {
  CHECK(bus_factor(CollectiveKind::all_reduce, 8) == Approx(1.75));
  CHECK(bus_factor(CollectiveKind::all_gather, 8) == Approx(0.875));
  CHECK(bus_factor(CollectiveKind::reduce_scatter, 4) == Approx(0.75));
  CHECK(bus_factor(CollectiveKind::all_to_all, 2) == Approx(0.5));
  CHECK(bus_factor(CollectiveKind::broadcast, 8) == 1);
}

TEST_CASE("counts are elements of the buffer, or of one rank's part") {
  CollectiveTable t = table();
  CHECK(element_count(t, 1024) == 256);
  t.kind = CollectiveKind::all_gather;
  CHECK(element_count(t, 1024) == 32);
  t.element_bytes = 2;
  CHECK(element_count(t, 1024) == 64);
}

TEST_CASE("a table of predictions reads like one of nccl-tests") {
  const std::string text = collective_text(table());
  CHECK_THAT(text, Contains("size") && Contains("busbw") && Contains("ring/simple") && Contains("Avg bus bandwidth"));
  CHECK_THAT(text, Contains("  134.22  234.88"));  // 2^30 B in 8 ms
  CHECK_THAT(text, !Contains("measured"));
}

TEST_CASE("the table says what came second and by how much, which is why the algorithm was taken") {
  CollectiveTable t = table();
  CHECK_THAT(collective_text(t), !Contains("next best"));
  t.rows[0].runner_up = RunnerUp{"ring/ll128", 0.034};
  t.rows[1].runner_up = RunnerUp{"tree/simple", 1.5};
  CHECK_THAT(collective_text(t), Contains("next best") && Contains("ring/ll             ring/ll128 +3.4%") &&
                                     Contains("ring/simple         tree/simple +150%"));
  CHECK(collective_json(t)["rows"][1]["next_best"]["slower"] == 1.5);
}

TEST_CASE("errors are taken against the column asked for, a factor of two either way alike") {
  CollectiveTable t = table();
  t.rows[0].out_of_place_s = 50e-6;
  t.rows[1].out_of_place_s = 16e-3;
  t.rows[1].in_place_s = 8e-3;
  CHECK(*collective_errors(t, MeasuredColumn::out_of_place).geomean_error == Approx(1));
  CHECK(*collective_errors(t, MeasuredColumn::in_place).geomean_error == Approx(0).margin(1e-12));
  CHECK_THAT(collective_text(t), Contains("+100%") && Contains("-50%") && Contains("geometric mean 100 %"));
  const Json json = collective_json(t);
  CHECK(json["rows"][0]["measured_in_place_s"].is_null());
  CHECK(json["errors_out_of_place"]["simulated"] == 2);
}

TEST_CASE("the CSV has a line per size and a cell per column") {
  const std::string csv = collective_csv(table());
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 3);
  std::size_t at = 0;
  for (int line = 0; line < 3; ++line) {
    const std::size_t end = csv.find('\n', at);
    CHECK(std::count(csv.begin() + static_cast<std::ptrdiff_t>(at), csv.begin() + static_cast<std::ptrdiff_t>(end),
                     ',') == 13);
    at = end + 1;
  }
}
