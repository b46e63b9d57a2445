#include "models/transformer.hpp"

namespace orrery {

void fields(Fields& f, TransformerModel& m) {
  f("name", m.name);
  f("title", m.title);
  // Far above every model; products of the sizes stay within 64 bits.
  constexpr Range layers{1, 1e4}, width{1, 1e6}, heads{1, 1e4}, length{1, 1e8};
  f.required("layers", m.layers, layers);
  f.required("hidden", m.hidden, width);
  f.required("heads", m.heads, heads);
  f("kv_heads", m.kv_heads, Need::optional, heads);
  f("head_dim", m.head_dim, Need::optional, heads);
  f("ffn_hidden", m.ffn_hidden, Need::optional, Range{1, 1e7});
  f("gated_ffn", m.gated_ffn);
  f.required("vocabulary", m.vocabulary, length);
  f.required("sequence", m.sequence, length);
  f("tied_embeddings", m.tied_embeddings);
  f("causal", m.causal);
  f("learned_positions", m.learned_positions, Need::optional, non_negative);
  f("rotary", m.rotary);
  f("attention_length_share", m.attention_length_share, Need::optional, Range{0, 1, true});
  f("predicted_positions", m.predicted_positions, Need::optional, at_least_one);
  f("activation", m.activation);
  f("normalization", m.normalization);
  f.raw("sources", m.sources);
  f.check(m.head_dim || m.heads == 0 || m.hidden % m.heads == 0, "heads",
          fmt::format("a divisor of hidden ({}), or head_dim", m.hidden), fmt::format("{}", m.heads));
  f.check(!m.kv_heads || *m.kv_heads < 1 || m.heads % *m.kv_heads == 0, "kv_heads",
          fmt::format("a divisor of heads ({})", m.heads), fmt::format("{}", m.kv_heads.value_or(0)));
}

double attention_parameters(const TransformerModel& m) {
  const double h = m.hidden, q = m.query_width(), kv = m.key_value_width();
  return h * (q + 2 * kv) + q * h + (m.normalization == Normalization::layernorm ? q + 2 * kv + h : 0);
}

double mlp_parameters(const TransformerModel& m) {
  const double h = m.hidden, f = m.ffn_width();
  const double matrices = m.gated_ffn ? 3 : 2;
  return matrices * h * f + (m.normalization == Normalization::layernorm ? f + h : 0);
}

double layer_parameters(const TransformerModel& m) {
  const double norms = (m.normalization == Normalization::layernorm ? 4.0 : 2.0) * m.hidden;
  return attention_parameters(m) + mlp_parameters(m) + norms;
}

double embedding_parameters(const TransformerModel& m) {
  return (static_cast<double>(m.vocabulary) + m.learned_positions) * m.hidden;
}

double parameters(const TransformerModel& m) {
  const double head = m.tied_embeddings ? 0 : static_cast<double>(m.vocabulary) * m.hidden;
  return m.layers * layer_parameters(m) + embedding_parameters(m) + head;
}

double model_flops_per_sequence(const TransformerModel& m) {
  const double s = m.sequence, h = m.hidden, q = m.query_width(), kv = m.key_value_width(), f = m.ffn_width();
  const double matrices = h * (q + 2 * kv) + q * h + (m.gated_ffn ? 3 : 2) * h * f;
  const double attention = 2 * s * q * m.attention_length_share;  // scores and their product with the values
  const double head_positions = m.predicted_positions.value_or(m.sequence);
  const double forward = s * m.layers * (2 * matrices + 2 * attention) + head_positions * 2 * h * m.vocabulary;
  return 3 * forward;
}

}  // namespace orrery
