#include "scenarios/measured_kernels.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/shapes.hpp"
#include "sim/catalog.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

constexpr double streamed_bytes = 1024.0 * 1024 * 1024;

DataType precision_of(const MeasuredRow& row, DataType otherwise) {
  const auto text = row.text("precision");
  if (!text) return otherwise;
  const std::string name = text->substr(0, text->find(' '));  // "fp16 inputs, fp32 accumulate"
  for (std::size_t t = 0; t < data_type_names.size(); ++t)
    if (data_type_names[t] == name) return static_cast<DataType>(t);
  throw CannotSimulate("unknown precision " + quote(*text));
}

std::int64_t size(const MeasuredRow& row, const std::string& name) {
  const auto shaped = row.integer("shape/" + name);
  const std::int64_t value = shaped ? *shaped : row.need_integer(name);
  if (value < 1) throw CannotSimulate(fmt::format("faulty row: {} is {}", name, value));
  return value;
}
std::int64_t size_or(const MeasuredRow& row, const std::string& name, std::int64_t otherwise) {
  return row.has("shape/" + name) || row.has(name) ? size(row, name) : otherwise;
}

void add(KernelCase& work, Kernel kernel) {
  work.counted_flops += kernel.flops;
  work.counted_bytes += kernel.bytes;
  work.kernels.push_back(kernel);
}

void gemm_case(KernelCase& work, const MeasuredRow& row, RulesUsed& used) {
  const std::string groups = row.has("shape/groups") ? "groups" : "batch",
                    m = row.has("shape/m_per_group") ? "m_per_group" : "m";
  Kernel kernel = gemm(size(row, m), size(row, "n"), size(row, "k"), precision_of(row, DataType::fp32),
                       size_or(row, groups, 1));
  const double flops = kernel.flops;
  if (work.accelerator == "google-tpu7x") {
    used.insert(Rule::half_chip);
    kernel = gemm(kernel.m, kernel.n, kernel.k, kernel.type, 2 * kernel.batch);
  }
  add(work, kernel);
  work.counted_flops = flops;
}

struct AttentionShape {
  std::int64_t s, d, batch, heads;
  bool causal;
  DataType type;
};

// Scores, softmax and context as separate kernels; a causal mask is one more pass over the scores.
void unfused_attention(KernelCase& work, const AttentionShape& a, bool backward) {
  const std::int64_t batch = a.batch * a.heads;
  const double e = bytes_per_element(a.type),
               scores = static_cast<double>(batch) * static_cast<double>(a.s) * static_cast<double>(a.s);
  const auto pass = [&](double bytes, int launches) {
    add(work, elementwise(static_cast<std::int64_t>(scores), bytes * scores, scores, a.type, launches));
  };
  add(work, gemm(a.s, a.s, a.d, a.type, batch));
  pass(a.causal ? 4 * e : 2 * e, a.causal ? 2 : 1);  // scale, mask
  add(work, softmax(batch * a.s, a.s, 2 * e, a.type));
  add(work, gemm(a.s, a.d, a.s, a.type, batch));
  if (!backward) return;
  for (int product = 0; product < 2; ++product) add(work, gemm(a.s, a.s, a.d, a.type, batch));
  add(work, softmax(batch * a.s, a.s, 3 * e, a.type));
  pass(a.causal ? 4 * e : 2 * e, a.causal ? 2 : 1);
  for (int product = 0; product < 2; ++product) add(work, gemm(a.s, a.d, a.s, a.type, batch));
}

int generation_of(const std::string& implementation) {  // 0 = unfused
  if (implementation.find("cuDNN") != std::string::npos || implementation.find("3") != std::string::npos) return 3;
  if (implementation.find("2") != std::string::npos || implementation.find("Triton") != std::string::npos) return 2;
  if (implementation.find("Flash") != std::string::npos || implementation.find("flash") != std::string::npos) return 1;
  if (implementation.find("PyTorch") != std::string::npos || implementation.find("Standard") != std::string::npos)
    return 0;
  throw CannotSimulate("attention implementation " + quote(implementation) + " is not modelled");
}

void attention_case(KernelCase& work, const MeasuredRow& row, const std::string& kernel, RulesUsed& used) {
  const auto stated = row.text("implementation");
  const int generation = generation_of(stated ? *stated : row.text("operation").value_or(""));
  AttentionShape a{size(row, "sequence"),
                   size(row, "head_dim"),
                   size(row, "batch"),
                   0,
                   row.flag("shape/causal").value_or(false),
                   precision_of(row, DataType::fp16)};
  if (!row.has("shape/heads")) used.insert(Rule::unstated_heads);
  a.heads = size_or(row, "heads", std::max<std::int64_t>(1, 2048 / a.d));
  const bool forward = kernel != "attention_backward",
             backward = kernel != "attention_forward" && kernel != "attention";
  if (generation == 0) {
    if (!forward) throw CannotSimulate("unfused attention backward alone is not modelled");
    unfused_attention(work, a, backward);
  } else {
    if (forward) add(work, attention(a.s, a.s, a.d, a.batch, a.heads, a.heads, a.causal, a.type, generation));
    if (backward) add(work, attention_backward(a.s, a.s, a.d, a.batch, a.heads, a.heads, a.causal, a.type, generation));
  }
  const double pairs = static_cast<double>(a.s) * static_cast<double>(a.s) * (a.causal ? 0.5 : 1.0);
  work.counted_flops = (forward ? 4.0 : 0.0) * pairs * static_cast<double>(a.d * a.batch * a.heads);
  if (backward) work.counted_flops += 10.0 * pairs * static_cast<double>(a.d * a.batch * a.heads);
}

// Every operator of one decoder layer (and the embedding) for a number of tokens, as an inference engine runs it.
void layer_case(KernelCase& work, const MeasuredRow& row) {
  const DataType type = DataType::fp16;
  const double e = bytes_per_element(type);
  const std::int64_t tokens = size(row, "tokens"), h = size(row, "hidden"), f = size(row, "ffn"),
                     heads = size(row, "heads"), kv = size(row, "kv_heads"), t = size(row, "tensor_parallel"),
                     d = h / heads;
  const std::int64_t query = heads / t * d, keys = std::max<std::int64_t>(1, kv / t) * d;
  // Two matrices before the activation, except in the phi family.
  const std::string model = row.need_text("model");
  const std::int64_t branches = model.find("phi") != std::string::npos ? 1 : 2;
  const auto pass = [&](std::int64_t width, double tensors) {
    const double elements = static_cast<double>(tokens) * static_cast<double>(width);
    add(work, elementwise(tokens * width, tensors * e * elements, elements, type));
  };
  add(work, embedding(tokens, h, type));
  add(work, normalization(tokens, h, 2 * e, type));
  add(work, gemm(tokens, query + 2 * keys, h, type));
  pass(query + keys, 2);  // rotary embedding
  add(work, gemm(tokens, h, query, type));
  add(work, normalization(tokens, h, 2 * e, type));
  add(work, gemm(tokens, branches * f / t, h, type));
  pass(f / t, static_cast<double>(branches) + 1);
  add(work, gemm(tokens, h, f / t, type));
  pass(h, 3);  // residual
}

std::string accelerator_of(const MeasuredRow& row) {
  for (const char* path : {"accelerator", "device", "gpu", "cluster/accelerator"}) {
    const auto name = row.text(path);
    if (!name) continue;
    // The short names that one table's columns use, as its file says.
    if (*name == "a100") return "nvidia-a100-sxm4-80gb";
    if (*name == "a40") return "nvidia-a40";
    if (*name == "v100") return "nvidia-v100";
    return *name;
  }
  throw CannotSimulate("the accelerator is not named");
}

bool streams(const std::string& kernel) { return kernel == "stream" || kernel.starts_with("stream_"); }

// A rate alone is of vectors long enough not to matter how long; a time is of the vectors whose length the row states.
void stream_case(KernelCase& work, const MeasuredRow& row, const std::string& kernel, RulesUsed& used) {
  if (!row.has("shape/elements")) {
    used.insert(Rule::streamed_size);
    add(work, elementwise(static_cast<std::int64_t>(streamed_bytes / 8), streamed_bytes, 0, DataType::fp32));
    return;
  }
  const DataType type = precision_of(row, DataType::fp64);
  const std::int64_t n = size(row, "elements");
  const int vectors = kernel == "stream_copy" || kernel == "stream_scale" ? 2 : 3;
  add(work,
      elementwise(n, vectors * bytes_per_element(type) * static_cast<double>(n), 2 * static_cast<double>(n), type));
}

}  // namespace

KernelCase kernel_case(const MeasuredRow& row, RulesUsed& used) {
  KernelCase work;
  work.accelerator = accelerator_of(row);
  if (row.has("mlp_up_proj_ms_median")) {
    layer_case(work, row);
    return work;
  }
  if (const Json* shape = row.at("shape"); shape && shape->contains("model"))
    throw CannotSimulate("its sizes are stated in words");
  const std::string kernel = row.text("kernel").value_or("");
  const bool product = row.has("m") && row.has("n") &&
                       row.has("k");  // a table of matrix products; its "kernel" is a library's name
  if (kernel == "gemm" || kernel == "grouped_gemm" || product) {
    gemm_case(work, row, used);
  } else if (kernel.starts_with("attention")) {
    attention_case(work, row, kernel, used);
  } else if (kernel == "softmax" || kernel == "layernorm" || kernel == "rmsnorm") {
    const DataType type = precision_of(row, DataType::fp16);
    const double moved = 2 * bytes_per_element(type);
    add(work, kernel == "softmax" ? softmax(size(row, "m"), size(row, "n"), moved, type)
                                  : normalization(size(row, "m"), size(row, "n"), moved, type));
  } else if (kernel == "gelu" || kernel == "silu" || kernel == "relu") {
    const DataType type = precision_of(row, DataType::fp16);
    const std::int64_t n = size(row, "elements");
    add(work, elementwise(n, 2 * bytes_per_element(type) * static_cast<double>(n), 8 * static_cast<double>(n), type));
  } else if (kernel == "copy") {
    add(work, memory_copy(static_cast<double>(size(row, "bytes"))));
  } else if (streams(kernel)) {
    stream_case(work, row, kernel, used);
  } else if (kernel == "stencil") {
    add(work, stencil(size(row, "cells"), static_cast<int>(size(row, "points")), precision_of(row, DataType::fp64)));
  } else if (kernel == "sparse_matrix_vector") {
    add(work, sparse_matrix_vector(size(row, "rows"), size(row, "non_zeros"), precision_of(row, DataType::fp64)));
  } else {
    throw CannotSimulate("kernel " + quote(kernel) + " is not modelled");
  }
  return work;
}

std::optional<double> measured_kernel_time(const MeasuredRow& row, const KernelCase& work) {
  for (const char* path : {"measured/time_s", "derived/time_s", "time_s"})
    if (const auto time = row.number(path)) return time;
  for (const char* path : {"time_ms", "latency_ms"})
    if (const auto time = row.number(path)) return *time * 1e-3;
  double layer_ms = 0;
  for (const char* name : {"emb", "input_layernorm", "attn_pre_proj", "attn_rope", "attn_post_proj",
                           "post_attention_layernorm", "mlp_up_proj", "mlp_act", "mlp_down_proj", "add"})
    layer_ms += row.number(std::string(name) + "_ms_median").value_or(0);
  if (layer_ms > 0) return layer_ms * 1e-3;
  if (const auto rate = row.number("measured/tflops"); rate && *rate > 0) return work.counted_flops / (*rate * 1e12);
  const Json* table = row.at("measured/GBs");
  const bool by_pattern = table && table->is_object();  // of several access patterns, STREAM's headline
  const auto rate = by_pattern ? (row.has("measured/GBs/triad") ? row.number("measured/GBs/triad")
                                                                : row.number("measured/GBs/scale"))
                               : row.number("measured/GBs");
  if (rate && *rate > 0) return work.counted_bytes / (*rate * 1e9);
  return std::nullopt;
}

}  // namespace orrery
