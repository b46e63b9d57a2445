#include "scenarios/commands/measure.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <memory>
#include <optional>
#include <ostream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "scenarios/commands/scenario_options.hpp"
#include "scenarios/console.hpp"
#include "scenarios/measure/gpu_kernels.hpp"
#include "scenarios/measure/harness.hpp"
#include "scenarios/measure/machine_study.hpp"
#include "scenarios/output_files.hpp"
#include "sim/catalog.hpp"

namespace orrery {
namespace {

struct MeasureOptions {
  ScenarioOptions library;
  std::string name, out, base;
  std::optional<int> gpu;
  std::optional<double> seconds;
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

// Said before the measurement rather than after it.
void check_folder(const std::string& out) {
  std::error_code error;
  if (!out.empty() && std::filesystem::exists(out, error) && !std::filesystem::is_directory(out, error))
    throw UsageError("--out: expected a folder, found " + quote(out));
}

// Written by this command: what replaces a part of the library's would lose its sources.
void check_parts(const std::filesystem::path& out, const std::string& name) {
  for (const char* folder : {"measured", "models/hardware/accelerators", "kernels/calibration"}) {
    const std::filesystem::path file = out / folder / (name + ".json");
    std::error_code error;
    if (!std::filesystem::is_regular_file(file, error) || std::filesystem::is_empty(file, error)) continue;
    std::ifstream in(file);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    if (text.find("orrery measure") == std::string::npos)
      throw UsageError(fmt::format("--out: {} was not written by orrery measure: name another folder or --name",
                                   quote(file.string())));
  }
}

std::vector<OutputFile> files_of(const MeasureOptions& options, const MachineStudy& study) {
  const std::filesystem::path folder = options.out;
  const std::string file = options.name + ".json";
  const auto written = [](Json json) { return [json](std::ostream& out) { out << document_text(json); }; };
  return {{folder / "measured" / file, written(measured_runs(study))},
          {folder / "models/hardware/accelerators" / file, written(write_spec(study.device))},
          {folder / "kernels/calibration" / file, written(write_spec(study.calibration))}};
}

// What is measured: a device of which `known` is known, and kernels that run on it.
struct Subject {
  DeviceModel known;
  std::vector<MachineKernel> kernels;
};

Subject this_gpu(const MeasureOptions& options, const Library& library) {
  std::optional<DeviceModel> base;
  if (!options.base.empty()) base = load_part<DeviceModel>("hardware/accelerators", options.base, library);
  const std::shared_ptr<GpuBackend> backend = open_gpu(*options.gpu);
  const GpuFacts facts = backend->facts();
  print_error(fmt::format("{}, {}{}{}\n", facts.name, facts.libraries,
                          facts.driver.empty() ? "" : ", driver " + facts.driver,
                          facts.without.empty() ? "" : "\n" + facts.without));
  Subject subject{base.value_or(gpu_device(facts, options.name)), gpu_kernels(backend, options.quick)};
  subject.known.name = options.name;
  return subject;
}

Subject one_core(const MeasureOptions& options) {
  if (const std::string missing = missing_for_kernels(); !missing.empty())
    throw UsageError("measuring needs " + missing);
  return {core_device(options.name, processor()), machine_kernels(options.quick)};
}

int measure_machine(MeasureOptions options) {
  if (options.name.empty()) options.name = options.gpu ? "this-gpu" : "this-machine";
  check_name(options.name);
  check_folder(options.out);
  if (!options.out.empty()) check_parts(options.out, options.name);
  if (!options.base.empty() && !options.gpu) throw UsageError("--base is the data sheet of a GPU: give --gpu, too");
  const Library library = options.library.find_library();
  Subject subject = options.gpu ? this_gpu(options, library) : one_core(options);
  if (const std::string missing = missing_for_timing(); !missing.empty())
    throw UsageError("measuring needs " + missing);
  std::vector<Timing> timings;
  {
    const Progress progress(fmt::format("orrery: timing {} kernels", subject.kernels.size()));
    timings = time_kernels(subject.kernels, options.seconds.value_or(options.quick ? 0.01 : 0.4));
  }
  const MachineStudy study = study_machine(subject.known, std::move(subject.kernels), timings, library);
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
      "minute; the fastest of several repetitions counts, so that a busy machine disturbs little. With --gpu it does "
      "the "
      "same on a CUDA device: products of seven types (cuBLAS), fused attention (cuDNN, where it is there), softmax, "
      "layer "
      "norm, streams, copies and launches, with the power, clock and temperature sampled meanwhile.\n\n"
      "CUDA back end: " +
      (missing_for_gpu().empty() ? std::string("built.") : "not built; it needs " + missing_for_gpu() + "."));
  app.add_option("--name", options->name, "Name of the device model (default: this-machine, with --gpu this-gpu)")
      ->type_name("NAME");
  app.add_option("--gpu", options->gpu, "Measure CUDA device N instead, as the driver numbers them from 0")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--base", options->base,
                 "With --gpu: peaks and bandwidth from this accelerator's data sheet, instead of what was measured")
      ->type_name("ACCELERATOR");
  app.add_option("--out", options->out,
                 "Write measured runs, accelerator and calibration into this folder, which then serves as --library")
      ->type_name("DIR");
  app.add_option("--seconds", options->seconds, "Time to spend on each kernel (default: 0.4, with --quick 0.01)")
      ->type_name("S")
      ->check(CLI::Range(0.001, 60.0));
  app.add_flag("--quick", options->quick, "A few small kernels: to see that it works");
  app.add_flag("--json", options->json, "Print one JSON document, and nothing else");
  declare_library(app, options->library);
  app.footer(
      "Example:\n"
      "  orrery measure --out mine\n"
      "  orrery kernel this-machine gemm --m 500 --n 500 --k 500 --precision fp64 --library mine\n"
      "  orrery calibrate mine/measured --library mine\n"
      "  orrery measure --gpu 0 --base nvidia-h100-sxm5-80gb --out mine");
  return [options] { return measure_machine(*options); };
}

}  // namespace orrery
