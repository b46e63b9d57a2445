// What the parts of a layer share: linear layers with their two backward products, normalization, residual and activation
// chains, and how a tensor-parallel region is entered and left. `experts` identical products of m rows each run as one
// grouped product (one per expert where the software does not group them).
#pragma once

#include "models/step_writer.hpp"

namespace orrery {

bool low_precision(DataType);

// Products of a linear layer of n outputs and k inputs on m rows.
void linear(StepWriter&, std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t experts = 1);
void data_gradient(StepWriter&, std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t experts = 1);
void weight_gradient(StepWriter&, std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t experts = 1);
// Adds a gradient of so many parameters to what earlier micro-batches gave; `fused`: the product that makes it does.
void accumulate_gradient(StepWriter&, double parameters, bool fused);

void normalization_forward(StepWriter&, std::int64_t rows, std::int64_t width);
void normalization_backward(StepWriter&, std::int64_t rows, std::int64_t width);
void residual_forward(StepWriter&);  // bias, dropout and residual addition
void residual_backward(StepWriter&);
void activation_forward(StepWriter&, double elements);  // of one branch
void activation_backward(StepWriter&, double elements);

double activation_bytes(const StepWriter&);  // of the tokens of one micro-batch, hidden wide
bool sequence_parallel(const StepWriter&);
void enter_tensor_region(StepWriter&);
void leave_tensor_region(StepWriter&);
// With user buffers the collective of sequence parallelism and the product beside it are cut into pieces that run
// pipelined: both start together and what follows waits for both.
bool pipelined(const StepWriter&);
template <class Product> void gather_and(StepWriter& w, Product product) {
  if (!pipelined(w)) {
    enter_tensor_region(w);
    return product();
  }
  w.collective(CollectiveKind::all_gather, Peers::tensor, activation_bytes(w), true);
  product();
  w.wait();
}
void linear_and_leave(StepWriter&, std::int64_t k);
// The backward pass of the linear layer that enters a tensor-parallel region: the collective on its input gradient can
// hide behind the weight gradient.
void entering_linear_backward(StepWriter&, std::int64_t n, std::int64_t k);

}  // namespace orrery
