// A transformer as its sizes: decoder (GPT, Llama, MPT) or encoder (BERT), dense or with a mixture of experts in place of
// feed-forward networks (Shazeer et al. 2017; Lepikhin et al. 2020), latent attention (DeepSeek-V2, arXiv:2405.04434) and
// sliding-window layers. Everything else (kernels, memory, FLOPs) follows from these. Tokens spread evenly over the experts.
// Published sizes live in models/networks/*.json.
// Model FLOPs follow Megatron-LM (Narayanan et al. 2021, eq. 3; Korthikanti et al. 2022, app. A): 3 x the matrix products
// of one forward pass (backward counts twice), attention scores in full even when causal, recomputation not counted.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/spec.hpp"

namespace orrery {

enum class Activation { gelu, relu, swiglu };
template <> struct EnumNames<Activation> {
  static constexpr std::array<std::string_view, 3> names = {"gelu", "relu", "swiglu"};
};
enum class Normalization { layernorm, rmsnorm };
template <> struct EnumNames<Normalization> {
  static constexpr std::array<std::string_view, 2> names = {"layernorm", "rmsnorm"};
};

// In place of the feed-forward network: `active` of `count` experts per token, and shared ones that see every token.
struct Experts {
  int count = 1, active = 1;
  int ffn_hidden = 0;                     // width of one branch of one expert
  int shared_ffn_hidden = 0;              // of all shared experts together
  int dense_layers = 0;                   // the first layers, which keep an ordinary feed-forward network ...
  std::optional<int> dense_ffn_hidden;    // ... of this width; absent: ffn_hidden of the model
  bool biases = false;                    // added to what every expert computes (gpt-oss)
  bool clamped = false;                   // the two branches are limited before they are multiplied (gpt-oss)
  std::optional<double> capacity_factor;  // every expert computes this much of its even share, padded; absent: dropless
  double padding() const { return capacity_factor.value_or(1); }
};

// Multi-head latent attention: queries and keys+values pass through narrow projections; `head_dim` of the model is the
// width of a query or key, part of which is rotary.
struct LatentAttention {
  std::optional<int> query_rank;  // absent: queries are projected directly
  int key_value_rank = 0, rotary_width = 0, value_width = 0;
};

struct SlidingWindow {
  int tokens = 0;      // keys that a query attends to
  int full_every = 0;  // every n-th layer attends to all; 0: none
};

// What tells layers of one model apart.
struct LayerKind {
  bool experts = false, windowed = false;
  friend bool operator==(const LayerKind&, const LayerKind&) = default;
};

struct TransformerModel {
  std::string name, title;
  int layers = 0, hidden = 0, heads = 0;
  std::optional<int> kv_heads;    // grouped-query attention; absent: heads
  std::optional<int> head_dim;    // absent: hidden / heads
  std::optional<int> ffn_hidden;  // width of one branch; absent: 4 x hidden
  bool gated_ffn = false;         // three matrices (SwiGLU) instead of two
  int vocabulary = 0, sequence = 0;
  bool tied_embeddings = true, causal = true;
  int learned_positions = 0;   // 0: rotary, ALiBi or none
  std::optional<bool> rotary;  // rotary position embedding; absent: with gated feed-forward and no learned positions
  double attention_length_share = 1;         // mean attended length / sequence (packed or length-binned data)
  std::optional<int> predicted_positions;    // per sequence, when only some pass the output head (BERT)
  Activation activation = Activation::gelu;  // for the reader: all cost alike, what counts is gated_ffn
  Normalization normalization = Normalization::layernorm;
  std::optional<Experts> experts;
  std::optional<LatentAttention> latent_attention;
  std::optional<SlidingWindow> sliding_window;
  Json sources;

  bool has_rotary() const { return rotary.value_or(gated_ffn && learned_positions == 0); }
  int key_value_heads() const { return kv_heads.value_or(heads); }
  int head_width() const { return head_dim.value_or(heads > 0 ? hidden / heads : 0); }
  int ffn_width() const { return ffn_hidden.value_or(4 * hidden); }
  int query_width() const { return heads * head_width(); }
  int key_value_width() const { return key_value_heads() * head_width(); }
  int value_head_width() const { return latent_attention ? latent_attention->value_width : head_width(); }
  int context_width() const { return heads * value_head_width(); }  // what attention gives to the output projection
  // Keys and values together, as attention reads them.
  int key_value_pair_width() const { return key_value_heads() * (head_width() + value_head_width()); }
  int ffn_width(LayerKind) const;  // of the network that every token passes: shared experts, or the dense one
};

void fields(Fields&, TransformerModel&);

LayerKind layer_kind(const TransformerModel&, int layer);
struct LayerGroup {
  LayerKind kind;
  int count = 0;
};
std::vector<LayerGroup> layer_groups(const TransformerModel&);  // each kind that occurs, in order of appearance

double attention_parameters(const TransformerModel&);                            // of one layer, matrices and biases
double expert_parameters(const TransformerModel&);                               // all routed experts of one layer
double shared_layer_parameters(const TransformerModel&, LayerKind);              // the rest of a layer, incl. norms
double shared_layer_parameters(const TransformerModel&, LayerKind, int tensor);  // on one of `tensor` ranks
// Of the keys (or values) of one of `tensor` ranks: at least one head, which several ranks share where there are fewer.
std::int64_t key_value_width(const TransformerModel&, std::int64_t tensor);
double embedding_parameters(const TransformerModel&);  // token (and position) table
double parameters(const TransformerModel&);
double active_parameters(const TransformerModel&);  // that one token passes

// FLOPs of one training step per sequence, as the convention above counts them.
double model_flops_per_sequence(const TransformerModel&);

}  // namespace orrery
