#include "scenarios/picture_file.hpp"

#include <fmt/format.h>

#include "scenarios/cli.hpp"
#include "scenarios/output_files.hpp"
#include "sim/catalog.hpp"

namespace orrery {

void check_svg_file(const std::filesystem::path& file, const std::filesystem::path& input) {
  if (file.extension() != ".svg")
    throw UsageError(fmt::format("--plot: expected a file that ends with .svg, found {}", quote(file.string())));
  check_result_file(file, input, svg_output);
}

}  // namespace orrery
