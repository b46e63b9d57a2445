#include "scenarios/measured_scenario.hpp"

#include <algorithm>

#include "scenarios/lower_case.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

// What would need a model that we do not have.
void check_modelled(const MeasuredRow& row) {
  const std::string reason = not_modelled_family(row.text("model/family").value_or(""), row.has("model/experts"));
  if (!reason.empty()) throw CannotSimulate(reason);
  if (!row.has("model")) throw CannotSimulate("no transformer: model sizes are not stated");
}

// The first of several spellings of a key that the row has.
std::optional<std::int64_t> any_integer(const MeasuredRow& row, std::initializer_list<const char*> paths) {
  for (const char* path : paths)
    if (const auto value = row.integer(path)) return value;
  return std::nullopt;
}

Json experts_document(const MeasuredRow& row, std::int64_t layers, RulesUsed& used) {
  Json experts = {{"count", row.need_integer("model/experts/count")},
                  {"active", row.need_integer("model/experts/active")},
                  {"ffn_hidden", row.need_integer("model/experts/ffn_hidden")},
                  {"dense_layers", std::min(layers, row.integer("model/experts/dense_layers").value_or(0))}};
  const std::int64_t shared = row.integer("model/experts/shared").value_or(0);
  experts["shared_ffn_hidden"] = row.integer("model/experts/shared_ffn_hidden")
                                     .value_or(shared * row.need_integer("model/experts/ffn_hidden"));
  if (const auto width = row.integer("model/experts/dense_ffn_hidden")) experts["dense_ffn_hidden"] = *width;
  if (const auto factor = row.number("model/experts/capacity_factor")) experts["capacity_factor"] = *factor;
  for (const char* key : {"biases", "clamped"})
    if (const auto value = row.flag(std::string("model/experts/") + key)) experts[key] = *value;
  used.insert(Rule::balanced_experts);
  return experts;
}

// The widths of DeepSeek-V2 and V3 where only the ranks are stated.
Json latent_document(const MeasuredRow& row) {
  const auto rank = any_integer(row, {"model/mla/kv_lora_rank", "model/mla/kv_rank", "model/mla/key_value_rank"});
  if (!rank) throw CannotSimulate("model/mla/kv_lora_rank is not stated");
  const std::int64_t width = row.need_integer("model/head_dim");
  const std::int64_t rotary = any_integer(row, {"model/mla/qk_rope_head_dim", "model/mla/rope_head_dim",
                                                "model/mla/qk_pos_emb_head_dim", "model/mla/rotary_width"})
                                  .value_or(64);
  Json latent = {{"key_value_rank", *rank}, {"rotary_width", rotary}};
  latent["value_width"] = any_integer(row,
                                      {"model/mla/v_head_dim", "model/mla/value_head_dim", "model/mla/value_width"})
                              .value_or(width - rotary);
  if (const auto query = any_integer(row, {"model/mla/q_lora_rank", "model/mla/q_rank", "model/mla/query_rank"}))
    latent["query_rank"] = *query;
  return latent;
}

// Null where there is none: false or 0.
Json window_document(const MeasuredRow& row) {
  const Json& stated = *row.at("model/sliding_window");
  if (stated == false || stated == 0) return nullptr;
  const auto tokens = stated.is_number() ? row.integer("model/sliding_window")
                                         : row.integer("model/sliding_window/tokens");
  if (!tokens) throw CannotSimulate("model/sliding_window/tokens is not stated");
  const bool alternate = stated.is_object() && row.flag("model/sliding_window/every_other_layer").value_or(false);
  return {{"tokens", *tokens}, {"full_every", alternate ? 2 : 0}};
}

// Sizes of what a layer has beyond the plain transformer's.
void write_variants(Json& model, const MeasuredRow& row, RulesUsed& used) {
  if (row.has("model/experts")) model["experts"] = experts_document(row, model["layers"].get<std::int64_t>(), used);
  if (row.has("model/mla")) {
    model["latent_attention"] = latent_document(row);
    model.erase("kv_heads");  // every head has keys and values of its own
  }
  if (!row.has("model/sliding_window")) return;
  if (const Json window = window_document(row); !window.is_null()) model["sliding_window"] = window;
}

// The library's name of an activation: others cost what one of these does.
std::string activation_of(const MeasuredRow& row, bool gated, RulesUsed& used) {
  const std::string stated = lower_case(row.text("model/activation").value_or(""));
  if (stated == "gelu" || stated == "relu" || stated == "swiglu") return stated;
  const bool gate_of_swiglu = gated && (stated == "silu" || stated == "swish");
  if (!gate_of_swiglu) used.insert(Rule::activation_by_gate);
  if (gated) return "swiglu";
  return stated.find("relu") != std::string::npos ? "relu" : "gelu";
}

std::string normalization_of(const MeasuredRow& row, bool gated, RulesUsed& used) {
  const std::string stated = lower_case(row.text("model/normalization").value_or(""));
  if (stated.find("rms") != std::string::npos) return "rmsnorm";
  if (!stated.empty()) return "layernorm";
  used.insert(Rule::normalization_by_family);
  return gated ? "rmsnorm" : "layernorm";
}

void write_unstated_widths(Json& model, const MeasuredRow& row, RulesUsed& used) {
  if (!model.contains("kv_heads") && !row.has("model/mla")) used.insert(Rule::key_value_heads);
  const bool dense_layers = !row.has("model/experts") || (row.integer("model/experts/dense_layers").value_or(0) > 0 &&
                                                          !row.has("model/experts/dense_ffn_hidden"));
  if (model.contains("ffn_hidden") || !dense_layers) return;
  used.insert(Rule::ffn_width);
  constexpr std::int64_t step = 256;
  const auto hidden = model["hidden"].get<std::int64_t>();
  model["ffn_hidden"] = model["gated_ffn"].get<bool>() ? (8 * hidden / 3 + step - 1) / step * step : 4 * hidden;
}

// Pre-training that predicts masked tokens.
bool is_masked_model(const MeasuredRow& row) { return row.word("model/family").find("bert") != std::string::npos; }

Json model_document(const MeasuredRow& row, RulesUsed& used) {
  Json model = {{"name", row.text("model/name").value_or("measured")}};
  const bool gated = gated_of(row, used);
  for (const char* key : {"layers", "hidden", "heads", "vocabulary", "sequence"})
    model[key] = row.need_integer(std::string("model/") + key);
  for (const char* key : {"kv_heads", "head_dim", "ffn_hidden"})
    if (const auto value = row.integer(std::string("model/") + key)) model[key] = *value;
  if (const Json* positions = row.at("model/learned_positions")) {  // how many, or whether there are any
    if (positions->is_boolean())
      model["learned_positions"] = positions->get<bool>() ? model["sequence"].get<std::int64_t>() : 0;
    else
      model["learned_positions"] = *row.integer("model/learned_positions");
  }
  model["gated_ffn"] = gated;
  write_unstated_widths(model, row, used);
  if (const auto tied = row.flag("model/tied_embeddings")) model["tied_embeddings"] = *tied;
  if (!row.has("model/tied_embeddings") || !row.has("model/learned_positions")) used.insert(Rule::embeddings);
  if (!row.has("model/head_dim")) used.insert(Rule::head_width);
  const auto causal = row.flag("model/causal");
  if (!causal) used.insert(Rule::causal_by_family);
  model["causal"] = causal.value_or(causal_family(row.text("model/family").value_or("")));
  model["activation"] = activation_of(row, gated, used);
  model["normalization"] = normalization_of(row, gated, used);
  const std::string phase = row.text("phase").value_or("training step");
  if (phase != "training step" && !row.has("fused_operators")) used.insert(Rule::separate_operators);
  if (is_masked_model(row) && phase == "training step") {
    model["predicted_positions"] = model["sequence"].get<std::int64_t>() >= 512 ? 80 : 20;
    used.insert(Rule::masked_positions);
  }
  write_variants(model, row, used);
  const auto longest = model["sequence"].get<std::int64_t>();
  if (const std::int64_t mean = usual_sequence(row, longest); mean != longest) {
    model["sequence"] = mean;
    used.insert(Rule::length_binned);
  }
  return model;
}

struct Degrees {
  std::int64_t data = 1, tensor = 1, pipeline = 1, context = 1;
};

// A degree of 0 is none that is stated.
std::optional<std::int64_t> degree_of(const MeasuredRow& row, const char* name) {
  const auto degree = row.integer(std::string("parallelism/") + name);
  return degree == 0 ? std::nullopt : degree;
}

// Devices by themselves, or what only data parallelism is said of, are data-parallel.
std::optional<std::int64_t> data_alone(const MeasuredRow& row, std::int64_t devices) {
  const bool sharded = row.integer("parallelism/zero_stage").value_or(usual_zero_stage(row)) > 0;
  const std::string framework = bare_name(row.text("framework").value_or(""));
  const auto says = [&](std::string_view what) { return framework.find(what) != std::string::npos; };
  const std::int64_t replicas = devices / std::max<std::int64_t>(1, degree_of(row, "context").value_or(1));
  return devices == 1 || sharded || says("ddp") || says("dataparallel") ? std::optional(replicas) : std::nullopt;
}

Degrees degrees_of(const MeasuredRow& row, std::int64_t devices, std::int64_t per_node, RulesUsed& used) {
  Degrees d;
  const auto context = degree_of(row, "context"), tensor = degree_of(row, "tensor"),
             pipeline = degree_of(row, "pipeline");
  auto data = degree_of(row, "data");
  d.context = context.value_or(1);
  if (!data && !tensor && !pipeline) data = data_alone(row, devices);
  if (d.context < 1 || tensor.value_or(1) < 1 || pipeline.value_or(1) < 1 || data.value_or(1) < 1)
    throw CannotSimulate("a degree of parallelism is not positive");
  const double stated = static_cast<double>(d.context) * static_cast<double>(tensor.value_or(1)) *
                        static_cast<double>(pipeline.value_or(1)) * static_cast<double>(data.value_or(1));
  if (stated > static_cast<double>(devices))
    throw CannotSimulate(
        fmt::format("faulty row: degrees of parallelism that make {:g} are not {} devices", stated, devices));
  if (!tensor && !pipeline) {
    if (!data) throw CannotSimulate("parallelism is not stated");
    used.insert(Rule::tensor_in_node);
    const std::int64_t ranks = devices / (*data * d.context);
    d.tensor = std::min({ranks, per_node, std::int64_t{8}});
    while (d.tensor > 1 && ranks % d.tensor != 0) --d.tensor;
    d.pipeline = std::max<std::int64_t>(1, ranks / d.tensor);
  } else {  // one that is not stated takes what the others leave
    const std::int64_t others = data.value_or(devices + 1) * d.context;
    d.tensor = tensor.value_or(std::max<std::int64_t>(1, devices / (others * pipeline.value_or(1))));
    d.pipeline = pipeline.value_or(std::max<std::int64_t>(1, devices / (others * d.tensor)));
  }
  d.data = data.value_or(devices / (d.tensor * d.pipeline * d.context));
  const int unstated = (tensor ? 0 : 1) + (pipeline ? 0 : 1) + (data ? 0 : 1) + (context ? 0 : 1);
  if (!context) d.context = std::max<std::int64_t>(1, devices / (d.data * d.tensor * d.pipeline));
  if (unstated > 1 || d.context != context.value_or(1)) used.insert(Rule::unstated_degrees);
  if (d.data * d.tensor * d.pipeline * d.context != devices)
    throw CannotSimulate(fmt::format("faulty row: data {} x tensor {} x pipeline {} x context {} are not {} devices",
                                     d.data, d.tensor, d.pipeline, d.context, devices));
  return d;
}

// A share that does not fit in memory is divided by who knows the memory (validate_predict.cpp).
Json batch_document(const MeasuredRow& row, const Degrees& d, RulesUsed& used) {
  const std::int64_t global = row.need_integer("batch/global");
  auto micro = row.integer("batch/micro");
  if (!micro) {
    used.insert(Rule::micro_batch);
    RulesUsed told_with_it;
    const bool small = d.pipeline > 1 || accumulates_by_itself(software_profile_of(row, told_with_it));
    micro = !small ? std::max<std::int64_t>(1, global / d.data) : global % (2 * d.data) == 0 ? 2 : 1;
  }
  return {{"global", global}, {"micro", *micro}};
}

void write_schedule(Json& plan, const MeasuredRow& row, const Degrees& d, RulesUsed& used) {
  plan["pipeline"] = d.pipeline;
  if (d.pipeline == 1) return;
  const std::int64_t layers = row.need_integer("model/layers");
  auto chunks = row.integer("parallelism/virtual_pipeline");
  if (chunks && (*chunks < 0 || *chunks > layers))
    throw CannotSimulate(fmt::format("faulty row: virtual_pipeline {} of {} layers", *chunks, layers));
  if (chunks == 0) chunks = 1;  // none
  const std::string schedule = lower_case(row.text("parallelism/schedule").value_or(""));
  const bool plain = schedule == "1f1b" || schedule == "gpipe";
  const bool other = !schedule.empty() && !plain && schedule.find("interleaved") == std::string::npos;
  if (other) used.insert(Rule::other_schedule);
  if (!chunks && !plain && !other) {
    used.insert(Rule::interleaving);
    chunks = usual_virtual_stages(row, layers, d.pipeline);
  }
  plan["virtual_pipeline"] = chunks.value_or(1);
  if (schedule == "gpipe" || (schedule == "1f1b" && chunks.value_or(1) == 1)) plan["schedule"] = schedule;
  if (layers % (d.pipeline * chunks.value_or(1)) != 0) {
    plan["layer_split"] = "balanced";
    used.insert(Rule::layer_split);
  }
}

// How publications say what is recomputed: the first word that is known.
struct RecomputeWord {
  std::string_view word, kind;
};
constexpr RecomputeWord recompute_words[] = {
    {"none", "none"},           {"no", "none"},       {"not", "none"},        {"off", "none"},
    {"false", "none"},          {"disabled", "none"}, {"without", "none"},    {"full", "full"},
    {"fully", "full"},          {"true", "full"},     {"on", "full"},         {"enabled", "full"},
    {"nothing", "full"},  // JAX: nothing_saveable
    {"selective", "selective"}, {"sac", "selective"}, {"minimal", "minimal"}, {"fraction", "fraction"}};

struct Recomputation {
  std::string kind;    // of the table; "" = none of it
  std::string detail;  // as stated beside it, or what follows the word
};

Recomputation recomputation_of(const MeasuredRow& row) {
  const std::string stated = row.word("recompute"), detail = row.text("recompute_detail").value_or("");
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  for (auto at = std::find_if(stated.begin(), stated.end(), is_letter); at != stated.end();) {
    const auto end = std::find_if_not(at, stated.end(), is_letter);
    for (const RecomputeWord& known : recompute_words)
      if (std::equal(at, end, known.word.begin(), known.word.end()))
        return {std::string(known.kind), detail.empty() ? bare_name(std::string(end, stated.end())) : detail};
    at = std::find_if(end, stated.end(), is_letter);
  }
  // "activation checkpointing"
  return {stated.find("checkpointing") != std::string::npos ? "full" : "", detail};
}

void write_recompute(Json& plan, const MeasuredRow& row, RulesUsed& used) {
  const Recomputation stated = recomputation_of(row);
  const bool by_operator = stated.detail.find("per-operator") != std::string::npos ||
                           (stated.detail.empty() && row.word("framework").find("torchtitan") != std::string::npos);
  const bool half = stated.kind.empty() || (stated.kind == "fraction" && !row.number("recompute_fraction"));
  if (!row.has("recompute")) {
    plan["recompute"] = "none";
    used.insert(Rule::recompute_none);
  } else if (stated.kind == "selective" && by_operator) {
    plan["recompute"] = "fraction";
    plan["recompute_fraction"] = 0.5;
    used.insert(Rule::recompute_operator);
  } else if (half || stated.kind == "fraction") {
    plan["recompute"] = "fraction";
    plan["recompute_fraction"] = row.number("recompute_fraction").value_or(0.5);
    if (half) used.insert(Rule::recompute_half);
  } else {
    plan["recompute"] = stated.kind;
    if (stated.kind == "selective" && stated.detail.empty()) used.insert(Rule::selective_core);
  }
}

// "cpu: optimizer", "cpu: activations and optimizer states", or a framework that is known to do it.
void write_offload(Json& plan, const MeasuredRow& row, RulesUsed& used) {
  const std::string stated = row.word("offload");
  const auto says = [&](std::string_view what) { return stated.find(what) != std::string::npos; };
  if (says("param")) throw CannotSimulate("offload of parameters to the host is not modelled");
  if (says("nvme")) throw CannotSimulate("offload to disks is not modelled");
  if (says("optimizer") || stated == "cpu" || stated == "true") plan["offload"]["optimizer"] = true;
  if (says("activation")) plan["offload"]["activations"] = 1;
  const std::string device = row.text("accelerator").value_or(row.text("cluster/accelerator").value_or(""));
  if (stated.empty()) used.insert(Rule::no_offload);
  if (stated.empty() && plan["zero_stage"] == 3 && device.find("-gb") != std::string::npos &&
      row.word("framework").find("megatron") != std::string::npos) {
    plan["offload"]["activations"] = 0.5;
    used.erase(Rule::no_offload);
    used.insert(Rule::host_activations);
  }
}

void write_experts(Json& plan, const MeasuredRow& row, const Degrees& d, std::int64_t domain, std::int64_t zero_stage,
                   RulesUsed& used) {
  const auto folded = degree_of(row, "expert_tensor");
  if (folded) plan["expert_tensor"] = *folded;
  if (!row.has("model/experts")) return;
  if (const auto degree = degree_of(row, "expert")) {
    plan["expert"] = *degree;
    return;
  }
  const std::int64_t split = std::max<std::int64_t>(1, folded.value_or(1)), ranks = d.data * d.tensor * d.context;
  const std::int64_t degree = usual_expert_degree(row.need_integer("model/experts/count"), ranks / split,
                                                  domain / split, zero_stage);
  plan["expert"] = degree;
  used.insert(Rule::expert_parallel, fmt::format("expert = {}", degree));
}

Json plan_document(const MeasuredRow& row, const Degrees& d, std::int64_t domain, RulesUsed& used) {
  Json plan = {{"data", d.data}, {"tensor", d.tensor}, {"context", d.context}};
  const auto stated = row.integer("parallelism/zero_stage");
  const std::int64_t stage = stated.value_or(usual_zero_stage(row));
  if (!stated) used.insert(Rule::zero_stage);
  write_experts(plan, row, d, domain, stage, used);
  write_schedule(plan, row, d, used);
  plan["zero_stage"] = stage;
  const auto group = row.integer("parallelism/zero_group");
  if (group && stage > 0) plan["zero_group"] = *group;
  if (!group && stage > 0) used.insert(Rule::all_shards);
  const auto sequence_parallel = row.flag("parallelism/sequence_parallel");
  if (d.tensor > 1) {
    if (!sequence_parallel) used.insert(Rule::sequence_parallel);
    plan["sequence_parallel"] = sequence_parallel.value_or(false);
  }
  write_recompute(plan, row, used);
  write_offload(plan, row, used);
  return plan;
}

// "adamw", "Adam (fused)", "AdamW 8-bit", "lamb": a kind of models/optimizers.
std::string optimizer_of(const MeasuredRow& row, RulesUsed& used) {
  const std::string text = bare_name(row.text("optimizer").value_or(""));
  const auto says = [&](std::string_view what) { return text.find(what) != std::string::npos; };
  if (says("adam") && says("8bit")) return "adam-8bit";
  for (const char* kind : {"adafactor", "lamb", "lion", "momentum", "adam", "sgd"})
    if (says(kind)) return kind;
  used.insert(Rule::optimizer_adam);
  return "adam";
}

// A debugging setting of CUDA that a row may state: the host waits for every kernel.
bool blocking_launches(const MeasuredRow& row) {
  const Json* stated = row.at("environment/CUDA_LAUNCH_BLOCKING");
  return stated && (*stated == "1" || *stated == 1 || *stated == true);
}

Json software_document(const MeasuredRow& row, RulesUsed& used) {
  const std::string profile = software_profile_of(row, used);
  if (!blocking_launches(row)) return profile;
  return {{"base", profile}, {"blocking_launches", true}};
}

}  // namespace

std::optional<std::int64_t> devices_of_degrees(const MeasuredRow& row) {
  const auto data = degree_of(row, "data"), tensor = degree_of(row, "tensor"), pipeline = degree_of(row, "pipeline");
  if (!data || !tensor || !pipeline) return std::nullopt;
  const double product = static_cast<double>(*data) * static_cast<double>(*tensor) * static_cast<double>(*pipeline) *
                         static_cast<double>(degree_of(row, "context").value_or(1));
  if (!(product >= 1 && product <= 1e9)) throw CannotSimulate(fmt::format("faulty row: {:g} devices", product));
  return static_cast<std::int64_t>(product);
}

Json training_scenario(const MeasuredRow& row, RulesUsed& used) {
  check_modelled(row);
  check_keys(row, used);
  const std::int64_t devices = row.need_integer("devices");
  const MeasuredCluster machine = measured_cluster(row, devices, 1, used);
  const Degrees degrees = degrees_of(row, devices, machine.devices_per_node, used);
  Json job = {{"name", "train"},
              {"model", model_document(row, used)},
              {"precision", row.need_text("precision")},
              {"batch", batch_document(row, degrees, used)},
              {"plan", plan_document(row, degrees, machine.devices_per_node, used)},
              {"software", software_document(row, used)},
              {"optimizer", optimizer_of(row, used)}};
  if (devices < machine.devices) job["placement"] = {{"first", 0}, {"count", devices}};
  used.insert(Rule::software_profile);
  return {{"orrery", "scenario/1"},
          {"name", row.id},
          {"description", "measured run of " + row.source + "; assumed: " + rules_line(used)},
          {"cluster", machine.cluster},
          {"jobs", Json::array({job})}};
}

}  // namespace orrery
