#include "scenarios/commands/measure.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <memory>
#include <ostream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "scenarios/commands/scenario_options.hpp"
#include "scenarios/console.hpp"
#include "scenarios/measure/harness.hpp"
#include "scenarios/measure/machine_study.hpp"
#include "scenarios/output_files.hpp"
#include "sim/catalog.hpp"

namespace orrery {
namespace {

struct MeasureOptions {
  ScenarioOptions library;
  std::string name = "this-machine", out;
  double seconds = 0.4;
  bool quick = false, json = false;
};

std::string processor() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("model name"))
      if (const std::size_t colon = line.find(": "); colon != std::string::npos) return line.substr(colon + 2);
  return "processor of unknown name";
}

// A file stem, as names in a library are.
void check_name(const std::string& name) {
  const bool fine = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.';
  });
  if (!fine || name.front() == '.')
    throw UsageError("--name: expected letters, digits, '-', '_' and '.', found " + quote(name));
}

std::vector<OutputFile> files_of(const MeasureOptions& options, const MachineStudy& study) {
  const std::filesystem::path folder = options.out;
  const std::string file = options.name + ".json";
  const auto written = [](Json json) { return [json](std::ostream& out) { out << document_text(json); }; };
  return {{folder / "measured" / file, written(measured_runs(study))},
          {folder / "models/hardware/accelerators" / file, written(write_spec(study.device))},
          {folder / "kernels/calibration" / file, written(write_spec(study.calibration))}};
}

int measure_machine(const MeasureOptions& options) {
  check_name(options.name);
  for (const std::string& missing : {missing_for_timing(), missing_for_kernels()})
    if (!missing.empty()) throw UsageError("measuring needs " + missing);
  const Library library = options.library.find_library();
  std::vector<MachineKernel> kernels = machine_kernels(options.quick);
  std::vector<double> seconds;
  {
    const Progress progress(fmt::format("orrery: timing {} kernels", kernels.size()));
    seconds = time_kernels(kernels, options.quick ? 0.01 : options.seconds);
  }
  const MachineStudy study = study_machine(options.name, processor(), std::move(kernels), seconds, library);
  if (!options.out.empty()) write_files(files_of(options, study));
  print(options.json ? document_text(study_json(study)) : study_text(study));
  return exit_done;
}

}  // namespace

CommandAction declare_measure(CLI::App& app, const Invocation&) {
  auto options = std::make_shared<MeasureOptions>();
  app.description(
      "Times matrix products (OpenBLAS), streams, a stencil, a sparse product, softmax and copies on one core of this "
      "machine, fits a device model to some of the shapes and compares its predictions with all of them. Takes under a "
      "minute; the fastest of several repetitions counts, so that a busy machine disturbs little.");
  app.add_option("--name", options->name, "Name of the device model (default: this-machine)")->type_name("NAME");
  app.add_option("--out", options->out,
                 "Write measured runs, accelerator and calibration into this folder, which then serves as --library")
      ->type_name("DIR");
  app.add_option("--seconds", options->seconds, "Time to spend on each kernel (default: 0.4)")
      ->type_name("S")
      ->check(CLI::Range(0.001, 60.0));
  app.add_flag("--quick", options->quick, "A few small kernels: to see that it works");
  app.add_flag("--json", options->json, "Print one JSON document, and nothing else");
  declare_library(app, options->library);
  app.footer(
      "Example:\n"
      "  orrery measure --out mine\n"
      "  orrery kernel this-machine gemm --m 500 --n 500 --k 500 --precision fp64 --library mine\n"
      "  orrery calibrate mine/measured --library mine");
  return [options] { return measure_machine(*options); };
}

}  // namespace orrery
