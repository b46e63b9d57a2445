// A mixture of experts in place of a feed-forward network, as one rank of an expert-parallel group runs it (Lepikhin et al.
// 2020; Megatron-Core MoE, arXiv:2504.14960): router, permutation, all-to-all to the ranks that hold the chosen experts,
// one grouped product per matrix over the local experts, all-to-all back, weighted sum. Experts that are split among
// expert-tensor ranks gather their tokens first and scatter the sums. Shared experts see every token.
// Tokens spread evenly over experts; every tensor rank routes its own share of the tokens (with sequence parallelism it
// holds no others; without, the sums are gathered at the end). One expert routes nothing: the products of a dense network,
// with the exchange of expert-tensor ranks and the padding that it states.
#pragma once

#include "models/step_parts.hpp"

namespace orrery {

struct ExpertSizes {
  std::int64_t rows = 0;      // tokens that this rank routes
  std::int64_t sent = 0;      // copies of them that leave for experts (and come back)
  std::int64_t received = 0;  // rows that the local experts compute, padding and expert-tensor peers' included
  std::int64_t local = 0;     // experts on this rank
  std::int64_t busy = 0;      // of them, with a row at least
  std::int64_t per_expert = 0;
  std::int64_t width = 0;  // of one branch of an expert on this rank
};
ExpertSizes expert_sizes(const StepContext&);

// `stop_early`: of a recomputation, which may end before what nobody saves.
void experts_forward(StepWriter&, bool stop_early);
void experts_backward(StepWriter&);

// Kernels that the host launches one by one for the experts of one layer (see SoftwareProfile::host_per_expert_launch); none
// where there is one expert, whose products are those of a dense network.
double expert_launches(const StepContext&, bool forward);

}  // namespace orrery
