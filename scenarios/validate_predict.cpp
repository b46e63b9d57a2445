#include "scenarios/validate_predict.hpp"

#include <algorithm>

#include "kernels/cost_models.hpp"
#include "kernels/device_rates.hpp"
#include "models/layer_steps.hpp"
#include "scenarios/error_bands.hpp"
#include "scenarios/kernel_forms.hpp"
#include "scenarios/measured_kernels.hpp"
#include "scenarios/measured_names.hpp"
#include "scenarios/measured_scenario.hpp"
#include "scenarios/run_scenario.hpp"
#include "scenarios/validate_power.hpp"
#include "scenarios/validate_reliability.hpp"
#include "sim/error.hpp"
#include "sim/routes.hpp"

namespace orrery {

namespace {

const std::string row_name = "measured row";  // in messages; predictions must not depend on a row's id

struct SheetTime {  // of kernels at the rates of a data sheet
  double flops_s = 0, memory_s = 0;
  void add(const Kernel& k, const DeviceModel& device, double times = 1) {
    const double repeats = times * k.repeat;
    if (is_matrix_work(k.kind)) flops_s += repeats * k.flops / matrix_rate(device, k.type);
    memory_s += repeats * k.bytes / memory_rate(device);
  }
};

std::string group_of(const DeviceModel& device, std::string_view what) {
  return device.name + ", " + std::string(what);
}

std::optional<double> measured_iteration(const MeasuredRow& row) {
  for (const char* key : {"iteration_s", "time_s"})
    if (const auto time = row.figure(key)) return time;
  for (const char* key : {"iteration_ms", "time_ms"})
    if (const auto time = row.figure(key)) return *time * 1e-3;
  const auto global = row.number("batch/global");
  if (!global) return std::nullopt;
  const auto sequence = row.number("model/sequence"), devices = row.number("devices");
  if (const auto rate = row.figure("samples_per_s"); rate && *rate > 0) return *global / *rate;
  if (!sequence) return std::nullopt;
  if (const auto rate = row.figure("tokens_per_s"); rate && *rate > 0) return *global * *sequence / *rate;
  if (const auto rate = row.figure("tokens_per_s_per_device"); rate && *rate > 0 && devices)
    return *global * *sequence / (*rate * *devices);
  return std::nullopt;
}

// The slowest stage, as simple models see it.
SheetTime sheet_time(const ScenarioRun& run) {
  SheetTime slowest;
  const Program& program = *run.jobs[0].program;
  std::vector<SheetTime> of_device(program.devices.size());
  const std::vector<std::uint32_t> times = program.executions();
  for (std::size_t i = 0; i < times.size(); ++i) {
    const Operation& op = program.operations[i];
    if (op.kind != OpKind::compute) continue;
    const auto queues = program.queues_of(op);
    if (queues.empty()) continue;
    const DeviceId device = program.queues[queues[0].index()].device;
    const auto it = std::find_if(program.devices.begin(), program.devices.end(),
                                 [&](const Representative& r) { return r.device == device; });
    if (it == program.devices.end()) continue;
    for (const Kernel& kernel : program.sequence(op.sequence))
      of_device[static_cast<std::size_t>(it - program.devices.begin())].add(kernel, run.cluster.model_of(device),
                                                                            times[i]);
  }
  for (const SheetTime& time : of_device)
    if (time.flops_s + time.memory_s > slowest.flops_s + slowest.memory_s) slowest = time;
  return slowest;
}

StepWork predict_step(Prediction& p, const ScenarioDocument& document, const Library& library) {
  const Scenario scenario = read_scenario(document, library);
  const ScenarioRun run = run_scenario(scenario, document.file.string(), library);
  const JobMetrics& job = run.metrics.jobs.at(0);
  if (!(job.iteration_s > 0)) throw CannotSimulate("no iteration was completed");
  p.predicted = job.iteration_s;
  p.shares = step_shares(load_error_bands(library), job);
  p.banded = job.iteration_s_low.has_value();
  p.fits = job.feasible;
  const JobSpec& spec = scenario.jobs[0];
  const DeviceModel& device = run.cluster.device_types[0];
  p.group = group_of(device, name(spec.precision));
  p.model_flops_s = run.facts[0].model_flops / run.facts[0].devices / run.facts[0].peak_flops_per_device;
  const SheetTime sheet = sheet_time(run);
  p.hardware_flops_s = sheet.flops_s;
  p.memory_s = sheet.memory_s;
  return {run.facts[0].samples, run.facts[0].tokens, run.facts[0].devices};
}

// One pass over a model on one device: the sum of its kernels, without an optimizer or a next step to overlap with.
void predict_passes(Prediction& p, const Json& document, const std::string& phase, bool fused, const Library& library) {
  Scenario scenario = read_scenario({document, row_name}, library);
  JobSpec& job = scenario.jobs[0];
  const DeviceModel& device = scenario.cluster.pools[0].node.device;
  if (fused) job.software.fused_elementwise = job.software.fused_normalization = job.software.fused_softmax = true;
  ResolvedPlan plan;
  plan.micro_batch = job.batch.micro;
  if (job.batch.global % job.batch.micro != 0)
    throw CannotSimulate(
        fmt::format("faulty row: a batch of {} in micro-batches of {}", job.batch.global, job.batch.micro));
  plan.micro_batches = job.batch.global / job.batch.micro;
  const StepContext context{job.model, plan, job.software, job.precision};
  const auto costs = make_cost_model({&device, 1}, library);
  const ErrorBands bands = load_error_bands(library);
  std::vector<KernelCost> parts;
  SheetTime sheet;
  double seconds = 0;
  const bool inference = phase == "forward";
  const auto run = [&](const LayerSteps& steps, double times) {
    for (const LayerStep& step : steps) {
      if (step.kind != LayerStep::Kind::compute) continue;
      std::vector<Kernel> kernels = step.kernels;
      if (inference) std::erase_if(kernels, [](const Kernel& k) { return k.kind == KernelKind::cross_entropy; });
      seconds += times * costs->sequence(DeviceTypeId(std::size_t{0}), kernels, {}).time.value;
      costs->breakdown(DeviceTypeId(std::size_t{0}), kernels, {}, parts);
      for (std::size_t i = 0; i < kernels.size(); ++i) {
        sheet.add(kernels[i], device, times);
        add_share(p.shares, bands, kernels[i].kind, times * parts[i].cost.time.value, parts[i].calibrated);
      }
    }
  };
  const double passes = static_cast<double>(plan.micro_batches);
  const auto groups = layer_groups(job.model);
  run(embedding_forward(context), passes);
  for (const LayerGroup& group : groups) run(layer_forward(context, group.kind), group.count * passes);
  if (job.model.causal || !inference) run(head_forward(context), passes);
  if (phase == "forward+backward") {
    run(head_backward(context), passes);
    for (const LayerGroup& group : groups)
      run(layer_backward(context, group.kind, Recompute::none), group.count * passes);
    run(embedding_backward(context), passes);
  }
  p.predicted = seconds;
  p.group = group_of(device, name(job.precision));
  p.model_flops_s = p.hardware_flops_s = sheet.flops_s;
  p.memory_s = sheet.memory_s;
}

void set_fidelity(Json& document, Fidelity fidelity) {
  if (fidelity != Fidelity::flow)
    document["simulate"] = {{"fidelity", EnumNames<Fidelity>::names[static_cast<std::size_t>(fidelity)]}};
}

bool whole_step(const std::string& phase) { return phase.empty() || phase == "training step"; }

double memory_share(const Json& document, const Library& library) {
  return memory_share(read_scenario({document, row_name}, library), row_name, library);
}

// A micro-batch that is not stated is the largest part of the rank's share that fits.
Json with_fitting_micro_batch(const MeasuredRow& row, const Library& library, RulesUsed& used) {
  Json document = training_scenario(row, used);
  Json& batch = document["jobs"][0]["batch"];
  const auto share = batch["micro"].get<std::int64_t>();
  if (used.count(Rule::micro_batch) == 0) return document;
  for (std::int64_t parts = 2; batch["micro"] > 1 && memory_share(document, library) > 1; ++parts) {
    while (share % parts != 0) ++parts;
    batch["micro"] = share / parts;
  }
  return document;
}

// The row ran, so what it leaves unsaid must have fitted: one that without recomputation would need far more memory than
// there is (more than what is known of memory can be wrong by) recomputed in full.
Json step_scenario(const MeasuredRow& row, Fidelity fidelity, const Library& library, RulesUsed& used) {
  constexpr double too_much = 1.5;
  MeasuredRow known = with_known_names(row, library, used);
  const bool whole = whole_step(row.text("phase").value_or(""));
  Json document = whole ? with_fitting_micro_batch(known, library, used) : training_scenario(known, used);
  if (whole && used.count(Rule::recompute_none) > 0 && memory_share(document, library) > too_much) {
    known.run["recompute"] = "full";
    used.erase(Rule::recompute_none);
    used.insert(Rule::recompute_to_fit);
    document = with_fitting_micro_batch(known, library, used);
  }
  set_fidelity(document, fidelity);
  return document;
}

std::string why_no_step(const MeasuredRow& row) {
  const std::string reason = not_modelled_family(row.text("benchmark").value_or(""), false);
  return reason.empty() ? "sizes and parallelism are not stated" : reason;
}

void predict_training(Prediction& p, const MeasuredRow& row, Fidelity fidelity, const Library& library,
                      RulesUsed& used) {
  const std::string phase = row.text("phase").value_or("");
  if (row.has("benchmark") && !row.has("model"))
    throw CannotSimulate("network \"" + row.need_text("benchmark") + "\": " + why_no_step(row));
  if (!p.measured) throw CannotSimulate("no step time or rate is stated");
  const Json document = step_scenario(row, fidelity, library, used);
  const Json& software = document["jobs"][0]["software"];
  p.software = (software.is_object() ? software["base"] : software).get<std::string>();
  if (whole_step(phase)) {
    predict_step(p, {document, row_name}, library);
    return;
  }
  if (phase != "forward" && phase != "forward+backward")
    throw CannotSimulate("phase \"" + phase + "\" is not modelled");
  if (row.need_integer("devices") != 1) throw CannotSimulate("a single pass over several devices is not modelled");
  used.insert(Rule::single_pass);
  predict_passes(p, document, phase, row.flag("fused_operators").value_or(false), library);
}

void predict_kernel(Prediction& p, const MeasuredRow& stated, const Library& library, RulesUsed& used) {
  const MeasuredRow row = with_known_accelerator(stated, kernel_accelerator(stated), library, used);
  const KernelCase work = kernel_case(row, used);
  p.kernel_class = work.kernel_class;
  p.measured = measured_kernel_time(row, work);
  if (!p.measured) throw CannotSimulate("no time or rate is stated");
  const auto device = load_part<DeviceModel>("hardware/accelerators", work.accelerator, library);
  const auto costs = make_cost_model({&device, 1}, library, Conditions::isolated);
  const ErrorBands bands = load_error_bands(library);
  std::vector<KernelCost> parts;
  double seconds = 0;
  SheetTime sheet;
  for (const Kernel& kernel : work.kernels) {
    costs->breakdown(DeviceTypeId(std::size_t{0}), {&kernel, 1}, {}, parts);
    const double time = costs->sequence(DeviceTypeId(std::size_t{0}), {&kernel, 1}, {}).time.value;
    seconds += time;
    sheet.add(kernel, device);
    add_share(p.shares, bands, kernel.kind, time, parts[0].calibrated);
  }
  p.predicted = seconds;
  p.banded = resolve_calibration(device, library).unvalidated.empty();
  p.group = group_of(device, row.text("precision").value_or("memory"));
  p.model_flops_s = p.hardware_flops_s = sheet.flops_s;
  p.memory_s = sheet.memory_s;
}

void predict_collective(Prediction& p, const MeasuredRow& row, const Library& library, RulesUsed& used) {
  const CollectiveCase work = collective_case(with_known_names(row, library, used), used);
  p.measured = measured_collective_time(row);
  if (!p.measured) throw CannotSimulate("no time or rate is stated");
  const Cluster cluster = build_cluster(read_spec<ClusterSpec>(work.cluster, row_name, library));
  CollectiveRequest request;
  request.kind = work.kind;
  request.members = work.members;
  request.bytes = Bytes(work.bytes);
  if (!work.algorithm.empty()) {
    if (collective_algorithm_known(work.algorithm)) {
      request.algorithm = work.algorithm;
      request.protocol = work.protocol;
    } else {
      used.insert(Rule::algorithm_automatic);
    }
  }
  double seconds = 0, without_bytes = 0;
  std::string_view links;
  for (CollectiveStep step : plan_collective(cluster, request).steps) {
    const RoutedPattern routed = route_pattern(cluster.fabric, *cluster.router, step.flows);
    seconds += time_alone(step, routed).value;
    p.model_flops_s += step.bytes * routed.bottleneck;
    links = link_class_of(cluster, routed);
    step.bytes = 0;
    without_bytes += time_alone(step, routed).value;
  }
  p.predicted = seconds;
  p.shares = link_shares(links, without_bytes > seconds / 2);
  p.group = group_of(cluster.device_types[0], "links");
  p.hardware_flops_s = p.model_flops_s;
}

Json power_document(const MeasuredRow& row, PowerBoundary boundary, Fidelity fidelity, const Library& library,
                    RulesUsed& used) {
  const Json* model = row.at("model");
  if (!model || !(model->is_object() || model->is_string())) {
    Json document = power_scenario(row, boundary, library, used);
    set_fidelity(document, fidelity);
    return document;
  }
  if (!whole_step(row.text("phase").value_or(""))) throw CannotSimulate("the power of a single pass is not modelled");
  Json document = step_scenario(row, fidelity, library, used);
  Json& node = document["cluster"]["pools"][0]["node"];
  const auto device = node["device"].get<std::string>();
  if (boundary == PowerBoundary::node && document["cluster"]["pools"][0]["count"] != 1)
    throw CannotSimulate("the power of several nodes together is not modelled");
  if (boundary == PowerBoundary::node)
    node["host_power"] = host_power(device, node["devices"].get<std::int64_t>(), library);
  node["device"] = held_device(device, stated_power_limit(row, PowerBoundary::device), library, used);
  return document;
}

void predict_power(Prediction& p, const MeasuredRow& row, Fidelity fidelity, const Library& library, RulesUsed& used) {
  const auto measured = measured_power(row);
  const PowerBoundary boundary = measured ? measured->boundary : PowerBoundary::device;
  p.power_limit = stated_power_limit(row, boundary);
  if (is_residual_network(row)) {
    if (!measured) throw CannotSimulate("no average power is stated");
    const ResidualNetworkPower power = residual_network_power(row, boundary, library, used);
    p.predicted = power.watts;
    p.group = power.device + ", power";
    return;
  }
  const Json document = power_document(row, boundary, fidelity, library, used);
  if (!measured) throw CannotSimulate("no average power is stated");
  const Scenario scenario = read_scenario({document, row_name}, library);
  const ScenarioRun run = run_scenario(scenario, row_name, library);
  p.predicted = predicted_power(run, boundary);
  p.group = group_of(run.cluster.device_types[0], "power");
}

void predict_reliability(Prediction& p, const MeasuredRow& row, const Library& library, RulesUsed& used) {
  const ReliabilityFigure figure = predicted_reliability(row, library, used);
  p.metric = figure.metric;
  p.measured = figure.measured;
  p.predicted = figure.predicted;
}

std::string metric_of(const std::string& kind) {
  if (kind == "training") return "iteration_s";
  if (kind == "power") return "average_power_W";
  if (kind == "reliability") return "as printed";
  return "time_s";
}

// A fault of a scenario that we wrote: what is missing, without the name of the row.
std::string fault_text(const SpecError& error) {
  if (error.faults().empty()) return error.what();
  const Fault& fault = error.faults().front();
  const std::string place = fault.pointer.empty() ? "" : fault.pointer + ": ";
  return fmt::format("{}expected {}, found {}", place, fault.expected, fault.found);
}

// One class of its own for kernels and collectives; steps also carry what no class explains.
void add_band(Prediction& p, const std::string& kind, const ErrorBands& bands) {
  if (!p.predicted || !p.banded || (p.shares.empty() && kind != "training")) return;
  const BandFactors factors = kind == "training" ? whole_band(bands, p.shares) : explained_band(bands, p.shares);
  p.low = *p.predicted * factors.low;
  p.high = *p.predicted * factors.high;
}

}  // namespace

namespace {

void clear_prediction(Prediction& p) {
  p.predicted.reset();
  p.low.reset();
  p.high.reset();
  p.shares.clear();
  p.group.clear();
}

// Runs `make`; whatever it throws becomes the reason why there is no prediction.
template <class Make> void guarded(Prediction& p, Make make) {
  try {
    make();
  } catch (const CannotSimulate& reason) {
    p.skipped = reason.what();
  } catch (const SpecError& error) {
    p.skipped = fault_text(error);
  } catch (const std::exception& error) {
    p.skipped = std::string("failed: ") + error.what();
  }
  if (!p.skipped.empty()) clear_prediction(p);
}

}  // namespace

Prediction predict(const MeasuredRow& row, Fidelity fidelity, const Library& library) {
  Prediction p;
  p.metric = metric_of(row.kind);
  RulesUsed used;
  guarded(p, [&] {
    if (row.kind == "training") p.measured = measured_iteration(row);
    if (row.kind == "training" && !p.measured) {  // a rate needs sizes that the row may only name
      RulesUsed told_later;
      p.measured = measured_iteration(with_known_names(row, library, told_later));
    }
    if (const auto power = row.kind == "power" ? measured_power(row) : std::nullopt) p.measured = power->watts;
    if (p.measured && !(*p.measured > 0)) {
      p.measured.reset();
      throw CannotSimulate("faulty row: what was measured is not positive");
    }
    if (!row.exclude.empty()) throw CannotSimulate("excluded: " + row.exclude);
    if (row.kind == "training")
      predict_training(p, row, fidelity, library, used);
    else if (row.kind == "kernel")
      predict_kernel(p, row, library, used);
    else if (row.kind == "collective")
      predict_collective(p, row, library, used);
    else if (row.kind == "power")
      predict_power(p, row, fidelity, library, used);
    else
      predict_reliability(p, row, library, used);
    if (!(*p.measured > 0)) throw CannotSimulate("faulty row: what was measured is not positive");
    add_band(p, row.kind, load_error_bands(library));
  });
  p.assumed = rules_line(used);
  return p;
}

PredictedStep predict_scenario(const ScenarioDocument& document, const Library& library) {
  PredictedStep step;
  step.prediction.metric = metric_of("training");
  guarded(step.prediction, [&] {
    step.work = predict_step(step.prediction, document, library);
    add_band(step.prediction, "training", load_error_bands(library));
  });
  return step;
}

Json shown_scenario(const MeasuredRow& row, Fidelity fidelity, const Library& library) {
  if (row.kind == "power") {
    if (is_residual_network(row)) throw CannotSimulate("a convolutional network is not a scenario");
    RulesUsed unused;
    const auto measured = measured_power(row);
    const PowerBoundary boundary = measured ? measured->boundary : PowerBoundary::device;
    return power_document(row, boundary, fidelity, library, unused);
  }
  if (row.kind != "training") throw CannotSimulate("a " + row.kind + " row is not a scenario");
  if (!whole_step(row.text("phase").value_or("")))
    throw CannotSimulate("one " + *row.text("phase") + " pass is not a scenario");
  RulesUsed used;
  return step_scenario(row, fidelity, library, used);
}

namespace {

Json optional_json(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }
std::optional<double> optional_from(const Json& value) {
  return value.is_null() ? std::nullopt : std::optional(value.get<double>());
}

}  // namespace

Json prediction_json(const Prediction& p) {
  return {{"metric", p.metric},
          {"measured", optional_json(p.measured)},
          {"predicted", optional_json(p.predicted)},
          {"low", optional_json(p.low)},
          {"high", optional_json(p.high)},
          {"shares", p.shares},
          {"skipped", p.skipped},
          {"assumed", p.assumed},
          {"software", p.software},
          {"fits", p.fits},
          {"kernel_class", p.kernel_class},
          {"group", p.group},
          {"model_flops_s", p.model_flops_s},
          {"hardware_flops_s", p.hardware_flops_s},
          {"memory_s", p.memory_s},
          {"power_limit", optional_json(p.power_limit)}};
}

Prediction prediction_from_json(const Json& json) {
  Prediction p;
  p.metric = json["metric"];
  p.measured = optional_from(json["measured"]);
  p.predicted = optional_from(json["predicted"]);
  p.low = optional_from(json["low"]);
  p.high = optional_from(json["high"]);
  p.shares = json["shares"].get<ClassShares>();
  p.skipped = json["skipped"];
  p.assumed = json["assumed"];
  p.software = json["software"];
  p.fits = json["fits"];
  p.kernel_class = json["kernel_class"];
  p.group = json["group"];
  p.model_flops_s = json["model_flops_s"];
  p.hardware_flops_s = json["hardware_flops_s"];
  p.memory_s = json["memory_s"];
  p.power_limit = optional_from(json["power_limit"]);
  return p;
}

}  // namespace orrery
