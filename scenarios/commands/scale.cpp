#include "scenarios/commands/scale.hpp"

#include <algorithm>
#include <memory>
#include <ostream>
#include <stdexcept>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "scenarios/commands/scenario_options.hpp"
#include "scenarios/console.hpp"
#include "scenarios/output_files.hpp"
#include "scenarios/picture_file.hpp"
#include "scenarios/scaling_report.hpp"

namespace orrery {
namespace {

struct ScaleOptions {
  ScenarioOptions scenario;
  std::string name, devices, csv, plot;
  std::int64_t baseline = 0;
  int jobs = 0;
  bool weak = false, strong = false, json = false;
};

ScalingRequest request_of(const ScaleOptions& options) {
  ScalingRequest request;
  request.mode = options.weak ? ScalingMode::weak : ScalingMode::strong;
  try {
    request.devices = parse_device_counts(options.devices);
  } catch (const std::invalid_argument& error) {
    throw UsageError(fmt::format("--devices: expected {}", error.what()));
  }
  if (options.baseline > 0) request.baseline = options.baseline;
  request.jobs = options.jobs;
  return request;
}

// Each once, with the sizes where it does not hold for all of them.
std::vector<std::string> warnings_of(const ScalingStudy& study) {
  std::vector<std::string> all;
  std::vector<std::vector<std::string>> sizes;
  std::size_t simulated = 0;
  for (const ScalingPoint& point : study.points) {
    simulated += point.simulated ? 1 : 0;
    for (const std::string& warning : point.warnings) {
      const auto at = static_cast<std::size_t>(std::find(all.begin(), all.end(), warning) - all.begin());
      if (at == all.size()) {
        all.push_back(warning);
        sizes.emplace_back();
      }
      sizes[at].push_back(fmt::format("{}", point.devices));
    }
  }
  for (std::size_t i = 0; i < all.size(); ++i)
    if (sizes[i].size() < simulated) all[i] += fmt::format(" (at {} devices)", fmt::join(sizes[i], ", "));
  return all;
}

int exit_code_of(const ScalingStudy& study) {
  const auto any = [&](bool ScalingPoint::*what) {
    return std::any_of(study.points.begin(), study.points.end(), [&](const ScalingPoint& p) { return p.*what; });
  };
  if (any(&ScalingPoint::feasible)) return exit_done;
  if (any(&ScalingPoint::simulated)) return exit_infeasible;
  throw UsageError(fmt::format("--devices: no size can be simulated; {}: {}", study.points.front().devices,
                               study.points.front().reason));
}

int scale(const ScaleOptions& options, const Invocation& invocation) {
  const ScalingRequest request = request_of(options);
  const Library library = options.scenario.find_library();
  const LoadedScenario loaded = options.scenario.load(options.name, library);
  check_different({options.csv, options.plot});
  if (!options.csv.empty())
    check_result_file(options.csv, loaded.original.file, table_output("devices,nodes,simulated"));
  if (!options.plot.empty()) check_svg_file(options.plot, loaded.original.file);
  ScalingStudy study;
  try {
    const Progress progress(fmt::format("orrery: simulating {} sizes of {}", request.devices.size(), options.name));
    study = run_scaling(loaded.scenario, loaded.file(), loaded.beside(library), request);
  } catch (const std::invalid_argument& error) {
    throw UsageError(fmt::format("--baseline: {}", error.what()));
  }
  const int code = exit_code_of(study);
  if (study.name.empty()) study.name = loaded.original.file.stem().string();
  std::vector<OutputFile> files;
  if (!options.csv.empty()) files.push_back({options.csv, [&](std::ostream& out) { out << scaling_csv(study); }});
  if (!options.plot.empty()) files.push_back({options.plot, [&](std::ostream& out) { out << scaling_svg(study); }});
  write_files(files);
  std::vector<std::string> warnings = warnings_of(study);
  for (std::string& warning : options.scenario.idle_assignments(loaded, library))
    warnings.push_back(std::move(warning));
  if (options.json) {
    Json json = scaling_json(study);
    json["warnings"] = warnings;
    json["scenario"] = write_spec(loaded.scenario);
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - invocation.started;
    json["provenance"] = {{"wall_s", wall.count()}, {"command_line", invocation.command_line}};
    print(document_text(json));
  } else {
    std::string text = scaling_table(study);
    if (!warnings.empty()) text += "\nNotes\n";
    for (const std::string& warning : warnings) text += "  warning: " + warning + "\n";
    print(text);
  }
  return code;
}

}  // namespace

CommandAction declare_scale(CLI::App& app, const Invocation& invocation) {
  auto options = std::make_shared<ScaleOptions>();
  app.description(
      "Simulates a scenario at other numbers of devices and says how efficiently it scales and what limits it. Nodes "
      "follow the devices; tensor, pipeline and context parallelism stay; data parallelism takes what they leave; "
      "accumulation, ZeRO group and fat-tree levels follow; a torus that is the whole cluster grows its sides. A size "
      "that cannot be built is a row with the reason. "
      "For scenarios of one job on one pool; others are swept (`orrery sweep`).");
  app.add_option("SCENARIO", options->name, "A scenario file, or the name of a shipped one")
      ->required()
      ->option_text(" ");
  app.add_option("--devices", options->devices, "Sizes: 8..8192 (doubled), 8,64,512, or both: 8..64,96")
      ->required()
      ->type_name("SIZES");
  CLI::Option* strong = app.add_flag("--strong", options->strong, "The global batch stays (default)");
  app.add_flag("--weak", options->weak, "The global batch grows with the devices")->excludes(strong);
  app.add_option("--baseline", options->baseline,
                 "The size whose throughput per device is 100 % (default: the smallest that fits in memory)")
      ->type_name("N")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20));
  app.add_option("--csv", options->csv, "Also write one row per size to this file")->type_name("FILE");
  app.add_option("--plot", options->plot, "Also write throughput and efficiency over devices as SVG")
      ->type_name("FILE.svg");
  app.add_flag("--json", options->json, "Print one JSON document (keys carry units), and nothing else");
  app.add_option("--jobs", options->jobs, "Sizes simulated at a time (default: one per processor)")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  declare_set(app, options->scenario);
  declare_fidelity(app, options->scenario);
  declare_library(app, options->scenario);
  app.footer(
      "Examples:\n"
      "  orrery scale mpt-7b-fsdp-64-a100 --devices 8..512 --weak --plot weak.svg\n"
      "  orrery scale gpt3-175b-1024-a100 --devices 128..8192 --strong --csv strong.csv\n"
      "\n"
      "Exit codes: 0 done, 1 internal or I/O error, 2 bad input, 3 no size fits in memory, 130 interrupted.");
  return [options, &invocation] { return scale(*options, invocation); };
}

}  // namespace orrery
