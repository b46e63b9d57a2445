// The pages of docs/studies say what the program says: a few cells of their generated tables, simulated again. A failure
// here asks for `python3 docs/studies/regenerate.py`.
#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "scenarios/scaling_study.hpp"
#include "scenarios/validate_predict.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;
using orrery::test::read_text;

namespace {

const std::string source_tree = ORRERY_SOURCE_DATA_DIR;

// The cells of the first row of a page's tables whose first cell is `name`.
std::vector<std::string> row_of(const std::string& page, const std::string& name) {
  std::istringstream lines(read_text(source_tree + "/docs/studies/" + page));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| " + name + " |")) continue;
    std::vector<std::string> cells;
    for (std::size_t from = 2, to; (to = line.find(" |", from)) != std::string::npos; from = to + 3)
      cells.push_back(line.substr(from, to - from));
    return cells;
  }
  return {};
}

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

}  // namespace

TEST_CASE("the study of 512 nodes shows the efficiencies that scale gives for its scenarios") {
  const Library library({source_tree});
  const auto cells = row_of("transformer-to-512-nodes.md", "GPT 1.3B, data parallel, weak: 16 sequences per device");
  REQUIRE(cells.size() == 5);
  const char* const systems[] = {"accelerator-dgx-h100", "accelerator-dgx-a100", "conventional-a100-pcie-25gbe",
                                 "conventional-a100-pcie-10gbe"};
  for (std::size_t s = 0; s < 4; ++s) {
    const std::string file = source_tree + "/scenarios/library/studies/" + systems[s] + ".json";
    ScalingRequest request;
    request.mode = ScalingMode::weak;
    request.devices = {8, 4096};
    const ScalingStudy study = run_scaling(read_scenario({read_json(file), file}, library), file, library, request);
    const ScalingPoint& last = study.points.back();
    REQUIRE(last.efficiency);
    CHECK(cells[s + 1] == fmt::format("{} (MFU {})", percent(*last.efficiency), percent(last.metrics.mfu.value_or(0))));
  }
}

TEST_CASE("the study of Megatron's weak scaling shows the times that validate predicts") {
  const MeasuredFile measured = read_measured(source_tree +
                                              "/tests/validation/measured/training/megatron_lm_sc21_table1_a100.json");
  for (const char* model : {"GPT 1.7B", "GPT 7.5B"}) {
    const auto cells = row_of("megatron-weak-scaling.md", model);
    REQUIRE(cells.size() > 4);
    const auto row = std::find_if(measured.rows.begin(), measured.rows.end(),
                                  [&](const MeasuredRow& r) { return r.text("model/name") == model; });
    REQUIRE(row != measured.rows.end());
    const Prediction p = predict(*row, Fidelity::flow, Library({source_tree}));
    CHECK(cells[3] == fmt::format("{:.2f}", p.measured.value_or(0)));
    CHECK(cells[4] == fmt::format("{:.2f}", p.predicted.value_or(0)));
  }
}
