// Keys of a training row that nobody asks for.
#include <algorithm>

#include <fmt/format.h>

#include "scenarios/measured_scenario.hpp"
#include "sim/catalog.hpp"

namespace orrery {

namespace {

// Keys of the format, and others that its files have.
struct KnownKeys {
  std::string_view level;
  std::vector<std::string> keys;
};

const std::vector<KnownKeys>& known_keys() {
  static const std::vector<KnownKeys> all = {
      {"model",
       {"activation",
        "causal",
        "d_kv",
        "decoder_layers",
        "dims_from",
        "encoder_layers",
        "expert_capacity",
        "experts",
        "family",
        "ffn_hidden",
        "gated_ffn",
        "head_dim",
        "heads",
        "hidden",
        "kv_heads",
        "layers",
        "learned_positions",
        "mla",
        "name",
        "normalization",
        "parameters",
        "parameters_active",
        "parameters_from",
        "parameters_published",
        "sequence",
        "sliding_window",
        "tied_embeddings",
        "variant",
        "vocabulary"}},
      {"model/experts",
       {"active", "biases", "capacity_factor", "clamped", "count", "dense_ffn_hidden", "dense_layers", "ffn_hidden",
        "shared", "shared_ffn_hidden"}},
      {"batch", {"global", "micro"}},
      {"parallelism",
       {"context", "data", "data_across_slices", "expert", "expert_tensor", "model_parallel_tensor_times_pipeline",
        "pipeline", "schedule", "sequence_parallel", "tensor", "virtual_pipeline", "zero_group", "zero_stage"}}};
  return all;
}

}  // namespace

// The format grows, so that an unknown key is no fault; one that leaves its value unsaid is told.
void check_keys(const MeasuredRow& row, RulesUsed& used) {
  for (const KnownKeys& known : known_keys()) {
    const Json* level = row.at(known.level);
    if (!level || !level->is_object()) continue;
    for (const auto& [key, value] : level->items()) {
      if (value.is_null() || std::find(known.keys.begin(), known.keys.end(), key) != known.keys.end()) continue;
      const std::string close = nearest(key, known.keys);
      used.insert(Rule::unknown_keys,
                  fmt::format("{}/{}{}", known.level, key, close.empty() ? "" : ": did you mean " + close + "?"));
    }
  }
}

}  // namespace orrery
