#include "models/transformer.hpp"

#include <algorithm>

namespace orrery {

namespace {

// Far above every model. Products of the sizes stay within 64 bits as long as a micro-batch has at most 1e10 tokens, and its
// experts 1e11 rows (scenarios/placement.cpp).
constexpr Range depths{1, 1e4}, widths{1, 1e6}, head_counts{1, 1e4}, lengths{1, 1e8}, ffn_widths{1, 1e7};

}  // namespace

void fields(Fields& f, Experts& e) {
  f.required("count", e.count, Range{1, 1e5});
  f.required("active", e.active, Range{1, 1e5});
  f.required("ffn_hidden", e.ffn_hidden, ffn_widths);
  f("shared_ffn_hidden", e.shared_ffn_hidden, Need::optional, Range{0, 1e7});
  f("dense_layers", e.dense_layers, Need::optional, Range{0, 1e4});
  f("dense_ffn_hidden", e.dense_ffn_hidden, Need::optional, ffn_widths);
  f("biases", e.biases);
  f("clamped", e.clamped);
  f("capacity_factor", e.capacity_factor, Need::optional, Range{0, 1e5, true});
  f.check(!f.readable("count") || e.active <= e.count, "active", fmt::format("at most count ({})", e.count),
          fmt::format("{}", e.active));
}

void fields(Fields& f, LatentAttention& a) {
  f("query_rank", a.query_rank, Need::optional, widths);
  f.required("key_value_rank", a.key_value_rank, widths);
  f.required("rotary_width", a.rotary_width, head_counts);
  f.required("value_width", a.value_width, head_counts);
}

void fields(Fields& f, SlidingWindow& w) {
  f.required("tokens", w.tokens, lengths);
  f("full_every", w.full_every, Need::optional, Range{0, 1e4});
}

void fields(Fields& f, TransformerModel& m) {
  f("name", m.name);
  f("title", m.title);
  f.required("layers", m.layers, depths);
  f.required("hidden", m.hidden, widths);
  f.required("heads", m.heads, head_counts);
  f("kv_heads", m.kv_heads, Need::optional, head_counts);
  f("head_dim", m.head_dim, Need::optional, head_counts);
  f("ffn_hidden", m.ffn_hidden, Need::optional, ffn_widths);
  f("gated_ffn", m.gated_ffn);
  f.required("vocabulary", m.vocabulary, lengths);
  f.required("sequence", m.sequence, lengths);
  f("tied_embeddings", m.tied_embeddings);
  f("causal", m.causal);
  f("learned_positions", m.learned_positions, Need::optional, non_negative);
  f("rotary", m.rotary);
  f("attention_length_share", m.attention_length_share, Need::optional, Range{0, 1, true});
  f("predicted_positions", m.predicted_positions, Need::optional, at_least_one);
  f("activation", m.activation);
  f("normalization", m.normalization);
  f("experts", m.experts);
  f("latent_attention", m.latent_attention);
  f("sliding_window", m.sliding_window);
  f.raw("sources", m.sources);
  f.check(m.head_dim || m.heads == 0 || m.hidden % m.heads == 0, "heads",
          fmt::format("a divisor of hidden ({}), or head_dim", m.hidden), fmt::format("{}", m.heads));
  f.check(!m.kv_heads || *m.kv_heads < 1 || m.heads % *m.kv_heads == 0, "kv_heads",
          fmt::format("a divisor of heads ({})", m.heads), fmt::format("{}", m.kv_heads.value_or(0)));
  f.check(!m.latent_attention || !f.readable("latent_attention") || m.latent_attention->rotary_width <= m.head_width(),
          "latent_attention", fmt::format("a rotary_width within the head's {}", m.head_width()),
          fmt::format("{}", m.latent_attention ? m.latent_attention->rotary_width : 0));
  f.check(!m.experts || !f.readable("experts") || !f.readable("layers") || m.experts->dense_layers < m.layers,
          "experts", fmt::format("dense_layers below layers ({}): none would have experts", m.layers),
          fmt::format("{}", m.experts ? m.experts->dense_layers : 0));
  f.check(m.activation != Activation::swiglu || m.gated_ffn, "activation",
          "\"swiglu\" only beside \"gated_ffn\": true, which counts its third matrix", "\"swiglu\"");
  f.check(m.learned_positions == 0 || !f.readable("learned_positions") || m.sequence <= m.learned_positions, "sequence",
          fmt::format("at most learned_positions ({})", m.learned_positions), fmt::format("{}", m.sequence));
  f.check(m.predicted_positions.value_or(1) <= m.sequence || !f.readable("sequence"), "predicted_positions",
          fmt::format("at most sequence ({})", m.sequence), fmt::format("{}", m.predicted_positions.value_or(0)));
}

int TransformerModel::ffn_width(LayerKind kind) const {
  if (kind.experts) return experts->shared_ffn_hidden;
  return experts ? experts->dense_ffn_hidden.value_or(ffn_width()) : ffn_width();
}

LayerKind layer_kind(const TransformerModel& m, int layer) {
  LayerKind kind;
  kind.experts = m.experts && layer >= m.experts->dense_layers;
  const int full = m.sliding_window ? m.sliding_window->full_every : 1;
  kind.windowed = m.sliding_window && (full == 0 || (layer + 1) % full != 0);
  return kind;
}

std::vector<LayerGroup> layer_groups(const TransformerModel& m) {
  std::vector<LayerGroup> groups;
  for (int layer = 0; layer < m.layers; ++layer) {
    const LayerKind kind = layer_kind(m, layer);
    const auto same = std::find_if(groups.begin(), groups.end(), [&](const LayerGroup& g) { return g.kind == kind; });
    if (same == groups.end())
      groups.push_back({kind, 1});
    else
      ++same->count;
  }
  return groups;
}

namespace {

double matrices(const TransformerModel& m) { return m.gated_ffn ? 3 : 2; }

// Weights of a layer's attention projections; `narrow`: those of latent attention that every tensor rank holds.
struct Projections {
  double split = 0, narrow = 0;
};
Projections projections(const TransformerModel& m) {
  const double h = m.hidden, q = m.query_width(), out = m.context_width();
  if (!m.latent_attention) return {h * (q + 2.0 * m.key_value_width()) + q * h, 0};
  const LatentAttention& a = *m.latent_attention;
  const double keys = m.head_width() - a.rotary_width, query_rank = a.query_rank.value_or(0);
  const double up = a.key_value_rank * m.heads * (keys + a.value_width) + (a.query_rank ? query_rank * q : h * q);
  return {up + out * h, h * (query_rank + a.key_value_rank + a.rotary_width)};
}

}  // namespace

double attention_parameters(const TransformerModel& m) {
  const double h = m.hidden, q = m.query_width(), kv = m.key_value_width();
  const Projections p = projections(m);
  if (m.latent_attention)
    return p.split + p.narrow + m.latent_attention->query_rank.value_or(0) + m.latent_attention->key_value_rank;
  return p.split + (m.normalization == Normalization::layernorm ? q + 2 * kv + h : 0);
}

namespace {

double network_parameters(const TransformerModel& m, double width) {
  const double h = m.hidden;
  return width > 0 ? matrices(m) * h * width + (m.normalization == Normalization::layernorm ? width + h : 0) : 0;
}

double router_parameters(const TransformerModel& m, LayerKind kind) {
  return kind.experts && m.experts->count > 1 ? static_cast<double>(m.hidden) * m.experts->count : 0;
}

}  // namespace

double expert_parameters(const TransformerModel& m) {
  return m.experts ? m.experts->count * network_parameters(m, m.experts->ffn_hidden) : 0;
}

double shared_layer_parameters(const TransformerModel& m, LayerKind kind) {
  const double norms = (m.normalization == Normalization::layernorm ? 4.0 : 2.0) * m.hidden;
  return attention_parameters(m) + network_parameters(m, m.ffn_width(kind)) + norms + router_parameters(m, kind);
}

std::int64_t key_value_width(const TransformerModel& m, std::int64_t tensor) {
  return std::max<std::int64_t>(m.key_value_width() / tensor, m.head_width());
}

double shared_layer_parameters(const TransformerModel& m, LayerKind kind, int tensor) {
  const double everywhere = projections(m).narrow + router_parameters(m, kind);
  const double divided = (shared_layer_parameters(m, kind) - everywhere) / tensor + everywhere;
  if (m.latent_attention) return divided;
  // Keys and values of a head that several ranks share are computed, and kept, by each of them.
  const double kept_twice = static_cast<double>(key_value_width(m, tensor)) - 1.0 * m.key_value_width() / tensor;
  return divided + 2 * kept_twice * (m.hidden + (m.normalization == Normalization::layernorm ? 1 : 0));
}

double embedding_parameters(const TransformerModel& m) {
  return (static_cast<double>(m.vocabulary) + m.learned_positions) * m.hidden;
}

namespace {

double parameters_of(const TransformerModel& m, double share_of_experts) {
  const double head = m.tied_embeddings ? 0 : static_cast<double>(m.vocabulary) * m.hidden;
  double layers = 0;
  for (const LayerGroup& g : layer_groups(m))
    layers += g.count *
              (shared_layer_parameters(m, g.kind) + (g.kind.experts ? share_of_experts * expert_parameters(m) : 0));
  return layers + embedding_parameters(m) + head;
}

}  // namespace

double parameters(const TransformerModel& m) { return parameters_of(m, 1); }

double active_parameters(const TransformerModel& m) {
  return parameters_of(m, m.experts ? static_cast<double>(m.experts->active) / m.experts->count : 0);
}

double model_flops_per_sequence(const TransformerModel& m) {
  const double s = m.sequence, h = m.hidden;
  const Projections p = projections(m);
  const double head_positions = m.predicted_positions.value_or(m.sequence);
  double forward = 0;
  for (const LayerGroup& g : layer_groups(m)) {
    double width = m.ffn_width(g.kind);
    if (g.kind.experts) width += static_cast<double>(m.experts->active) * m.experts->ffn_hidden;
    const double products = p.split + p.narrow + matrices(m) * h * width + router_parameters(m, g.kind);
    const double length = s * m.attention_length_share;
    const double keys = g.kind.windowed ? std::min(length, static_cast<double>(m.sliding_window->tokens)) : length;
    // Scores and their product with the values.
    const double attention = keys * (m.query_width() + m.context_width()) / 2.0 * 2;
    forward += s * g.count * (2 * products + 2 * attention);
  }
  forward += head_positions * 2 * h * m.vocabulary;
  return 3 * forward;
}

}  // namespace orrery
