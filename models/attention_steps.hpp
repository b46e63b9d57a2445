// The attention block of a layer, between its normalization and its residual addition: projections (or the narrow ones of
// latent attention, DeepSeek-V2, arXiv:2405.04434, section 2.1), rotary embedding, scores and their product with the
// values, fused or not, over the whole sequence, a sliding window or a context-parallel share of it.
// A windowed query computes whole tiles of 128 keys: half a tile beyond its window, on average, beside the diagonal's.
// Under context parallelism a windowed layer is one kernel over the keys of all ranks, not a ring of pieces whose results are
// merged (Transformer Engine has windows with gathered keys only): so a window of almost the whole sequence takes less than none
// where merging takes time. Its keys are taken to travel behind computing all the same.
// Fused attention with unequal query-key and value widths is priced as one of their mean width, which has the same FLOPs
// and bytes.
#pragma once

#include "models/step_parts.hpp"

namespace orrery {

void attention_forward(StepWriter&);
void attention_backward_pass(StepWriter&);
// Scores, softmax, dropout and the product with the values, while the keys and values of other context-parallel ranks arrive:
// what selective recomputation repeats.
void ring_forward(StepWriter&);
bool unfused_attention(const StepWriter&);
// Of the keys of a sequence, those that a row's scores are computed for where they are not fused, masked ones included: all;
// of a causal ring a rank's own piece whole and half of each other one.
double unfused_key_share(const StepContext&);

}  // namespace orrery
