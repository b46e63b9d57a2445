#include "scenarios/measured_scenario.hpp"

#include <algorithm>

#include "sim/error.hpp"

namespace orrery {

namespace {

// What would need a model that we do not have.
void check_modelled(const MeasuredRow& row) {
  const std::string family = row.text("model/family").value_or("");
  if (row.has("model/experts") || family == "moe") throw CannotSimulate("mixture of experts is not modelled yet");
  if (family == "hybrid") throw CannotSimulate("hybrid state-space models are not modelled yet");
  if (row.has("model/mla")) throw CannotSimulate("latent attention is not modelled yet");
  if (row.has("model/sliding_window")) throw CannotSimulate("sliding-window attention is not modelled yet");
  if (row.has("offload")) throw CannotSimulate("offload to the host is not modelled yet");
  if (!row.has("model")) throw CannotSimulate("no transformer: model sizes are not stated");
}

bool length_binned(const MeasuredRow& row) {
  return row.text("framework").value_or("").find("DeepLearningExamples") != std::string::npos &&
         row.text("model/family").value_or("") == "bert" && row.need_integer("model/sequence") == 512;
}

Json model_document(const MeasuredRow& row, RulesUsed& used) {
  Json model = {{"name", row.text("model/name").value_or("measured")}};
  const bool gated = row.flag("model/gated_ffn").value_or(false);
  for (const char* key : {"layers", "hidden", "heads", "vocabulary", "sequence"})
    model[key] = row.need_integer(std::string("model/") + key);
  for (const char* key : {"kv_heads", "head_dim", "ffn_hidden", "learned_positions"})
    if (const auto value = row.integer(std::string("model/") + key)) model[key] = *value;
  model["gated_ffn"] = gated;
  if (const auto tied = row.flag("model/tied_embeddings")) model["tied_embeddings"] = *tied;
  if (const auto causal = row.flag("model/causal")) model["causal"] = *causal;
  model["activation"] = row.text("model/activation").value_or(gated ? "swiglu" : "gelu");
  model["normalization"] = row.text("model/normalization").value_or(gated ? "rmsnorm" : "layernorm");
  if (!row.has("model/normalization")) used.insert(Rule::normalization_by_family);
  if (row.text("model/family").value_or("") == "bert" &&
      row.text("phase").value_or("training step") == "training step") {
    model["predicted_positions"] = model["sequence"].get<std::int64_t>() >= 512 ? 80 : 20;
    used.insert(Rule::masked_positions);
  }
  if (length_binned(row)) {
    model["sequence"] = 304;  // 0.6 x 512, in whole multiples of 8
    used.insert(Rule::length_binned);
  }
  return model;
}

struct Degrees {
  std::int64_t data = 1, tensor = 1, pipeline = 1, context = 1;
};

Degrees degrees_of(const MeasuredRow& row, std::int64_t devices, std::int64_t per_node, RulesUsed& used) {
  Degrees d;
  d.context = row.integer("parallelism/context").value_or(1);
  const auto tensor = row.integer("parallelism/tensor"), pipeline = row.integer("parallelism/pipeline"),
             data = row.integer("parallelism/data");
  if (d.context < 1 || tensor.value_or(1) < 1 || pipeline.value_or(1) < 1 || data.value_or(1) < 1)
    throw CannotSimulate("a degree of parallelism is not positive");
  if (!tensor && !pipeline) {
    if (!data) throw CannotSimulate("parallelism is not stated");
    used.insert(Rule::tensor_in_node);
    const std::int64_t ranks = devices / (*data * d.context);
    d.tensor = std::min({ranks, per_node, std::int64_t{8}});
    while (d.tensor > 1 && ranks % d.tensor != 0) --d.tensor;
    d.pipeline = std::max<std::int64_t>(1, ranks / d.tensor);
  } else {
    d.tensor = tensor.value_or(1);
    d.pipeline = pipeline.value_or(1);
  }
  d.data = data.value_or(devices / (d.tensor * d.pipeline * d.context));
  if (d.data * d.tensor * d.pipeline * d.context != devices)
    throw CannotSimulate(fmt::format("faulty row: data {} x tensor {} x pipeline {} x context {} are not {} devices",
                                     d.data, d.tensor, d.pipeline, d.context, devices));
  return d;
}

Json batch_document(const MeasuredRow& row, const Degrees& d, RulesUsed& used) {
  const std::int64_t global = row.need_integer("batch/global");
  auto micro = row.integer("batch/micro");
  if (!micro) {
    used.insert(Rule::micro_batch);
    micro = global % (2 * d.data) == 0 ? 2 : 1;
  }
  return {{"global", global}, {"micro", *micro}};
}

void write_schedule(Json& plan, const MeasuredRow& row, const Degrees& d, RulesUsed& used) {
  plan["pipeline"] = d.pipeline;
  if (d.pipeline == 1) return;
  const std::int64_t layers = row.need_integer("model/layers");
  auto chunks = row.integer("parallelism/virtual_pipeline");
  const std::string schedule = row.text("parallelism/schedule").value_or("");
  if (!chunks && schedule != "1f1b" && schedule != "gpipe") {
    used.insert(Rule::interleaving);
    chunks = 1;
    for (std::int64_t v = 2; v <= 6; ++v)
      if (layers % (d.pipeline * v) == 0) chunks = v;
  }
  plan["virtual_pipeline"] = chunks.value_or(1);
  if (schedule == "gpipe" || (schedule == "1f1b" && chunks.value_or(1) == 1)) plan["schedule"] = schedule;
  if (layers % (d.pipeline * chunks.value_or(1)) != 0) {
    plan["layer_split"] = "balanced";
    used.insert(Rule::layer_split);
  }
}

void write_recompute(Json& plan, const MeasuredRow& row, RulesUsed& used) {
  const std::string stated = row.text("recompute").value_or("");
  const std::string detail = row.text("recompute_detail").value_or("");
  if (stated.empty()) {
    plan["recompute"] = "none";
    used.insert(Rule::recompute_none);
  } else if (stated == "minimal") {
    plan["recompute"] = "none";
    used.insert(Rule::recompute_minimal);
  } else if (stated == "selective" && detail.find("per-operator") != std::string::npos) {
    plan["recompute"] = "fraction";
    plan["recompute_fraction"] = 0.5;
    used.insert(Rule::recompute_operator);
  } else if (stated == "fraction") {
    plan["recompute"] = "fraction";
    plan["recompute_fraction"] = row.need_number("recompute_fraction");
  } else if (stated == "none" || stated == "selective" || stated == "full") {
    plan["recompute"] = stated;
  } else {
    throw CannotSimulate("recomputation \"" + stated + "\" is not modelled");
  }
}

Json plan_document(const MeasuredRow& row, const Degrees& d, RulesUsed& used) {
  Json plan = {{"data", d.data}, {"tensor", d.tensor}, {"context", d.context}};
  write_schedule(plan, row, d, used);
  const auto stage = row.integer("parallelism/zero_stage");
  if (!stage) used.insert(Rule::zero_stage);
  plan["zero_stage"] = stage.value_or(0);
  if (const auto group = row.integer("parallelism/zero_group"); group && stage.value_or(0) > 0)
    plan["zero_group"] = *group;
  const auto sequence_parallel = row.flag("parallelism/sequence_parallel");
  if (d.tensor > 1) {
    if (!sequence_parallel) used.insert(Rule::sequence_parallel);
    plan["sequence_parallel"] = sequence_parallel.value_or(false);
  }
  write_recompute(plan, row, used);
  return plan;
}

}  // namespace

Json training_scenario(const MeasuredRow& row, RulesUsed& used) {
  check_modelled(row);
  const std::int64_t devices = row.need_integer("devices");
  const MeasuredCluster machine = measured_cluster(row, devices, 1, used);
  const Degrees degrees = degrees_of(row, devices, machine.devices_per_node, used);
  Json job = {{"name", "train"},
              {"model", model_document(row, used)},
              {"precision", row.need_text("precision")},
              {"batch", batch_document(row, degrees, used)},
              {"plan", plan_document(row, degrees, used)},
              {"software", software_profile_of(row)}};
  if (devices < machine.devices) job["placement"] = {{"first", 0}, {"count", devices}};
  used.insert(Rule::software_profile);
  return {{"orrery", "scenario/1"},
          {"name", row.id},
          {"description", "measured run of " + row.source + "; assumed: " + rules_line(used)},
          {"cluster", machine.cluster},
          {"jobs", Json::array({job})}};
}

}  // namespace orrery
