// Keys of a training row that nobody asks for.
#include <algorithm>

#include <fmt/format.h>

#include "scenarios/lower_case.hpp"
#include "scenarios/measured_scenario.hpp"
#include "sim/catalog.hpp"

namespace orrery {

namespace {

// Keys of the format, and others that its files have.
struct KnownKeys {
  std::string_view
      level;  // "": a row's own, which say many other things of the run: only what means a key of ours is told
  std::vector<std::string> keys;
};

// What other formats call keys of this one.
struct OtherKey {
  std::string_view stated, ours;  // letters and digits alone; as in the format
};
constexpr OtherKey other_keys[] = {{"activationcheckpointing", "recompute"},
                                   {"gradientcheckpointing", "recompute"},
                                   {"recomputation", "recompute"},
                                   {"gpuspernode", "devices_per_node"},
                                   {"acceleratorspernode", "devices_per_node"},
                                   {"gpus", "devices"},
                                   {"numgpus", "devices"},
                                   {"links", "link"},
                                   {"nics", "ports_per_node"},
                                   {"dtype", "precision"}};

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
      {"",
       {"accelerator",
        "accelerator_year",
        "assumed",
        "batch",
        "cluster",
        "cluster_inter_node_as_printed",
        "derived",
        "devices",
        "devices_per_node",
        "environment",
        "exclude",
        "framework",
        "fused_operators",
        "grade",
        "id",
        "measured",
        "measured_on",
        "mixed_precision_mode",
        "model",
        "nodes",
        "notes",
        "offload",
        "optimizer",
        "parallelism",
        "phase",
        "power_limit_W",
        "precision",
        "precision_detail",
        "quality",
        "recompute",
        "recompute_detail",
        "recompute_fraction",
        "section",
        "slices",
        "topology"}},
      {"cluster", {"accelerator", "devices_per_node", "notes", "scale_out", "scale_up"}},
      {"cluster/scale_up", {"domain", "kind", "link", "notes", "stated"}},
      {"cluster/scale_out", {"link", "notes", "of_library", "ports_per_node", "stated"}},
      {"batch", {"global", "micro"}},
      {"parallelism",
       {"context", "data", "data_across_slices", "expert", "expert_tensor", "model_parallel_tensor_times_pipeline",
        "pipeline", "schedule", "sequence_parallel", "tensor", "virtual_pipeline", "zero_group", "zero_stage"}}};
  return all;
}

std::string meant_by(const std::string& key, const std::vector<std::string>& known) {
  const std::string name = bare_name(key);
  for (const OtherKey& other : other_keys)
    if (name == other.stated && std::find(known.begin(), known.end(), other.ours) != known.end())
      return std::string(other.ours);
  return nearest(key, known);
}

}  // namespace

// The format grows, so that an unknown key is no fault; one that leaves its value unsaid is told.
void check_keys(const MeasuredRow& row, RulesUsed& used) {
  for (const KnownKeys& known : known_keys()) {
    const Json* level = row.at(known.level);
    if (!level || !level->is_object()) continue;
    for (const auto& [key, value] : level->items()) {
      if (value.is_null() || std::find(known.keys.begin(), known.keys.end(), key) != known.keys.end()) continue;
      const std::string meant = meant_by(key, known.keys),
                        begins = known.level.empty() ? "" : std::string(known.level) + "/";
      if (meant.empty() && known.level.empty()) continue;
      used.insert(Rule::unknown_keys, begins + key + (meant.empty() ? "" : ": did you mean " + meant + "?"));
    }
  }
}

}  // namespace orrery
