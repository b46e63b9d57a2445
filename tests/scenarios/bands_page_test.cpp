// The table of error bands in docs/kernels.md says what kernels/calibration/bands.json holds.
#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "scenarios/error_bands.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;

namespace {

std::string band_text(const ErrorBand& band) { return fmt::format("{:+.2f} .. {:+.2f}", band.low, band.high); }

std::string row_of(const BandClass& c, const std::string& name, const std::string& groups) {
  return fmt::format("| {} | {} | {}| {} {} |", name, band_text(c.band), c.measured ? band_text(*c.measured) + " " : "",
                     c.samples, fmt::format(fmt::runtime(groups), c.groups, c.groups == 1 ? "" : "s"));
}

}  // namespace

TEST_CASE("the page on kernels shows the error bands that are shipped, each class of them and no other") {
  const ErrorBands bands = load_error_bands(Library({ORRERY_SOURCE_DATA_DIR}));
  std::vector<std::string> expected;
  for (const BandClass& c : bands.kernels)
    expected.push_back(row_of(c,
                              c.name == "gemm"        ? "matrix products"
                              : c.name == "attention" ? "fused attention"
                              : c.name == "memory"    ? "memory-bound"
                                                      : c.name,
                              "on {} device{}"));
  for (const BandClass& c : bands.links) expected.push_back(row_of(c, "collectives, " + c.name, "of {} source{}"));
  std::istringstream page(test::read_text(std::string(ORRERY_SOURCE_DATA_DIR) + "/docs/kernels.md"));
  std::vector<std::string> shown;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("| class | on devices or sources left out")) inside = true;
    if (line.empty()) inside = false;
    if (inside && line.starts_with("| ") && !line.starts_with("| class")) shown.push_back(line);
  }
  CHECK(shown == expected);
}
