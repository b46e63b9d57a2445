#include "models/parallelism/lower.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "models/parallelism/data_parallel.hpp"
#include "models/parallelism/fully_sharded.hpp"
#include "models/parallelism/hosts.hpp"
#include "models/parallelism/offload.hpp"
#include "models/parallelism/pipeline_schedule.hpp"
#include "models/parallelism/reconfiguration.hpp"
#include "models/parallelism/step_context.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

// Messages between stages. Stages are written one after the other, so a pass may be written before the message that it
// waits for: both are remembered and tied together at the end.
class PipelineMessages {
 public:
  explicit PipelineMessages(const StepLowering& l)
      : micro_batches_(static_cast<std::size_t>(l.job.plan.micro_batches)),
        slots_(l.chunks.size() * micro_batches_ * 2) {}

  void began(int chunk, const PipelinePass& pass, int cls, OpId op) { slot(chunk, pass).first[cls] = op; }
  void arrives(int chunk, const PipelinePass& pass, const Emitter::OpOfClass& ops) { slot(chunk, pass).message = ops; }
  void connect(ProgramBuilder& builder) const {
    for (const Slot& s : slots_)
      for (auto [cls, message] : s.message) builder.depend(s.first.at(cls), message);
  }

 private:
  struct Slot {
    Emitter::OpOfClass first, message;
  };
  Slot& slot(int chunk, const PipelinePass& pass) {
    return slots_[(static_cast<std::size_t>(chunk) * micro_batches_ + static_cast<std::size_t>(pass.micro_batch)) * 2 +
                  (pass.forward ? 0 : 1)];
  }
  std::size_t micro_batches_;
  std::vector<Slot> slots_;
};

class StageWriter {
 public:
  StageWriter(StepLowering& l, PipelineMessages& messages, BitstreamLoads& bitstreams, int stage)
      : l_(l),
        messages_(messages),
        bitstreams_(bitstreams),
        stage_(stage),
        plan_(l.job.plan),
        passes_(pipeline_schedule(plan_.schedule, plan_.pipeline, stage, plan_.virtual_pipeline,
                                  static_cast<int>(plan_.micro_batches))),
        gather_(l, stage, passes_),
        sync_(l, stage, passes_),
        offload_(l, stage, passes_) {}

  void write() {
    l_.emitter.stage(stage_);
    for (const PipelinePass& pass : passes_) write_pass(pass);
    sync_.finish();
  }

 private:
  void write_pass(const PipelinePass& pass) {
    const int chunk = pass.chunk * plan_.pipeline + stage_;
    const bool receives = pass.forward ? chunk > 0 : chunk + 1 < l_.chunk_count();
    const bool sends = pass.forward ? chunk + 1 < l_.chunk_count() : chunk > 0;
    Label label;
    label.micro_batch = pass.micro_batch;
    label.chunk = static_cast<std::int16_t>(pass.chunk);
    l_.emitter.capture_first();
    bitstreams_.load(stage_, pass.forward ? Bitstream::forward : Bitstream::backward, pass.micro_batch);
    const std::vector<const Unit*> units = units_of_pass(l_, stage_, pass);
    if (!units.empty()) issue(*units.front(), pass);  // needs no input of the pass
    if (receives && splits_messages()) {
      label.phase = Phase::pipeline;
      l_.emitter.collective(GroupFamily::tensor, Stream::tensor, CollectiveKind::all_gather,
                            layer_input_bytes(l_.context), label, Emitter::Wait::next);
    }
    for (const Unit* unit : units) write_unit(*unit, pass, label);
    for (int c : l_.emitter.current()) messages_.began(chunk, pass, c, l_.emitter.first(c));
    l_.emitter.wait_for_asynchronous();  // exchanges of experts that are still on their way
    if (!sends) return;
    const double bytes = layer_input_bytes(l_.context) / (splits_messages() ? plan_.tensor : 1);
    const auto arrivals = l_.emitter.send(pass.forward, bytes, label, !l_.job.software.pipeline_overlap);
    messages_.arrives(chunk + (pass.forward ? 1 : -1), pass, arrivals);
  }

  // What may come before it is needed; what has been issued is not issued again.
  void issue(const Unit& unit, const PipelinePass& pass) {
    gather_.issue();
    offload_.issue(unit, pass);
  }

  void write_unit(const Unit& unit, const PipelinePass& pass, Label label) {
    const UnitSteps& steps = l_.steps(unit);
    label.layer = unit.layer;
    issue(unit, pass);
    gather_.await();
    offload_.await(unit, pass);
    if (pass.forward) {
      l_.emitter.run(steps.forward, label, steps.saved_bytes, 0);
      return offload_.after_forward(unit, pass);
    }
    l_.emitter.run(steps.backward, label, steps.working_bytes, -steps.working_bytes - steps.saved_bytes);
    sync_.after_backward(unit, pass);
  }

  // Megatron-LM's scatter/gather: without sequence parallelism every tensor rank holds the whole activation.
  bool splits_messages() const {
    return l_.job.software.scatter_gather && plan_.tensor > 1 && !plan_.sequence_parallel;
  }

  StepLowering& l_;
  PipelineMessages& messages_;
  BitstreamLoads& bitstreams_;
  int stage_;
  const ResolvedPlan& plan_;
  std::vector<PipelinePass> passes_;
  ParameterGather gather_;
  GradientSync sync_;
  ActivationOffload offload_;
};

void write_memory(StepLowering& l) {
  const ResolvedPlan& plan = l.job.plan;
  for (int s = 0; s < plan.pipeline; ++s) {
    const ParameterBytes bytes = parameter_bytes(l.context, l.stage_parameters(s), l.stage_experts(s));
    double largest = 0;
    for (int c = s; c < l.chunk_count(); c += plan.pipeline)
      for (const Unit& unit : l.chunks[static_cast<std::size_t>(c)]) largest = std::max(largest, unit.parameters);
    // Beside gathered units one unit's whole gradient is held, as it is reduced.
    const double of_parameter = l.job.software.gathered_units * l.context.element() + gradient_element(l.context);
    const double gathered = plan.zero_stage == 3 ? largest * of_parameter : 0;
    const double buffers = gathered + gradient_buffer_bytes(l, s);
    for (int c : l.emitter.classes_of_stage(s)) {
      const DeviceId d = l.emitter.representative(c);
      l.emitter.builder().persistent({d, MemoryCategory::weights, bytes.weights});
      l.emitter.builder().persistent({d, MemoryCategory::gradients, bytes.gradients});
      l.emitter.builder().persistent({d, MemoryCategory::optimizer, bytes.optimizer});
      l.emitter.builder().persistent({d, MemoryCategory::buffers, buffers});
    }
  }
}

void write_step(StepLowering& l) {
  PipelineMessages messages(l);
  BitstreamLoads bitstreams(l);
  for (int s = 0; s < l.job.plan.pipeline; ++s) StageWriter(l, messages, bitstreams, s).write();
  l.emitter.flush();
  messages.connect(l.emitter.builder());
  emit_optimizer(l, bitstreams);
}

RankGrid grid_of(const TrainingJob& job) {
  return RankGrid(job.plan, job.model.tied_embeddings, job.model.experts.has_value());
}

using Collectives = std::set<JobCollective>;

// What the job will run, found by writing it without routes as if all ranks of a stage were alike.
Collectives collectives_of(const Cluster& cluster, CollectivePlanner& planner, const TrainingJob& job,
                           const std::vector<DeviceId>& devices, const RankGrid& grid, const LoweringOptions& options) {
  const Folding stages = by_stage(grid);
  StepLowering survey(cluster, planner, job, devices, grid, stages, options, true);
  write_step(survey);
  return survey.emitter.collectives();
}

std::set<CollectiveShape> shapes_of(const Collectives& collectives, const RankGrid& grid) {
  std::map<GroupFamily, std::size_t> ranks;  // groups of a family are equally large
  std::set<CollectiveShape> shapes;
  for (const JobCollective& c : collectives) {
    const auto [size, is_new] = ranks.try_emplace(c.family);
    if (is_new) size->second = grid.groups(c.family).front().size();
    shapes.insert({c.kind, size->second});
  }
  return shapes;
}

// A pipeline that has filled and drained has met every pass: more micro-batches repeat them.
TrainingJob with_few_micro_batches(TrainingJob job) {
  job.plan.micro_batches = std::min<std::int64_t>(job.plan.micro_batches, 2 * job.plan.pipeline);
  return job;
}

}  // namespace

JobTraffic traffic_of(const Cluster& cluster, const TrainingJob& job, const std::vector<DeviceId>& devices,
                      const LoweringOptions& options) {
  const RankGrid grid = grid_of(job);
  CollectivePlanner planner(cluster, job.schedules);
  const Collectives sent = collectives_of(cluster, planner, job, devices, grid, options);
  return {grid, cluster, planner, devices, sent, options.detail, token_dispatch(job.model, job.software)};
}

LoweredJob lower_training(const Cluster& cluster, const TrainingJob& job, const std::vector<DeviceId>& devices,
                          const LoweringOptions& options) {
  const RankGrid grid = grid_of(job);
  ORRERY_CHECK(devices.size() == static_cast<std::size_t>(grid.ranks()), "{} devices for {} ranks", devices.size(),
               grid.ranks());
  CollectivePlanner planner(cluster, job.schedules);
  const auto lower = [&](const Collectives* compared, const Folding& folding) -> std::optional<LoweredJob> {
    StepLowering lowering(cluster, planner, job, devices, grid, folding, options);
    write_step(lowering);
    if (compared && lowering.emitter.collectives() != *compared) return std::nullopt;
    write_memory(lowering);
    return LoweredJob{std::make_shared<const Program>(std::move(lowering.emitter.builder()).finish()), folding.ranks(),
                      folding.classes(), shapes_of(lowering.emitter.collectives(), grid)};
  };
  // Where paths depend on the load of what is routed together, members of a class cannot be routed apart and compared.
  const bool adaptive = cluster.router && cluster.router->adapt();
  if (!options.fold || adaptive) return *lower(nullptr, unfolded(grid));
  const std::vector<int> on_host = job.plan.offload.optimizer ? ranks_on_host(cluster, devices) : std::vector<int>();
  for (const TrainingJob& surveyed : {with_few_micro_batches(job), job}) {
    const Collectives sent = collectives_of(cluster, planner, surveyed, devices, grid, options);
    const JobTraffic traffic(grid, cluster, planner, devices, sent, options.detail,
                             token_dispatch(job.model, job.software));
    if (auto lowered = lower(&sent, fold(grid, cluster, devices, traffic, on_host, options.all_jobs)))
      return *std::move(lowered);
  }
  ORRERY_CHECK(false, "folding compared other collectives than {} ranks run", grid.ranks());
}

}  // namespace orrery
