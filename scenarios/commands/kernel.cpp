#include "scenarios/commands/kernel.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <stdexcept>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "scenarios/calibration_samples.hpp"
#include "scenarios/commands/scenario_options.hpp"
#include "scenarios/console.hpp"
#include "scenarios/kernel_answer.hpp"
#include "scenarios/measured.hpp"
#include "scenarios/output_files.hpp"
#include "scenarios/picture_file.hpp"

namespace orrery {
namespace {

struct KernelOptions {
  ScenarioOptions library;
  std::string accelerator, kernel, precision, sweep, plot;
  std::optional<std::string> power_limit;
  std::vector<std::string> measured;         // files whose products are drawn beside a sweep
  std::map<std::string, std::string> sizes;  // by name; "" = not given
  bool causal = false, sustained = false, json = false;
};

double number(const std::string& option, std::string_view text) {
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault == std::errc() && end == text.data() + text.size()) return value;
  if (option == "bytes")
    if (const auto quantity = parse_quantity(text, Dimension::data)) return *quantity;
  throw UsageError(fmt::format("--{}: expected a number, found {}", option, quote(text)));
}

// "128..16384" doubles, "1..4096:1" adds, "1,2,3" lists, and all may be mixed.
std::vector<double> sweep_values(const std::string& name, std::string_view text) {
  constexpr std::size_t most = 4096;
  std::vector<double> values;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    const std::size_t dots = part.find("..");
    double value = number(name, part.substr(0, dots));
    const std::size_t colon = dots == part.npos ? part.npos : part.find(':', dots);
    const double last = dots == part.npos ? value : number(name, part.substr(dots + 2, colon - dots - 2));
    const double step = colon == part.npos ? 0 : number(name, part.substr(colon + 1));
    if (!(value > 0) || !(last >= value) || (colon != part.npos && !(step > 0)))
      throw UsageError(fmt::format(
          "--sweep: expected LOW..HIGH or LOW..HIGH:STEP with 0 < LOW <= HIGH and 0 < STEP, found {}", quote(part)));
    for (; value < last && values.size() < most; value += step > 0 ? step : value) values.push_back(value);
    values.push_back(last);
    if (values.size() > most) throw UsageError(fmt::format("--sweep: more than {} values", most));
    if (comma == text.npos) return values;
    text.remove_prefix(comma + 1);
  }
}

DataType type_of(const KernelOptions& options, DataType usual) {
  if (options.precision.empty()) return usual;
  for (std::size_t i = 0; i < data_type_names.size(); ++i)
    if (data_type_names[i] == options.precision) return static_cast<DataType>(i);
  const std::vector<std::string> known(data_type_names.begin(), data_type_names.end());
  throw UsageError(fmt::format("--precision: expected one of {}, found {}", fmt::join(known, ", "),
                               quote_unknown(options.precision, known)));
}

KernelQuestion question_of(const KernelOptions& options) {
  KernelQuestion question;
  question.form = find(kernel_forms(), options.kernel);
  if (!question.form)
    throw UsageError(fmt::format("no kernel is called {}; `orrery list kernels` shows them",
                                 quote_unknown(options.kernel, names(kernel_forms()))));
  question.type = type_of(options, question.form->value.usual);
  if (options.sustained || options.power_limit) question.conditions = Conditions::sustained;
  KernelSizes given;
  for (const auto& [name, text] : options.sizes)
    if (!text.empty()) given.emplace(name, number(name, text));
  if (options.causal) given.emplace("causal", 1);
  if (options.sweep.empty()) {
    question.answers.push_back(given);
    return question;
  }
  const std::size_t equals = options.sweep.find('=');
  if (equals == std::string::npos)
    throw UsageError(fmt::format("--sweep: expected SIZE=LOW..HIGH or SIZE=A,B,C, found {}", quote(options.sweep)));
  question.swept = options.sweep.substr(0, equals);
  std::vector<std::string> takes;
  for (const KernelSize& size : question.form->value.sizes) takes.emplace_back(size.name);
  if (std::find(takes.begin(), takes.end(), question.swept) == takes.end())
    throw UsageError(fmt::format("--sweep: {} has no size {}", options.kernel, quote_unknown(question.swept, takes)));
  if (given.count(question.swept))
    throw UsageError(fmt::format("--{0} and --sweep {0}=... exclude each other", question.swept));
  for (const double value : sweep_values(question.swept, std::string_view(options.sweep).substr(equals + 1))) {
    question.answers.push_back(given);
    question.answers.back().emplace(question.swept, value);
  }
  return question;
}

// Measured products of the same device and type that differ from the first answer in the swept size only.
std::vector<PlotPoint> measured_products(const KernelOptions& options, const KernelQuestion& question,
                                         const Kernel& first) {
  std::vector<PlotPoint> points;
  if (options.measured.empty()) return points;
  const std::map<std::string, std::int64_t Kernel::*> dimensions = {
      {"m", &Kernel::m}, {"n", &Kernel::n}, {"k", &Kernel::k}, {"batch", &Kernel::batch}};
  const auto swept = dimensions.find(question.swept);
  if (options.plot.empty() || options.kernel != "gemm" || swept == dimensions.end())
    throw UsageError(
        "--measured: draws measured products beside a sweep of m, n, k or batch; needs gemm, --sweep, --plot");
  const auto same_but_swept = [&](const Kernel& kernel) {
    return kernel.kind == first.kind && kernel.type == first.type && kernel.group == first.group &&
           std::all_of(dimensions.begin(), dimensions.end(), [&](const auto& dimension) {
             return dimension.second == swept->second || kernel.*dimension.second == first.*dimension.second;
           });
  };
  for (const measured::Row& row : measured::read_kernels(measured_files(options.measured))) {
    const KernelSample& sample = row.sample;
    if (row.accelerator != options.accelerator || !row.fit || sample.kernels.size() != 1) continue;
    const Kernel& kernel = sample.kernels.front();
    const double seconds = sample.measured_s - sample.harness_s;
    if (!same_but_swept(kernel) || !(seconds > 0)) continue;
    points.push_back({static_cast<double>(kernel.*swept->second), 1e-12 * kernel.flops / seconds, {}, {}, sample.file});
  }
  if (points.empty()) throw UsageError("--measured: no product of this accelerator, type and these sizes in the files");
  return points;
}

// As an operator runs it: held to its power limit, if one is given.
DeviceModel device_of(const KernelOptions& options, const Library& library) {
  Json device = {{"base", options.accelerator}};
  if (options.power_limit) device["power"]["limit"] = *options.power_limit;
  return read_spec<DeviceModel>(device, "--power-limit", library, "hardware/accelerators");
}

// Spiking chips compute with few types, and not with the one that other processors step neurons in.
DataType usual_type(const KernelQuestion& question, const DeviceModel& device) {
  if (question.form->value.kind != KernelKind::spiking_step || matrix_peak(device, question.type)) return question.type;
  for (std::size_t i = 0; i < data_type_names.size(); ++i)
    if (matrix_peak(device, static_cast<DataType>(i))) return static_cast<DataType>(i);
  return question.type;
}

int run_kernel(const KernelOptions& options) {
  KernelQuestion question = question_of(options);
  if (!options.plot.empty()) check_svg_file(options.plot, "");
  const Library library = options.library.find_library();
  if (library.find("hardware/accelerators", options.accelerator).empty())
    throw UsageError(fmt::format("expected an accelerator (`orrery list accelerators`), found {}",
                                 quote_unknown(options.accelerator, library.names("hardware/accelerators"))));
  const DeviceModel device = device_of(options, library);
  if (options.precision.empty()) question.type = usual_type(question, device);
  std::vector<KernelAnswer> answers;
  try {
    answers = answer(question, device, library);
  } catch (const std::invalid_argument& error) {
    throw UsageError(error.what());
  }
  const auto measured = measured_products(options, question, answers.front().what.kernel);
  if (!options.plot.empty()) {
    if (question.swept.empty() && !(answers.front().what.kernel.flops > 0))
      throw UsageError(fmt::format("--plot: a {} has no FLOPs to place in a roofline; add --sweep", options.kernel));
    write_files({{options.plot, [&](std::ostream& out) { out << kernel_svg(question, answers, device, measured); }}});
  }
  print(options.json ? document_text(kernel_json(question, answers, device)) : kernel_text(question, answers, device));
  return exit_done;
}

std::string form_lines() {
  std::string text = "Kernels and their sizes ([] = has a default):\n";
  for (const auto& form : kernel_forms()) {
    std::string line = fmt::format("  {:<21}", form.name);
    for (const KernelSize& size : form.value.sizes) {
      const std::string name(size.name);
      line += size.otherwise ? " [" + name + "]" : " " + name;
    }
    text += line + "\n";
  }
  return text;
}

}  // namespace

CommandAction declare_kernel(CLI::App& app, const Invocation&) {
  auto options = std::make_shared<KernelOptions>();
  app.description(
      "Says what one kernel costs on one accelerator: time, achieved rate, the resource that bounds it, its place in "
      "the roofline, and energy. Sizes are given by name; --sweep asks for one of them at many values.");
  app.add_option("ACCELERATOR", options->accelerator, "A name from `orrery list accelerators`")
      ->required()
      ->option_text(" ");
  app.add_option("KERNEL", options->kernel, "A name from `orrery list kernels`")->required()->option_text(" ");
  for (const KernelSize& size : all_kernel_sizes()) {
    const std::string option = "--" + std::string(size.name), about(size.description);
    if (size.name == "causal")
      app.add_flag(option, options->causal, "Each position sees only earlier ones");
    else
      app.add_option(option, options->sizes[std::string(size.name)], about)->type_name("N");
  }
  app.add_option("--precision", options->precision, "Type of the operands (default: bf16, or the kernel's usual one)")
      ->type_name("TYPE");
  app.add_option("--sweep", options->sweep,
                 "Many answers: m=128..16384 (doubled), m=1..512:1 (in steps) or m=1,16,4096")
      ->type_name("SIZE=VALUES");
  app.add_flag("--sustained", options->sustained, "At the clock of a long training run, not of a short benchmark");
  app.add_option("--power-limit", options->power_limit,
                 "Hold the board to less than its own limit, in a long run (\"400 W\"; implies --sustained)")
      ->type_name("POWER");
  app.add_option("--plot", options->plot, "Also write the sweep, or the place in the roofline, as SVG")
      ->type_name("FILE.svg");
  app.add_option("--measured", options->measured, "Measured products of the same sizes, drawn beside the sweep")
      ->type_name("FILE");
  app.add_flag("--json", options->json, "Print one JSON document (keys carry units), and nothing else");
  declare_library(app, options->library);
  app.footer(form_lines() +
             "\nAttention is fused. Unfused it is a batched gemm for the scores, a softmax of their rows and a batched "
             "gemm with "
             "the\nvalues: ask for the three and add their times.\n"
             "\nExamples:\n"
             "  orrery kernel nvidia-h100-sxm5-80gb gemm --m 8192 --n 8192 --k 8192 --precision bf16\n"
             "  orrery kernel google-tpu-v5e attention --sequence 4096 --heads 32 --causal\n"
             "  orrery kernel nvidia-a100-sxm4-80gb gemm --n 4096 --k 4096 --sweep m=128..16384 --plot gemm.svg");
  return [options] { return run_kernel(*options); };
}

}  // namespace orrery
