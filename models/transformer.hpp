// A dense transformer as its sizes: decoder (GPT, Llama, MPT) or encoder (BERT). Everything else (kernels, memory,
// FLOPs) follows from these. Published sizes live in models/networks/*.json.
// Model FLOPs follow Megatron-LM (Narayanan et al. 2021, eq. 3; Korthikanti et al. 2022, app. A): 3 x the matrix products
// of one forward pass (backward counts twice), attention scores in full even when causal, recomputation not counted.
#pragma once

#include <optional>
#include <string>

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
  double attention_length_share = 1;       // mean attended length / sequence (packed or length-binned data)
  std::optional<int> predicted_positions;  // per sequence, when only some pass the output head (BERT)
  Activation activation = Activation::gelu;
  Normalization normalization = Normalization::layernorm;
  Json sources;

  bool has_rotary() const { return rotary.value_or(gated_ffn && learned_positions == 0); }
  int key_value_heads() const { return kv_heads.value_or(heads); }
  int head_width() const { return head_dim.value_or(heads > 0 ? hidden / heads : 0); }
  int ffn_width() const { return ffn_hidden.value_or(4 * hidden); }
  int query_width() const { return heads * head_width(); }
  int key_value_width() const { return key_value_heads() * head_width(); }
};

void fields(Fields&, TransformerModel&);

double attention_parameters(const TransformerModel&);  // of one layer, matrices and biases
double mlp_parameters(const TransformerModel&);
double layer_parameters(const TransformerModel&);      // incl. norms
double embedding_parameters(const TransformerModel&);  // token (and position) table
double parameters(const TransformerModel&);

// FLOPs of one training step per sequence, as the convention above counts them.
double model_flops_per_sequence(const TransformerModel&);

}  // namespace orrery
