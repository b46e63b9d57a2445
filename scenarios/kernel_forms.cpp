#include "scenarios/kernel_forms.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>

#include <fmt/format.h>

#include "kernels/expert_shapes.hpp"
#include "kernels/grid_shapes.hpp"
#include "kernels/shapes.hpp"

namespace orrery {

namespace {

using Sizes = KernelSizes;

std::int64_t whole(const Sizes& sizes, std::string_view name) {
  return static_cast<std::int64_t>(sizes.find(name)->second);
}
double real(const Sizes& sizes, std::string_view name) { return sizes.find(name)->second; }

// Read once and written once, unless the user says otherwise.
double moved(const Sizes& sizes, DataType type) {
  const double given = real(sizes, "bytes-per-element");
  return given > 0 ? given : 2 * bytes_per_element(type);
}

using AttentionKernel = Kernel (*)(std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                                   bool, DataType, int);
Kernel build_attention(AttentionKernel shape, const Sizes& s, DataType type) {
  const std::int64_t queries = whole(s, "sequence"), keys = whole(s, "key-length"), heads = whole(s, "heads"),
                     kv = whole(s, "kv-heads");
  return shape(queries, keys > 0 ? keys : queries, whole(s, "head-dim"), whole(s, "batch"), heads, kv > 0 ? kv : heads,
               real(s, "causal") != 0, type, static_cast<int>(whole(s, "generation")));
}

const std::vector<KernelSize> attention_sizes = {
    {"sequence", "query rows", {}},
    {"key-length", "keys (0: as many as queries)", 0},
    {"head-dim", "width of one head", 128},
    {"batch", "sequences, or matrices of a batched product", 1},
    {"heads", "query heads", 1},
    {"kv-heads", "key-value heads (0: as many as query heads)", 0},
    {"causal", "1: each position sees only earlier ones", 0},
    {"generation", "of the algorithm: 1 first fused, 2 FlashAttention-2, 3 cuDNN or FlashAttention-3", 2}};

const KernelSize bytes_per_element_size = {"bytes-per-element",
                                           "traffic per element (0: one read and one write of the type)", 0, false};

const std::vector<KernelSize> row_sizes = {
    {"rows", "rows", {}}, {"columns", "elements of a row", {}}, bytes_per_element_size};

const CatalogEntry<KernelForm> forms[] = {
    {"gemm",
     "matrix product of m x k and k x n",
     {KernelKind::gemm,
      DataType::bf16,
      {{"m", "rows of the product", {}},
       {"n", "columns of the product", {}},
       {"k", "inner dimension", {}},
       {"batch", "sequences, or matrices of a batched product", 1}},
      [](const Sizes& s, DataType t) {
        return gemm(whole(s, "m"), whole(s, "n"), whole(s, "k"), t, whole(s, "batch"));
      }}},
    {"attention",
     "fused attention, forward",
     {KernelKind::attention, DataType::bf16, attention_sizes,
      [](const Sizes& s, DataType t) { return build_attention(attention, s, t); }}},
    {"attention-backward",
     "fused attention, backward",
     {KernelKind::attention_backward, DataType::bf16, attention_sizes,
      [](const Sizes& s, DataType t) { return build_attention(attention_backward, s, t); }}},
    {"softmax",
     "softmax of rows",
     {KernelKind::softmax, DataType::bf16, row_sizes,
      [](const Sizes& s, DataType t) { return softmax(whole(s, "rows"), whole(s, "columns"), moved(s, t), t); }}},
    {"normalization",
     "layer norm or RMS norm of rows",
     {KernelKind::normalization, DataType::bf16, row_sizes,
      [](const Sizes& s, DataType t) { return normalization(whole(s, "rows"), whole(s, "columns"), moved(s, t), t); }}},
    {"elementwise",
     "element-wise chain",
     {KernelKind::elementwise,
      DataType::bf16,
      {{"elements", "elements", {}},
       bytes_per_element_size,
       {"flops-per-element", "vector FLOPs per element", 1, false},
       {"launches", "device kernels that do it", 1}},
      [](const Sizes& s, DataType t) {
        const double elements = real(s, "elements");
        return elementwise(whole(s, "elements"), moved(s, t) * elements, real(s, "flops-per-element") * elements, t,
                           static_cast<int>(whole(s, "launches")));
      }}},
    {"embedding",
     "look-up of table rows",
     {KernelKind::embedding,
      DataType::bf16,
      {{"tokens", "tokens", {}}, {"hidden", "width of a row", {}}},
      [](const Sizes& s, DataType t) { return embedding(whole(s, "tokens"), whole(s, "hidden"), t); }}},
    {"cross-entropy",
     "loss over the vocabulary",
     {KernelKind::cross_entropy,
      DataType::bf16,
      {{"tokens", "tokens", {}}, {"vocabulary", "logits per token", {}}, bytes_per_element_size},
      [](const Sizes& s, DataType t) {
        return cross_entropy(whole(s, "tokens"), whole(s, "vocabulary"), moved(s, t), t);
      }}},
    {"optimizer",
     "Adam update",
     {KernelKind::optimizer,
      DataType::fp32,
      {{"parameters", "parameters updated", {}},
       {"bytes-per-parameter", "traffic per parameter (28: fp32 weight, two moments read and written, gradient read)",
        28, false},
       {"launches", "device kernels that do it", 1}},
      [](const Sizes& s, DataType) {
        return optimizer_step(real(s, "parameters"), real(s, "bytes-per-parameter"),
                              static_cast<int>(whole(s, "launches")));
      }}},
    {"copy",
     "memory copy",
     {KernelKind::copy,
      DataType::int8,
      {{"bytes", "bytes copied: as many are read and as many written", {}}},
      [](const Sizes& s, DataType) { return memory_copy(real(s, "bytes")); }}},
    {"routing",
     "tokens to their experts",
     {KernelKind::routing,
      DataType::bf16,
      {{"tokens", "tokens", {}}, {"hidden", "width of a row", {}}, {"copies", "experts per token", 1}},
      [](const Sizes& s, DataType t) {
        return routing(whole(s, "tokens"), whole(s, "hidden"), whole(s, "copies"), t);
      }}},
    {"grouped-gemm",
     "products of the experts of a layer, in one launch",
     {KernelKind::gemm,
      DataType::bf16,
      {{"rows", "rows of all experts: tokens times experts per token", {}},
       {"experts", "experts that have rows", {}},
       {"busiest", "rows of the busiest expert (0: as even as can be)", 0},
       {"n", "columns of the product", {}},
       {"k", "inner dimension", {}}},
      [](const Sizes& s, DataType t) {
        return grouped_gemm(whole(s, "rows"), whole(s, "experts"), whole(s, "busiest"), whole(s, "n"), whole(s, "k"),
                            t);
      }}},
    {"router",
     "softmax over the experts and choice of the best",
     {KernelKind::routing,
      DataType::fp32,
      {{"tokens", "tokens", {}}, {"experts", "experts", {}}, {"copies", "experts per token", 1}},
      [](const Sizes& s, DataType) {
        return expert_router(whole(s, "tokens"), whole(s, "experts"), whole(s, "copies"));
      }}},
    {"combine",
     "weighted sum of what the experts of a token return",
     {KernelKind::routing,
      DataType::bf16,
      {{"tokens", "tokens", {}}, {"hidden", "width of a row", {}}, {"copies", "experts per token", 1}},
      [](const Sizes& s, DataType t) {
        return expert_combine(whole(s, "tokens"), whole(s, "hidden"), whole(s, "copies"), t);
      }}},
    {"quantize",
     "conversion from bf16 to a narrow format",
     {KernelKind::quantize,
      DataType::fp8,
      {{"elements", "elements", {}}},
      [](const Sizes& s, DataType t) { return quantize(whole(s, "elements"), DataType::bf16, t); }}},
    {"dequantize",
     "conversion from a narrow format to bf16",
     {KernelKind::quantize,
      DataType::fp8,
      {{"elements", "elements", {}}},
      [](const Sizes& s, DataType t) {
        Kernel kernel = quantize(whole(s, "elements"), t, DataType::bf16);
        kernel.type = t;
        return kernel;
      }}},
    {"reduction",
     "sum of several tensors",
     {KernelKind::reduction,
      DataType::bf16,
      {{"elements", "elements", {}}, {"inputs", "tensors added into one", 2}},
      [](const Sizes& s, DataType t) { return reduction(whole(s, "elements"), whole(s, "inputs"), t); }}},
    {"convolution",
     "convolution as the product it is computed by",
     {KernelKind::convolution,
      DataType::bf16,
      {{"output-positions", "output pixels of all images", {}},
       {"output-channels", "output channels", {}},
       {"kernel-positions", "3 x 3 is 9", {}},
       {"input-channels", "input channels", {}},
       {"input-positions", "input pixels of all images (0: as many as output)", 0}},
      [](const Sizes& s, DataType t) {
        const std::int64_t out = whole(s, "output-positions"), in = whole(s, "input-positions");
        return convolution(out, whole(s, "output-channels"), whole(s, "kernel-positions"), whole(s, "input-channels"),
                           in > 0 ? in : out, t);
      }}},
    {"stencil",
     "one sweep over a grid",
     {KernelKind::stencil,
      DataType::fp64,
      {{"cells", "cells of the grid", {}},
       {"points", "of the stencil", 7},
       {"order", "of a star in three dimensions, instead of its points: 2 has 7, 4 has 13, 8 has 25 (0: as points say)",
        0},
       {"variables", "updated per cell, each by the stencil", 1},
       {"halo", "depth of the halo in cells, read on all six faces", 0}},
      [](const Sizes& s, DataType t) {
        const int order = static_cast<int>(whole(s, "order"));
        return grid_sweep({whole(s, "cells"), order > 0 ? star_points(order) : static_cast<int>(whole(s, "points")),
                           static_cast<int>(whole(s, "variables")), static_cast<int>(whole(s, "halo"))},
                          t);
      }}},
    {"fft",
     "complex Fourier transforms",
     {KernelKind::fft,
      DataType::fp64,
      {{"length", "points of a transform", {}},
       {"transforms", "how many", 1},
       {"passes", "over memory (0: as few as the memory of a core allows)", 0}},
      [](const Sizes& s, DataType t) {
        return fft(whole(s, "length"), whole(s, "transforms"), static_cast<int>(whole(s, "passes")), t);
      }}},
    {"sparse-matrix-vector",
     "sparse matrix in compressed rows, times a vector",
     {KernelKind::sparse_matrix_vector,
      DataType::fp64,
      {{"rows", "rows, and as many columns", {}},
       {"non-zeros", "stored elements", {}},
       {"fetches", "of each element of the vector from memory, as far as caches do not hold it", 1, false}},
      [](const Sizes& s, DataType t) {
        return sparse_matrix_vector(whole(s, "rows"), whole(s, "non-zeros"), t, real(s, "fetches"));
      }}},
    {"spiking-step",
     "one time step of a spiking network",
     {KernelKind::spiking_step,
      DataType::fp32,
      {{"neurons", "neurons", {}}, {"synaptic-events", "events delivered", {}}},
      [](const Sizes& s, DataType t) { return spiking_step(whole(s, "neurons"), real(s, "synaptic-events"), t); }}},
};

std::string names_of(const std::vector<KernelSize>& sizes) {
  std::string all;
  for (const KernelSize& size : sizes) all += (all.empty() ? "--" : ", --") + std::string(size.name);
  return all;
}

// Kept in fewer than 64 bits.
constexpr std::string_view small_sizes[] = {"launches", "passes", "points", "order", "variables", "halo"};

constexpr double largest_size = 9007199254740992;  // 2^53: a double holds it exactly, and an int64

// A count that a double holds exactly and an int64 can hold, small ones where the kernel stores 16 bits.
void check(const KernelSize& size, double value) {
  const bool may_be_zero = size.otherwise.has_value() && *size.otherwise <= 0;
  const std::string expected = may_be_zero ? "0 or more" : "more than 0";
  if (!std::isfinite(value) || value < 0 || (value == 0 && !may_be_zero && size.name != "flops-per-element"))
    throw std::invalid_argument(fmt::format("--{}: expected {}, found {:g}", size.name, expected, value));
  if (value > largest_size)
    throw std::invalid_argument(fmt::format("--{}: expected at most 2^53, found {:g}", size.name, value));
  if (size.whole && value != std::floor(value))
    throw std::invalid_argument(fmt::format("--{}: expected a whole number, found {:g}", size.name, value));
  const bool small = std::find(std::begin(small_sizes), std::end(small_sizes), size.name) != std::end(small_sizes);
  if (small && value > 65535)
    throw std::invalid_argument(fmt::format("--{}: expected at most 65535, found {:g}", size.name, value));
  if (size.name == "generation" && value > 3)
    throw std::invalid_argument(fmt::format("--generation: expected 1, 2 or 3, found {:g}", value));
  if (size.name == "order" && std::fmod(value, 2) != 0)
    throw std::invalid_argument(fmt::format("--order: expected an even number, found {:g}", value));
  if (size.name == "causal" && value > 1)
    throw std::invalid_argument(fmt::format("--causal: expected 0 or 1, found {:g}", value));
}

// Sizes that the kernels multiply in integers.
constexpr std::array<std::string_view, 3> multiplied[] = {{"batch", "heads", "sequence"},
                                                          {"batch", "heads", "key-length"},
                                                          {"tokens", "copies", ""},
                                                          {"kernel-positions", "input-channels", ""},
                                                          {"experts", "busiest", ""}};

// What one size allows another; `given` are those without their defaults.
void check_together(const KernelSizes& sizes, const KernelSizes& given) {
  const auto of = [&](std::string_view name) {
    const auto it = sizes.find(name);
    return it == sizes.end() ? 0.0 : it->second;
  };
  for (const auto& names : multiplied) {
    double product = 1;
    std::string all;
    for (const std::string_view name : names) {
      if (sizes.count(name) == 0) continue;
      product *= std::max(1.0, of(name));  // 0 stands for a default that another size bounds
      all += (all.empty() ? "--" : " x --") + std::string(name);
    }
    if (product > largest_size)
      throw std::invalid_argument(fmt::format("{}: expected at most 2^53, found {:g}", all, product));
  }
  if (of("order") > 0 && given.count("points") > 0 && of("points") != star_points(static_cast<int>(of("order"))))
    throw std::invalid_argument(fmt::format("--points: expected none beside --order {:g}, which has {}, found {:g}",
                                            of("order"), star_points(static_cast<int>(of("order"))), of("points")));
  if (sizes.count("experts") > 0 && of("copies") > of("experts"))
    throw std::invalid_argument(
        fmt::format("--copies: expected at most --experts ({:g}), found {:g}", of("experts"), of("copies")));
  if (const double kv = of("kv-heads"); kv > 0 && std::fmod(of("heads"), kv) != 0)
    throw std::invalid_argument(
        fmt::format("--kv-heads: expected a divisor of --heads ({:g}), found {:g}", of("heads"), kv));
  if (const double columns = of("rows"), stored = of("non-zeros"); stored > 0) {
    if (stored > columns * columns)
      throw std::invalid_argument(
          fmt::format("--non-zeros: expected at most --rows x --rows ({:g}), found {:g}", columns * columns, stored));
    if (const double most = std::max(1.0, stored / columns); of("fetches") > most)
      throw std::invalid_argument(
          fmt::format("--fetches: expected at most the {:g} elements that a column has in the mean, found {:g}", most,
                      of("fetches")));
  }
  const double experts = of("experts"), rows = of("rows"), even = experts > 0 ? std::ceil(rows / experts) : 0;
  if (experts > 0 && rows > 0 && experts > rows)
    throw std::invalid_argument(
        fmt::format("--experts: expected at most one per row ({:g}), found {:g}", rows, experts));
  if (const double busiest = of("busiest"); busiest > 0 && (busiest < even || busiest > rows - experts + 1))
    throw std::invalid_argument(fmt::format("--busiest: expected {:g} to {:g} of {:g} rows on {:g} experts, found {:g}",
                                            even, rows - experts + 1, rows, experts, busiest));
}

}  // namespace

std::span<const CatalogEntry<KernelForm>> kernel_forms() { return forms; }

std::vector<KernelSize> all_kernel_sizes() {
  std::vector<KernelSize> all;
  for (const auto& form : forms)
    for (const KernelSize& size : form.value.sizes)
      if (std::none_of(all.begin(), all.end(), [&](const KernelSize& s) { return s.name == size.name; }))
        all.push_back(size);
  return all;
}

SizedKernel build_kernel(const CatalogEntry<KernelForm>& form, const KernelSizes& given, DataType type) {
  const std::vector<KernelSize>& takes = form.value.sizes;
  for (const auto& [name, value] : given)
    if (std::none_of(takes.begin(), takes.end(), [&](const KernelSize& size) { return size.name == name; }))
      throw std::invalid_argument(fmt::format("--{}: {} takes {}", name, form.name, names_of(takes)));
  SizedKernel result;
  for (const KernelSize& size : takes) {
    const auto it = given.find(size.name);
    if (it == given.end() && !size.otherwise)
      throw std::invalid_argument(fmt::format("--{} is missing: {}", size.name, size.description));
    const double value = it == given.end() ? *size.otherwise : it->second;
    check(size, value);
    result.sizes.emplace(size.name, value);
  }
  check_together(result.sizes, given);
  result.kernel = form.value.build(result.sizes, type);
  // What a 0 stands for goes without saying, and an order says the points.
  for (const KernelSize& size : takes)
    if (size.otherwise && *size.otherwise == 0 && result.sizes.at(std::string(size.name)) == 0)
      result.sizes.erase(std::string(size.name));
  if (result.sizes.count("order") > 0) result.sizes["points"] = star_points(static_cast<int>(result.sizes.at("order")));
  return result;
}

}  // namespace orrery
