#include "models/expert_steps.hpp"

#include <algorithm>

#include "kernels/expert_shapes.hpp"

namespace orrery {

ExpertSizes expert_sizes(const StepContext& c) {
  const Experts& e = *c.model.experts;
  const auto tokens = static_cast<std::int64_t>(c.tokens());
  ExpertSizes s;
  s.rows = std::max<std::int64_t>(1, tokens / c.plan.tensor);
  s.sent = std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(s.rows * e.active) * e.padding()));
  s.received = s.sent * c.plan.expert_tensor;
  s.local = e.count / c.plan.expert;
  s.busy = std::min<std::int64_t>(s.local, s.received);
  s.per_expert = (s.received + s.busy / 2) / s.busy;
  s.width = e.ffn_hidden / c.plan.expert_tensor;
  return s;
}

double expert_launches(const StepContext& c, bool forward) {
  const ExpertSizes s = expert_sizes(c);
  if (c.software.grouped_products || c.model.experts->count == 1) return 0;
  // Each expert: a product (two backward) and, below 16 bits, the cast and the layouts of its scales in both
  // directions, twice (two
  // matrices, or the joined two branches and the third).
  const double casts = low_precision(c.precision) ? 3 : 0, products = forward ? 1 : 2;
  return 2 * (products + casts) * static_cast<double>(s.local);
}

namespace {

bool routes(const StepWriter& w) { return w.model.experts->count > 1; }

double bytes_of(const StepWriter& w, std::int64_t rows) { return static_cast<double>(rows * w.h) * w.e; }

// To the experts' ranks, or back: the same bytes either way. Where micro-batches are interleaved, work of another one of
// about the same length runs meanwhile: what follows here goes on and is waited for at the next exchange, which gives
// every exchange one stretch of computation to hide behind, as in the interleaved order.
void exchange(StepWriter& w, const ExpertSizes& s, bool asynchronous) {
  if (w.context.plan.expert == 1) return;
  if (w.software.expert_overlap) w.wait();
  w.collective(CollectiveKind::all_to_all, Peers::experts, bytes_of(w, s.sent),
               asynchronous || w.software.expert_overlap);
}

void router_forward(StepWriter& w, const ExpertSizes& s) {
  if (!routes(w)) return;
  const std::int64_t experts = w.model.experts->count;
  w.kernel(gemm(s.rows, experts, w.h, w.other));
  w.kernel(expert_router(s.rows, experts, w.model.experts->active));
  w.kernel(routing(s.rows, w.h, w.model.experts->active, w.other));
}

// Rows arrive by sender: sorted by expert where this rank holds several.
void sort_by_expert(StepWriter& w, const ExpertSizes& s) {
  if (w.context.plan.expert > 1 && s.local > 1 && !w.software.fused_dispatch)
    w.kernel(routing(s.received, w.h, 1, w.other));
}

// Weighted sum of what the chosen experts give for a token, and (backward) the sum of their input gradients.
void combine(StepWriter& w, const ExpertSizes& s) {
  if (routes(w)) w.kernel(expert_combine(s.rows, w.h, w.model.experts->active, w.other));
}

void gather_to_experts(StepWriter& w, const ExpertSizes& s) {
  w.collective(CollectiveKind::all_gather, Peers::expert_tensor, bytes_of(w, s.received));
}
void scatter_from_experts(StepWriter& w, const ExpertSizes& s) {
  w.collective(CollectiveKind::reduce_scatter, Peers::expert_tensor, bytes_of(w, s.received));
}

// Without sequence parallelism all tensor ranks go on with all tokens.
void share_sums(StepWriter& w) {
  if (w.t > 1 && !sequence_parallel(w)) w.collective(CollectiveKind::all_gather, Peers::tensor, activation_bytes(w));
}

void shared_experts_forward(StepWriter& w, bool stop_early) {
  if (w.f == 0) return;
  gather_and(w, [&] { linear(w, w.tokens, w.branches * w.f, w.h); });
  activation_forward(w, static_cast<double>(w.tokens) * static_cast<double>(w.f));
  if (stop_early) return;
  linear_and_leave(w, w.f);
  w.elementwise(static_cast<double>(w.rows * w.h), 3 * w.e);  // added to the routed sum
}

void shared_experts_backward(StepWriter& w) {
  if (w.f == 0) return;
  gather_and(w, [&] { data_gradient(w, w.tokens, w.h, w.f); });
  weight_gradient(w, w.tokens, w.h, w.f);
  activation_backward(w, static_cast<double>(w.tokens) * static_cast<double>(w.f));
  entering_linear_backward(w, w.branches * w.f, w.h);
  w.elementwise(static_cast<double>(w.rows * w.h), 3 * w.e);
}

bool shares_time(const StepWriter& w) {
  return w.software.shared_expert_overlap && w.f > 0 && w.context.plan.expert > 1;
}

// The all-to-all, with the shared experts beside it where the software overlaps them.
template <class Shared> void exchange_beside(StepWriter& w, const ExpertSizes& s, Shared shared) {
  const bool beside = shares_time(w);
  exchange(w, s, beside);
  if (!beside) return;
  shared();
  if (!w.software.expert_overlap) w.wait();
}

// Bytes per element of what Megatron-Core does apart from its fused kernels (megatron/core/transformer/moe/experts.py,
// _apply_bias; fusions/fused_bias_geglu.py): the bias of every expert times the weight of the row becomes an fp32 matrix,
// is added, joined and cast back, and its gradient passes the same way; branches are limited and joined.
struct BiasTraffic {
  double forward, backward;
};
BiasTraffic bias_traffic(const StepWriter& w) { return {20 + 4 * w.e, 30 + 3 * w.e}; }
BiasTraffic clamp_traffic(const StepWriter& w) { return {4 * w.e, 5 * w.e}; }

void unfused_bias(StepWriter& w, const ExpertSizes& s, bool forward) {
  if (!w.model.experts->biases || w.software.fused_experts) return;
  const BiasTraffic bytes = bias_traffic(w);
  w.elementwise(static_cast<double>(s.received) * static_cast<double>(w.h), forward ? bytes.forward : bytes.backward,
                static_cast<int>((forward ? 2 : 5) * s.local + 2));
}
void unfused_clamp(StepWriter& w, const ExpertSizes& s, bool forward) {
  if (!w.model.experts->clamped || w.software.fused_experts) return;
  const BiasTraffic bytes = clamp_traffic(w);
  w.elementwise(static_cast<double>(s.received) * static_cast<double>(w.branches * s.width),
                forward ? bytes.forward : bytes.backward, 3);
}

double activated(const ExpertSizes& s) { return static_cast<double>(s.received) * static_cast<double>(s.width); }

}  // namespace

void experts_forward(StepWriter& w, bool stop_early) {
  const ExpertSizes s = expert_sizes(w.context);
  router_forward(w, s);
  exchange_beside(w, s, [&] { shared_experts_forward(w, stop_early); });
  gather_to_experts(w, s);
  sort_by_expert(w, s);
  linear(w, s.per_expert, w.branches * s.width, w.h, s.busy);
  unfused_clamp(w, s, true);
  if (!w.software.fused_experts) activation_forward(w, activated(s));
  if (!stop_early) {
    linear(w, s.per_expert, w.h, s.width, s.busy);
    unfused_bias(w, s, true);
    sort_by_expert(w, s);
    scatter_from_experts(w, s);
    exchange(w, s, false);
    combine(w, s);
  }
  if (!shares_time(w)) shared_experts_forward(w, stop_early);
  if (!stop_early) share_sums(w);
}

void experts_backward(StepWriter& w) {
  const ExpertSizes s = expert_sizes(w.context);
  if (!shares_time(w)) shared_experts_backward(w);
  if (routes(w)) w.kernel(expert_combine(s.rows, w.h, w.model.experts->active, w.other));  // its gradient
  exchange_beside(w, s, [&] { shared_experts_backward(w); });
  gather_to_experts(w, s);
  sort_by_expert(w, s);
  unfused_bias(w, s, false);
  data_gradient(w, s.per_expert, w.h, s.width, s.busy);
  weight_gradient(w, s.per_expert, w.h, s.width, s.busy);
  if (!w.software.fused_experts) activation_backward(w, activated(s));
  unfused_clamp(w, s, false);
  data_gradient(w, s.per_expert, w.branches * s.width, w.h, s.busy);
  weight_gradient(w, s.per_expert, w.branches * s.width, w.h, s.busy);
  sort_by_expert(w, s);
  scatter_from_experts(w, s);
  exchange(w, s, false);
  combine(w, s);
  if (routes(w)) {
    const std::int64_t experts = w.model.experts->count;
    w.kernel(expert_router(s.rows, experts, w.model.experts->active));  // the gradient of what it chose by
    w.kernel(gemm(s.rows, w.h, experts, w.other));
    w.kernel(gemm(experts, w.h, s.rows, w.other));
  }
  share_sums(w);
}

}  // namespace orrery
