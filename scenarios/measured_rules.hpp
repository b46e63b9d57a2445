// What is assumed where a measured run does not say. One table: a rule has a name, a text and the evidence for it; every
// prediction lists the rules it used. Rules look at what kind of system, software or setting a row is, never at the row's
// id or at what was measured. Also the table from a framework's name to its software profile (models/software).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "scenarios/measured.hpp"

namespace orrery {

enum class Rule : std::uint8_t {
  recompute_none,
  recompute_operator,
  micro_batch,
  interleaving,
  tensor_in_node,
  layer_split,
  zero_stage,
  sequence_parallel,
  scale_out_reference,
  fabric_non_blocking,
  torus_shape,
  even_domains,
  masked_positions,
  length_binned,
  normalization_by_family,
  software_profile,
  unstated_heads,
  streamed_size,
  half_chip,
  spread_over_nodes,
  algorithm_automatic,
  single_pass,
  power_recipe,
  power_limit,
  own_power_limit,
  balanced_experts,
  unknown_framework,
  host_activations,
  failure_rates,
  nearest_name,
  common_form,
  usual_node,
  recompute_half,
  recompute_to_fit,
  public_model,
  optimizer_adam,
  gated_by_family,
  key_value_heads,
  ffn_width,
  selective_core,
  other_schedule,
  attention_by_device,
  kernel_type,
  expert_parallel,
  causal_by_family,
  unstated_degrees,
  all_shards,
  head_width,
  embeddings,
  activation_by_gate,
  separate_operators,
  no_offload,
  usual_precision,
  unknown_keys
};

struct RuleText {
  std::string_view name, text, evidence;
};
const RuleText& rule_text(Rule);
std::span<const RuleText> rule_texts();

// Also what some of them did: "H100 SXM = nvidia-h100-sxm5-80gb".
class RulesUsed : public std::set<Rule> {
 public:
  using std::set<Rule>::set;
  using std::set<Rule>::insert;
  void insert(Rule rule, const std::string& what) {
    insert(rule);
    what_[rule].insert(what);
  }
  const std::set<std::string>& what(Rule rule) const;

 private:
  std::map<Rule, std::set<std::string>> what_;
};

// "recompute-none, nearest-name (H100 SXM = nvidia-h100-sxm5-80gb), scale-out-reference"
std::string rules_line(const RulesUsed&);

// How often each rule was used, and for what, from the lines of many rows.
struct RuleCount {
  int rows = 0;
  std::map<std::string, int> what;
};
void count_rules(std::string_view rules_line, std::map<std::string, RuleCount, std::less<>>&);

// Devices over which the experts of one layer are spread where the row does not say: 1 where parameters are sharded (ZeRO 3),
// else as many of the ranks that hold copies of the rest, inside one scale-up domain, as divide them.
std::int64_t usual_expert_degree(std::int64_t experts, std::int64_t ranks, std::int64_t domain,
                                 std::int64_t zero_stage);

// Why a model of this family is not modelled; "" = it is. `experts`: the row has their sizes.
std::string not_modelled_family(const std::string& family, bool experts);

// Whether tokens of this family see only those before them.
bool causal_family(const std::string& family);

// Whether the feed-forward network multiplies a gate (three matrices): as stated, else by activation or family.
bool gated_of(const MeasuredRow&, RulesUsed&);

// Where the row states no ZeRO stage.
std::int64_t usual_zero_stage(const MeasuredRow&);

// The profile in models/software that documents what this framework does.
std::string software_profile_of(const MeasuredRow&, RulesUsed&);
// Whether frameworks of that profile take small micro-batches unless they are told otherwise.
bool accumulates_by_itself(const std::string& profile);

// Virtual stages of a pipeline whose row does not state how many: 1 where the framework interleaves only when it is told
// to and the row's schedule does not say that it was.
std::int64_t usual_virtual_stages(const MeasuredRow&, std::int64_t layers, std::int64_t pipeline);

// Mean tokens of a sequence in a batch that is padded only to the longest of its bin, for BERT on Wikipedia; `longest` where
// the framework pads every sequence.
std::int64_t usual_sequence(const MeasuredRow&, std::int64_t longest);

// The scale-out port of a reference system with this scale-up link, for rows that do not state theirs.
struct ReferencePort {
  std::string_view scale_up;  // prefix of the scale-up link's name
  std::string_view link;
  double ports_per_device;
};
// Null when there is none.
const ReferencePort* reference_port(std::string_view scale_up_link);

}  // namespace orrery
