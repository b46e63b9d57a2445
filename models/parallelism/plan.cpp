#include "models/parallelism/plan.hpp"

#include <algorithm>
#include <cmath>

namespace orrery {

void fields(Fields& f, Offload& o) {
  f("to", o.to);
  f("activations", o.activations, Need::optional, fraction);
  f("optimizer", o.optimizer);
}

void fields(Fields& f, Plan& p) {
  constexpr Range degree{1, 16'777'216};  // as many devices as a cluster may have
  f("data", p.data, Need::optional, degree);
  f("tensor", p.tensor, Need::optional, degree);
  f("pipeline", p.pipeline, Need::optional, degree);
  f("virtual_pipeline", p.virtual_pipeline, Need::optional, Range{1, 100});
  f("context", p.context, Need::optional, degree);
  f("expert", p.expert, Need::optional, degree);
  f("expert_tensor", p.expert_tensor, Need::optional, degree);
  f("sequence_parallel", p.sequence_parallel);
  f("zero_stage", p.zero_stage, Need::optional, Range{0, 3});
  f("zero_group", p.zero_group, Need::optional, degree);
  f("schedule", p.schedule);
  f("recompute", p.recompute);
  f("recompute_fraction", p.recompute_fraction, Need::optional, fraction);
  f("layer_split", p.layer_split);
  f("offload", p.offload);
}

void fields(Fields& f, Batch& b) {
  f.required("global", b.global, Range{1, 1e12});
  f("micro", b.micro, Need::optional, Range{1, 1e6});
}

namespace {

// Collects the faults of one plan so that all are reported together.
class PlanChecker {
 public:
  PlanChecker(std::string file, std::string pointer) : file_(std::move(file)), pointer_(std::move(pointer)) {}
  void expect(bool ok, const char* key, std::string expected, std::string found) {
    if (!ok) faults_.push_back({file_, pointer_ + key, std::move(expected), std::move(found)});
  }
  bool good() const { return faults_.empty(); }
  void finish() const {
    if (!faults_.empty()) throw SpecError(faults_);
  }

 private:
  std::string file_, pointer_;
  std::vector<Fault> faults_;
};

void check_model_divides(PlanChecker& check, const TransformerModel& m, const ResolvedPlan& r) {
  auto divides = [&](const char* key, int degree, const char* what, std::int64_t size) {
    check.expect(size % degree == 0, key, fmt::format("a divisor of {} ({})", what, size), fmt::format("{}", degree));
  };
  divides("/plan/tensor", r.tensor, "heads", m.heads);
  for (const LayerGroup& g : layer_groups(m))
    divides("/plan/tensor", r.tensor, g.kind.experts ? "shared_ffn_hidden" : "ffn_hidden", m.ffn_width(g.kind));
  if (r.tensor > m.key_value_heads())
    check.expect(r.tensor % m.key_value_heads() == 0, "/plan/tensor",
                 fmt::format("a multiple of kv_heads ({})", m.key_value_heads()), fmt::format("{}", r.tensor));
  else
    divides("/plan/tensor", r.tensor, "kv_heads", m.key_value_heads());
  divides("/plan/context", r.context, "sequence", m.sequence);
  if (r.sequence_parallel) divides("/plan/tensor", r.tensor, "sequence / context", m.sequence / std::max(1, r.context));
  const int chunks = r.pipeline * r.virtual_pipeline;
  if (r.layer_split == LayerSplit::equal)
    check.expect(
        m.layers % chunks == 0, "/plan/pipeline",
        fmt::format("pipeline x virtual_pipeline to divide layers ({}), or \"layer_split\": \"balanced\"", m.layers),
        fmt::format("{} x {}", r.pipeline, r.virtual_pipeline));
  check.expect(m.layers >= chunks, "/plan/pipeline", fmt::format("at most {} chunks, one layer each", m.layers),
               fmt::format("{}", chunks));
}

void check_experts(PlanChecker& check, const TransformerModel& m, const ResolvedPlan& r, bool data_known) {
  if (!m.experts) {
    check.expect(r.expert == 1 && r.expert_tensor == 1, "/plan/expert", "1 for a model without experts",
                 fmt::format("expert {}, expert_tensor {}", r.expert, r.expert_tensor));
    return;
  }
  check.expect(m.experts->count % r.expert == 0, "/plan/expert",
               fmt::format("a divisor of experts ({})", m.experts->count), fmt::format("{}", r.expert));
  check.expect(m.experts->ffn_hidden % r.expert_tensor == 0, "/plan/expert_tensor",
               fmt::format("a divisor of the experts' ffn_hidden ({})", m.experts->ffn_hidden),
               fmt::format("{}", r.expert_tensor));
  if (!data_known) return;
  const double folded = 1.0 * r.expert * r.expert_tensor, ranks = 1.0 * r.tensor * r.context * r.data;
  check.expect(std::fmod(ranks, folded) == 0, "/plan/expert",
               fmt::format("expert x expert_tensor to divide tensor x context x data ({:.0f})", ranks),
               fmt::format("{} x {}", r.expert, r.expert_tensor));
  const double sharing = 1.0 * r.zero_group * r.tensor;
  check.expect(std::fmod(sharing, folded) == 0 || std::fmod(folded, sharing) == 0, "/plan/zero_group",
               "zero_group x tensor and expert x expert_tensor to be multiples of one another",
               fmt::format("{} x {} and {} x {}", r.zero_group, r.tensor, r.expert, r.expert_tensor));
}

// What only holds or not once the number of data-parallel ranks is known.
void divide_batch(PlanChecker& check, const Plan& p, const Batch& b, ResolvedPlan& r) {
  r.zero_group = p.zero_group.value_or(r.shards());
  check.expect(r.shards() % r.zero_group == 0, "/plan/zero_group",
               fmt::format("a divisor of data x context ({})", r.shards()), fmt::format("{}", r.zero_group));
  const std::int64_t per_pass = b.micro * r.data;
  check.expect(b.global % per_pass == 0, "/batch/global",
               fmt::format("a multiple of micro x data ({} x {})", b.micro, r.data), fmt::format("{}", b.global));
  r.micro_batches = std::max<std::int64_t>(1, b.global / per_pass);
  check.expect(
      r.schedule != Schedule::interleaved || r.micro_batches % r.pipeline == 0, "/batch/global",
      fmt::format("micro-batches per rank in multiples of pipeline ({}) for the interleaved schedule", r.pipeline),
      fmt::format("{} micro-batches", r.micro_batches));
}

void check_schedule(PlanChecker& check, const Plan& p, const ResolvedPlan& r) {
  const bool interleaved = r.schedule == Schedule::interleaved;
  check.expect(interleaved || r.virtual_pipeline == 1, "/plan/virtual_pipeline",
               "1 unless the schedule is \"interleaved\"", fmt::format("{}", r.virtual_pipeline));
  check.expect(!interleaved || (r.pipeline > 1 && r.virtual_pipeline > 1), "/plan/schedule",
               "\"interleaved\" only with pipeline > 1 and virtual_pipeline > 1",
               fmt::format("pipeline {}, virtual_pipeline {}", r.pipeline, r.virtual_pipeline));
  check.expect(p.recompute == Recompute::partial || p.recompute_fraction == 1, "/plan/recompute_fraction",
               "only beside \"recompute\": \"fraction\"", fmt::format("{}", p.recompute_fraction));
}

}  // namespace

ResolvedPlan resolve_plan(const Plan& p, const Batch& b, const TransformerModel& m, std::size_t devices,
                          const std::string& file, const std::string& pointer) {
  PlanChecker check(file, pointer);
  ResolvedPlan r;
  r.tensor = p.tensor;
  r.pipeline = p.pipeline;
  r.virtual_pipeline = p.virtual_pipeline;
  r.context = p.context;
  r.expert = p.expert;
  r.expert_tensor = p.expert_tensor;
  r.sequence_parallel = p.sequence_parallel && p.tensor > 1;
  r.zero_stage = p.zero_stage;
  r.recompute = p.recompute;
  r.recompute_fraction = p.recompute == Recompute::partial ? p.recompute_fraction : 1;
  if (p.recompute == Recompute::partial && p.recompute_fraction == 0) r.recompute = Recompute::none;
  r.layer_split = p.layer_split;
  r.offload = p.offload;
  r.schedule = p.schedule.value_or(p.virtual_pipeline > 1 ? Schedule::interleaved : Schedule::one_f_one_b);
  const auto total = static_cast<std::int64_t>(devices);
  const double product = 1.0 * p.tensor * p.pipeline * p.context;  // may pass 64 bits
  if (p.data)
    check.expect(
        product * *p.data == static_cast<double>(total), "/plan",
        fmt::format("data x tensor x pipeline x context = {} devices", total),
        fmt::format("{} x {} x {} x {} = {:.0f}", *p.data, p.tensor, p.pipeline, p.context, product * *p.data));
  else
    check.expect(std::fmod(static_cast<double>(total), product) == 0, "/plan",
                 fmt::format("tensor x pipeline x context to divide {} devices", total),
                 fmt::format("{} x {} x {} = {:.0f}", p.tensor, p.pipeline, p.context, product));
  r.micro_batch = b.micro;
  const bool data_known = check.good();  // the degrees fit the devices
  if (data_known) {
    r.data = static_cast<int>(total / (std::int64_t{p.tensor} * p.pipeline * p.context));
    divide_batch(check, p, b, r);
  } else {  // whatever it will be
    check.expect(b.global % b.micro == 0, "/batch/global", fmt::format("a multiple of micro ({})", b.micro),
                 fmt::format("{}", b.global));
  }
  check_model_divides(check, m, r);
  check_experts(check, m, r, data_known);
  if (check.good() && r.zero_group == 1 && !(m.experts && r.expert_zero_group() > 1))
    r.zero_stage = 0;  // nobody to share with
  check_schedule(check, p, r);
  if (p.pipeline == 1) r.schedule = Schedule::one_f_one_b;  // one stage has nobody to keep waiting
  check.finish();
  return r;
}

std::vector<int> split_layers(const TransformerModel& m, const ResolvedPlan& r) {
  const int chunks = r.pipeline * r.virtual_pipeline;
  std::vector<int> layers(static_cast<std::size_t>(chunks), m.layers / chunks);
  if (m.layers % chunks == 0) return layers;
  // Embedding and head weigh a layer each; what is left over after an even split goes to the chunks after the first.
  const int units = m.layers + 2, extra = units % chunks;
  for (int c = 0; c < chunks; ++c) layers[static_cast<std::size_t>(c)] = units / chunks;
  for (int i = 0; i < extra; ++i) layers[static_cast<std::size_t>((1 + i) % chunks)] += 1;
  layers.front() -= 1;
  layers.back() -= 1;
  for (int& n : layers)
    if (n < 1) {
      *std::max_element(layers.begin(), layers.end()) -= 1;
      n += 1;
    }
  return layers;
}

}  // namespace orrery
