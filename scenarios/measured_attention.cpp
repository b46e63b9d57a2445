#include "scenarios/measured_attention.hpp"

#include <algorithm>
#include <cctype>
#include <optional>

#include "kernels/shapes.hpp"
#include "scenarios/lower_case.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

struct AttentionShape {
  std::int64_t queries, keys, d, batch, heads, kv_heads;
  bool causal;
  DataType type;
};

// Scores, softmax and context as separate kernels; a causal mask is one more pass over the scores.
void unfused_attention(KernelCase& work, const AttentionShape& a, bool backward) {
  const std::int64_t batch = a.batch * a.heads;
  const double e = bytes_per_element(a.type),
               scores = static_cast<double>(batch) * static_cast<double>(a.queries) * static_cast<double>(a.keys);
  const auto pass = [&](double bytes, int launches) {
    add(work, elementwise(static_cast<std::int64_t>(scores), bytes * scores, scores, a.type, launches));
  };
  add(work, gemm(a.queries, a.keys, a.d, a.type, batch));
  pass(a.causal ? 4 * e : 2 * e, a.causal ? 2 : 1);  // scale, mask
  add(work, softmax(batch * a.queries, a.keys, 2 * e, a.type));
  add(work, gemm(a.queries, a.d, a.keys, a.type, batch));
  if (!backward) return;
  for (int product = 0; product < 2; ++product) add(work, gemm(a.queries, a.keys, a.d, a.type, batch));
  add(work, softmax(batch * a.queries, a.keys, 3 * e, a.type));
  pass(a.causal ? 4 * e : 2 * e, a.causal ? 2 : 1);
  for (int product = 0; product < 2; ++product) add(work, gemm(a.queries, a.d, a.keys, a.type, batch));
}

// The number behind the name of the library: "FlashAttention-2 (v2.3.3)", "flash-attn v3", "FA2". Nothing where there is none.
std::optional<int> flash_generation(const std::string& bare) {
  for (const std::string_view before : {"flashattention", "flashattn", "flash", "fa"}) {
    const std::size_t at = bare.find(before);
    if (at == std::string::npos || (before == "fa" && at > 0)) continue;
    std::string_view rest = std::string_view(bare).substr(at + before.size());
    if (rest.starts_with('v')) rest.remove_prefix(1);
    if (!rest.empty() && rest[0] >= '1' && rest[0] <= '9') return std::min(rest[0] - '0', 3);
  }
  return std::nullopt;
}

struct AttentionWord {
  std::string_view word;  // letters and digits alone
  int generation;
};
// 0: unfused. Words that say so come first: "PyTorch 2.3 sdpa (math)".
constexpr AttentionWord unfused_words[] = {{"standard", 0}, {"naive", 0}, {"eager", 0}, {"unfused", 0}, {"math", 0}};
constexpr AttentionWord fused_words[] = {{"cudnn", 3},           {"triton", 2}, {"sdpa", 2},
                                         {"scaleddot", 2},       {"flash", 1},  {"xformers", 1},
                                         {"memoryefficient", 1}, {"pytorch", 0}};

// Nothing for a name that is not known.
std::optional<int> generation_of(const std::string& stated) {
  const std::string name = bare_name(stated);
  const auto word_of = [&](const auto& words) -> std::optional<int> {
    for (const AttentionWord& known : words)
      if (name.find(known.word) != std::string::npos) return known.generation;
    return std::nullopt;
  };
  if (const auto unfused = word_of(unfused_words)) return unfused;
  if (name.find("cudnn") == std::string::npos)
    if (const auto flash = flash_generation(name)) return flash;
  return word_of(fused_words);
}

int generation_by_device(const MeasuredRow& row) {
  constexpr std::int64_t year_of_second = 2020;  // Ampere, and the accelerators of its time
  const std::string generation = row.text("accelerator_generation").value_or("");
  if (generation.starts_with("hopper") || generation.starts_with("blackwell")) return 3;
  return row.integer("accelerator_year").value_or(year_of_second) >= year_of_second ? 2 : 1;
}

}  // namespace

void attention_case(KernelCase& work, const MeasuredRow& row, const std::string& kernel, RulesUsed& used) {
  const auto stated = row.text("implementation");
  std::optional<int> named = generation_of(stated ? *stated : row.text("operation").value_or(""));
  if (!named) {
    named = generation_by_device(row);
    used.insert(Rule::attention_by_device);
  }
  const int generation = *named;
  work.kernel_class = generation == 0 ? "attention, unfused" : "attention";  // a chain of products and softmax
  const std::int64_t sequence = size_of(row, "sequence"), d = size_of(row, "head_dim");
  AttentionShape a{sequence,
                   size_or(row, "key_length", sequence),
                   d,
                   size_of(row, "batch"),
                   size_or(row, "heads", std::max<std::int64_t>(1, 2048 / d)),
                   0,
                   row.flag("shape/causal").value_or(row.flag("causal").value_or(false)),
                   type_of(row, DataType::fp16, used)};
  if (!row.has("shape/heads") && !row.has("heads")) used.insert(Rule::unstated_heads);
  a.kv_heads = size_or(row, "kv_heads", a.heads);
  if (a.heads % a.kv_heads != 0)
    throw CannotSimulate(fmt::format("faulty row: {} heads on {} key-value heads", a.heads, a.kv_heads));
  const bool forward = kernel != "attention-backward",
             backward = kernel != "attention-forward" && kernel != "attention";
  if (generation == 0) {
    if (!forward) throw CannotSimulate("unfused attention backward alone is not modelled");
    unfused_attention(work, a, backward);
  } else {
    if (forward)
      add(work, attention(a.queries, a.keys, a.d, a.batch, a.heads, a.kv_heads, a.causal, a.type, generation));
    if (backward)
      add(work, attention_backward(a.queries, a.keys, a.d, a.batch, a.heads, a.kv_heads, a.causal, a.type, generation));
  }
  const double pairs = static_cast<double>(a.queries) * static_cast<double>(a.keys) * (a.causal ? 0.5 : 1.0);
  work.counted_flops = (forward ? 4.0 : 0.0) * pairs * static_cast<double>(a.d * a.batch * a.heads);
  if (backward) work.counted_flops += 10.0 * pairs * static_cast<double>(a.d * a.batch * a.heads);
}

}  // namespace orrery
