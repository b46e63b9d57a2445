#include "scenarios/measured_rules.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "scenarios/lower_case.hpp"
#include "sim/catalog.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

// In the order of Rule.
constexpr std::array<RuleText, 54> rules = {{
    {"recompute-none", "recomputation not stated: none",
     "default of the frameworks concerned; where full would need more than the fp8 peak (Megatron-Bridge), it is ruled "
     "out"},
    {"recompute-operator",
     "selective recomputation by operator that keeps half of the matrix products: half of the layers recomputed in "
     "full",
     "torchtitan documents what is kept; the share is our reading"},
    {"micro-batch",
     "micro-batch not stated: a rank's share of the batch at once, divided until it fits in memory; of pipelines and "
     "Megatron frameworks 2 sequences, or 1 where 2 do not divide the batch or fit",
     "frameworks accumulate only when they are told to; Megatron-Core r0.8 weak scaling"},
    {"interleaving",
     "pipeline with an unstated number of virtual stages: NVIDIA's NeMo recipes interleave with 6, or the most below 6 "
     "that the layers divide into; other frameworks do not interleave",
     "INTERLEAVED_PIPELINE=6 in NVIDIA's MLPerf 4.1 configuration of GPT-3 (4 in one of 4.0, 12 in the NeMo "
     "launcher's); "
     "Megatron-LM's default is none"},
    {"tensor-in-node",
     "split of model parallelism not stated: tensor-parallel as wide as a node (at most 8), the rest pipeline",
     "Narayanan et al. 2021, takeaway 1"},
    {"layer-split",
     "layers that do not divide into equal chunks: as even as possible, embedding and head counted as a layer each",
     "Megatron-LM's options for uneven stages count embedding and loss as layers"},
    {"zero-stage",
     "ZeRO stage not stated: that of the framework's name (ZeRO-2, FSDP: 3) or of how it shards by itself (torchtitan, "
     "llm-foundry, MaxText and other JAX: 3), else 0; at least 1 where a group to shard over is stated",
     "default of the frameworks concerned"},
    {"sequence-parallel", "sequence parallelism not stated: off", "default of the frameworks concerned"},
    {"scale-out-reference",
     "network between nodes, or the number of its ports, not stated: as in the library's nodes with that accelerator "
     "(and "
     "link), else as in the reference system with the same scale-up links",
     "nodes of the library; DGX-1, DGX A100, DGX H100/B200, MI300X platform, TPU hosts"},
    {"fabric-non-blocking",
     "fabric between nodes: non-blocking fat tree of 64-port switches (of 256-port ones beyond three levels)",
     "no source states its oversubscription"},
    {"torus-shape", "shape of a TPU slice: the most cubic (3D) or square (2D) one in steps of 4 chips",
     "Google Cloud TPU documentation lists these shapes"},
    {"even-domains", "more devices than one scale-up domain: spread evenly over the fewest domains, whole trays each",
     "how NVL72 systems are scheduled (64 of 72)"},
    {"masked-positions", "BERT pre-training: 20 predicted positions at sequence 128, 80 at 512",
     "maximum predictions per sequence of the published recipe"},
    {"length-binned",
     "BERT pre-training with binned batches: sequences as long as Wikipedia's passages are on average, 321 x (1 - "
     "exp(-longest / 321)) tokens, and half a bin of 64 of padding",
     "DeepLearningExamples trains phase 2 on bin_size_64; Krell et al. 2021 (arXiv:2107.02027): half of the tokens at "
     "512 "
     "are padding, which sets the 321"},
    {"normalization-by-family", "normalization: RMSNorm for gated feed-forward networks, else LayerNorm",
     "Llama and GPT families"},
    {"software-profile", "software profile chosen by the framework's name and generation", "models/software"},
    {"unstated-heads", "attention benchmark without a number of heads: hidden size 2048",
     "FlashAttention benchmark script"},
    {"streamed-size", "streaming benchmark without a size: 1 GiB moved", "long enough for launch time not to matter"},
    {"half-chip", "TPU7x: a JAX device is half a chip, so that a chip runs two such products at once",
     "Google tpu-recipes"},
    {"spread-over-nodes",
     "collective over several nodes: the same number of members on each node, first devices of each",
     "nccl-tests default"},
    {"algorithm-automatic", "a named collective algorithm that is not modelled: the automatic choice",
     "the library's own choice differs little at large sizes"},
    {"single-pass",
     "a forward pass by itself has no loss, and an encoder's ends with its last layer; fused operators mean fused "
     "softmax, "
     "normalization and element-wise chains",
     "with a vocabulary projection BERT would be 10 to 40 % slower beside GPT on each of six devices"},
    {"power-recipe",
     "power of BERT training: fine-tuning at sequence 384 (SQuAD) or 128 (sentences) in fp32; MLPerf at 512 in fp16 on "
     "a "
     "reference node with its host; ResNet-50 at 224 x 224, its fp32 convolutions in TF32 where there is any, fp16 at "
     "MLPerf",
     "defaults of the Hugging Face examples and of PyTorch; MLPerf BERT reference"},
    {"power-limit", "a board held to a lower limit than its own lowers its clock until it draws no more (power.limit)",
     "power limits of NVIDIA boards are held by their clocks (nvidia-smi)"},
    {"own-power-limit", "a stated power limit above the board's own: the board's own",
     "no board of the library exceeds the limit of its data sheet"},
    {"balanced-experts", "tokens spread evenly over the experts, none dropped; experts are not split by tensors",
     "Megatron-Bridge performance recipes: moe_router_force_load_balancing, expert_tensor_parallel_size = 1"},
    {"unknown-framework",
     "framework not known: Megatron-Core with tensor or pipeline parallelism, PyTorch FSDP or DDP without, MaxText on "
     "TPU",
     "the most common frameworks with that parallelism"},
    {"host-activations",
     "fully sharded Megatron on a Grace superchip: the activations of half the layers are kept in host memory",
     "Megatron-Bridge performance recipes of Llama 3 70B: cpu_offloading_num_layers 40 of 80 on GB200, 20 to 30 on "
     "GB300"},
    {"failure-rates",
     "devices fail independently, as often as published for one large cluster of their generation, and each failure "
     "stops "
     "the whole job; nodes of 8 devices",
     "models/reliability: A100, Meta RSC-1; H100, Llama 3 pre-training"},
    {"nearest-name",
     "a board, link, wiring or data type that the library does not have: its nearest relative (same product and form, "
     "same technology and rate; a board of another form is none)",
     "boards of one product share the chip; its memory and power limit may differ"},
    {"common-form",
     "a product named without its form (H100, A100): the SXM board where there is one, else the only form there is",
     "most published runs of these products are of that form"},
    {"usual-node",
     "node not stated: the links that the accelerator carries, 8 devices (4 with Grace processors) in a host",
     "reference systems of the library"},
    {"recompute-half", "recomputation whose extent is not stated, or of a kind not known: half of the layers in full",
     "between none and all"},
    {"recompute-to-fit",
     "recomputation not stated, and without it the run would need more than 1.5 times the memory there is: full",
     "what was measured ran"},
    {"public-model",
     "a model with exactly the stated sizes of one of the library, or of several that agree, or, without sizes, with "
     "the name of one: what the row leaves out "
     "or "
     "has no field for (widths, key-value heads, gate; biases and limits of experts) as there",
     "published model configurations"},
    {"optimizer-adam", "optimizer not stated, or not known: Adam with fp32 moments",
     "default of the frameworks concerned"},
    {"gated-by-family",
     "gate of the feed-forward network not stated: three matrices in families since Llama and in mixtures of experts, "
     "else two",
     "Llama, Mistral, Qwen, DeepSeek and Gemma families against GPT, BERT, MPT and OPT; Mixtral and its successors"},
    {"key-value-heads", "key-value heads not stated: one per query head", "multi-head attention, the older of the two"},
    {"ffn-width",
     "width of the feed-forward network not stated: 4 x hidden, gated 8/3 x hidden in whole multiples of 256",
     "GPT and BERT; Llama, whose width keeps the parameters of the ungated network"},
    {"selective-core",
     "selective recomputation without detail: the core of attention, which fused attention recomputes anyway",
     "Korthikanti et al. 2022; Megatron-LM's default granularity"},
    {"other-schedule", "a pipeline schedule that is not modelled: one forward, one backward, not interleaved",
     "its memory is that of the schedules derived from it"},
    {"attention-by-device",
     "implementation of fused attention not stated or not known: FlashAttention-3 or cuDNN on Hopper and Blackwell, "
     "FlashAttention-2 on other devices since 2020, the first fused kernels on older ones",
     "hardware that these libraries support"},
    {"kernel-type",
     "data type of a kernel not stated: fp32 for products, fp16 for other operators of networks, fp64 for streams and "
     "scientific kernels",
     "NeuSight and DeepBench products, PyTorch operators, STREAM"},
    {"expert-parallel",
     "degree of expert parallelism not stated: experts spread over as many ranks of one scale-up domain as divide them "
     "and the ranks of the stage; not spread where parameters are sharded (ZeRO 3)",
     "Megatron-Bridge performance recipes keep it inside the domain; FSDP shards what experts weigh"},
    {"causal-by-family", "mask of attention not stated: none in BERT and its relatives, else causal",
     "BERT, RoBERTa, ALBERT, ELECTRA and DeBERTa are encoders"},
    {"unstated-degrees",
     "several degrees of parallelism not stated: data parallelism takes what is left over, the others are 1; where all "
     "but context are stated, context takes it",
     "data x tensor x pipeline x context are the devices"},
    {"all-shards", "ranks that ZeRO shards over not stated: all of data and context parallelism",
     "default of the frameworks concerned"},
    {"head-width", "width of a head not stated: hidden / heads", "GPT, BERT, Llama"},
    {"embeddings",
     "not stated whether input and output embeddings share their weights (they do) and whether positions are learned "
     "(they are not)",
     "GPT and BERT tie them; what it costs is small either way"},
    {"activation-by-gate", "activation not stated, or none of the library's: SwiGLU with a gate, else GELU or ReLU",
     "Llama and GPT families; all cost alike"},
    {"separate-operators", "one pass of a network, not stated whether its operators are fused: they are not",
     "NeuSight states it where they are"},
    {"no-offload", "offload to the host not stated: none", "default of the frameworks concerned"},
    {"usual-precision",
     "data type of a step not stated, or only that it is mixed: bf16 on accelerators since 2020, else fp16",
     "what these accelerators multiply at full rate"},
    {"unknown-keys", "keys that nobody asks for, likely misspelt: ignored",
     "the format grows, so that they are no fault"},
}};

// Names and settings are compared in lower case without blanks, hyphens and underscores.
struct FrameworkRow {
  std::string_view contains;  // in the framework's name; the first row that fits
  std::string_view profile;
  std::string_view setting =
      "";  // and in the mixed-precision mode, the precision or the name, where a framework's generations differ by it
  std::string_view device = "";  // and in the accelerator, where its recipes do
  bool mixture = false;          // only for mixtures of experts
  bool interleaved = false;      // and only with virtual pipeline stages
  // Only for what came after that release: accelerators newer than A100, or models with gated or grouped layers. A name
  // without a release then means a later one (fused attention, overlap).
  bool recent = false;
};

constexpr FrameworkRow frameworks[] = {
    {"megatrondeepspeed", "megatron-core", "", "", false, false, true},
    {"megatrondeepspeed", "megatron-deepspeed-bf16", "bf16"},  // its bf16 optimizer keeps fp32 gradients
    {"megatrondeepspeed", "vtrain-megatron"},
    {"megatronlm(2020)", "megatron-lm-2020"},
    {"megatronlm(jan2021)", "megatron-lm-2021"},
    {"megatronlm(sc21)", "megatron-lm-2021"},
    {"megatronlm", "megatron-core", "", "", false, false, true},
    {"megatronlm", "megatron-lm-2022"},
    {"megatroncorer0.8", "megatron-core-0.8"},
    {"megatroncorev0.8", "megatron-core-0.8"},
    {"megatroncore0.8", "megatron-core-0.8"},
    {"megatroncore", "megatron-core"},
    {"nemo25.09", "megatron-bridge-moe-graph", "", "b200", true},  // GB200 as well
    {"nemo25.", "megatron-bridge-moe", "", "gb200", true},
    {"nemo26.02", "megatron-bridge-moe", "", "gb200", true},
    {"nemo26.04", "megatron-bridge-moe", "", "gb200", true},
    {"nemo25.", "megatron-bridge-moe", "", "gb300", true},
    {"nemo26.02", "megatron-bridge-moe", "", "gb300", true},
    {"nemo26.04", "megatron-bridge-moe", "", "gb300", true},
    {"megatronbridge", "megatron-bridge-moe-fused", "mxfp8", "gb200", true},
    {"megatronbridge", "megatron-bridge-moe-fused", "mxfp8", "gb300", true},
    {"megatronbridge", "megatron-bridge-moe", "", "gb200", true},
    {"megatronbridge", "megatron-bridge-moe", "", "gb300", true},
    {"megatronbridge", "megatron-bridge-moe-overlap", "", "nvidia-h", true, true},
    {"megatronbridge", "megatron-bridge-moe-eager", "", "", true},
    {"megatronbridge", "megatron-bridge"},
    {"release23.04", "nemo-mlperf-23.04"},
    {"release23.09", "nemo-mlperf-23.09"},
    {"nvidiarelease",
     "nemo-mlperf"},  // NVIDIA's submissions to MLPerf name a container, or just "NVIDIA NeMo Framework"
    {"nvidianemo", "nemo-mlperf", "release"},
    {"nemomegatronrelease", "nemo-mlperf"},
    {"nemo", "nemo-mlperf", "mlperf"},
    {"nvidia", "nemo-mlperf", "mlperf"},
    {"nemo2", "megatron-bridge-moe-eager", "", "", true, false, true},  // a version of its own: 2.0, 24.12
    {"nemo2", "megatron-bridge", "", "", false, false, true},
    {"nemoframework2", "megatron-bridge-moe-eager", "", "", true, false, true},
    {"nemoframework2", "megatron-bridge", "", "", false, false, true},
    {"nvidianemo", "nemo-mlperf"},
    {"nemo", "megatron-bridge-moe-eager", "", "", true, false, true},
    {"nemo", "megatron-bridge", "", "", false, false, true},
    {"nemo", "megatron-core"},
    {"llmfoundry", "llm-foundry"},
    {"composer", "llm-foundry"},
    {"fmsfsdp", "pytorch-fsdp", "nocompile"},
    {"fmsfsdp", "fms-fsdp"},
    {"internlm", "internlm-2023"},
    {"torchtitan", "torchtitan", "nocompile"},
    {"torchtitan", "torchtitan", "without"},
    {"torchtitan", "torchtitan-compile", "compile"},
    {"torchtitan", "torchtitan"},
    {"deeplearningexamples", "nvidia-bert"},
    {"maxtext", "maxtext", "", "tpu"},
    {"maxtext", "jax"},
    {"jax", "jax"},
    {"axlearn", "jax"},
    {"levanter", "jax"},
    {"easylm", "jax"},
    {"t5x", "jax"},
    {"pax", "jax"},
    {"xla", "jax"},
    {"neuron", "jax"},
    {"habana", "jax"},
    {"primus", "megatron-core"},
    {"pytorcheager", "pytorch-eager"},
    {"deepspeed", "deepspeed-zero", "", "", false, false, true},
    {"deepspeedzero3", "deepspeed-zero-2022"},
    {"deepspeed", "deepspeed-zero"},
    {"horovod", "horovod"},
    {"fsdp", "pytorch-fsdp"},
    {"pytorch", "pytorch-ddp"},
};

// Frameworks that shard parameters, gradients and moments unless they are told otherwise.
constexpr std::string_view sharding_frameworks[] = {"fsdp",    "torchtitan", "llmfoundry", "composer", "maxtext", "jax",
                                                    "axlearn", "levanter",   "easylm",     "t5x",      "pax"};

constexpr ReferencePort reference_ports[] = {
    {"nvlink1", "infiniband-edr-100", 0.5},
    {"nvlink2", "infiniband-edr-100", 0.5},
    {"nvlink3", "infiniband-hdr-200", 1},
    {"nvlink4", "infiniband-ndr-400", 1},
    {"nvlink5", "infiniband-ndr-400", 1},
    {"nvlink6", "infiniband-xdr-800", 1},
    {"infinity-fabric", "roce-400", 1},
    {"ici-v5e", "dcn", 0.25},
    {"ici-v6e", "dcn", 0.25},
    {"ici", "dcn", 0.5},
    {"xgmi", "roce-400", 1},
    {"neuronlink", "efa-200", 1},
    {"gaudi", "roce-100", 3},
    {"pcie", "ethernet-100", 0.25},
};

}  // namespace

const RuleText& rule_text(Rule rule) { return rules[static_cast<std::size_t>(rule)]; }
std::span<const RuleText> rule_texts() { return rules; }

namespace {

// What frameworks of that kind of parallelism share.
std::string unknown_framework_profile(const MeasuredRow& row, const std::string& device) {
  if (device.find("tpu") != std::string::npos) return "maxtext";
  if (row.integer("parallelism/tensor").value_or(1) > 1 || row.integer("parallelism/pipeline").value_or(1) > 1)
    return "megatron-core";
  return row.integer("parallelism/zero_stage").value_or(usual_zero_stage(row)) >= 2 ? "pytorch-fsdp" : "pytorch-ddp";
}

constexpr std::int64_t year_of_a100 = 2020;

bool newer_than_first_fused_attention(const MeasuredRow& row) {
  RulesUsed not_told;  // of the profile; the model tells what it assumes of its gate
  const auto heads = row.integer("model/heads"), pairs = row.integer("model/kv_heads");
  return row.integer("accelerator_year").value_or(0) > year_of_a100 || gated_of(row, not_told) ||
         (heads && pairs && *pairs < *heads) || row.has("model/experts");
}

std::string without_gaps(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '-' || c == '_'; });
  return text;
}

std::string framework_of(const MeasuredRow& row) { return without_gaps(row.word("framework")); }

}  // namespace

std::string software_profile_of(const MeasuredRow& row, RulesUsed& used) {
  const std::string name = framework_of(row);
  const std::string setting = without_gaps(row.word("mixed_precision_mode") + row.word("precision")) + name;
  const std::string device = lower_case(row.text("accelerator").value_or(row.text("cluster/accelerator").value_or("")));
  const bool mixture = row.has("model/experts");
  const bool interleaved = row.integer("parallelism/virtual_pipeline").value_or(1) > 1;
  const bool recent = newer_than_first_fused_attention(row);
  for (const FrameworkRow& known : frameworks)
    if (name.find(known.contains) != std::string::npos && setting.find(known.setting) != std::string::npos &&
        device.find(known.device) != std::string::npos && (mixture || !known.mixture) &&
        (interleaved || !known.interleaved) && (recent || !known.recent))
      return std::string(known.profile);
  used.insert(Rule::unknown_framework);
  return unknown_framework_profile(row, device);
}

bool accumulates_by_itself(const std::string& profile) {
  constexpr std::string_view families[] = {"megatron", "nemo", "vtrain"};
  return std::any_of(std::begin(families), std::end(families),
                     [&](std::string_view family) { return profile.starts_with(family); });
}

std::int64_t usual_zero_stage(const MeasuredRow& row) {
  const std::string name = bare_name(row.text("framework").value_or(""));
  for (const std::string_view before : {"zerostage", "zero", "stage"}) {
    const std::size_t at = name.find(before);
    const char digit = at == std::string::npos ? ' ' : (name + ' ')[at + before.size()];
    if (digit >= '0' && digit <= '3') return digit - '0';
  }
  const bool shards = std::any_of(std::begin(sharding_frameworks), std::end(sharding_frameworks),
                                  [&](std::string_view known) { return name.find(known) != std::string::npos; });
  if (shards) return 3;
  return row.integer("parallelism/zero_group").value_or(1) > 1 ? 1 : 0;
}

std::int64_t usual_virtual_stages(const MeasuredRow& row, std::int64_t layers, std::int64_t pipeline) {
  constexpr std::int64_t most = 6;
  const std::string name = framework_of(row);
  const auto says = [&](std::string_view word) { return name.find(word) != std::string::npos; };
  // Recipes of Megatron-Bridge state what they interleave.
  const bool recipes = (says("nemo") || says("mlperf") || says("nvidiarelease")) && !says("megatronbridge");
  const bool told = lower_case(row.text("parallelism/schedule").value_or("")).find("interleaved") != std::string::npos;
  std::int64_t stages = 1;
  if (!recipes && !told) return stages;
  for (std::int64_t v = 2; v <= most; ++v)
    if (layers % (pipeline * v) == 0) stages = v;
  return stages;
}

std::int64_t usual_sequence(const MeasuredRow& row, std::int64_t longest) {
  constexpr double passage = 321;  // mean tokens of Wikipedia's passages, were none cut
  constexpr double bin = 64;
  constexpr double step = 8;  // tensor cores' multiple
  if (framework_of(row).find("deeplearningexamples") == std::string::npos || row.word("model/family") != "bert")
    return longest;
  const double mean = passage * -std::expm1(-static_cast<double>(longest) / passage) + bin / 2;
  return std::min(longest, static_cast<std::int64_t>(step * std::round(mean / step)));
}

std::int64_t usual_expert_degree(std::int64_t experts, std::int64_t ranks, std::int64_t domain,
                                 std::int64_t zero_stage) {
  if (zero_stage >= 3) return 1;
  std::int64_t degree = 1;
  for (std::int64_t d = 2; d <= std::min({experts, ranks, domain}); ++d)
    if (experts % d == 0 && ranks % d == 0) degree = d;
  return degree;
}

namespace {

// Short names only at the beginning: "gpt-5" is no t5, "jul2025" no ul2.
template <class List> bool names_one(const List& list, const std::string& family) {
  constexpr std::size_t shortest = 4;
  return std::any_of(std::begin(list), std::end(list), [&](std::string_view known) {
    return known.size() < shortest ? family.starts_with(known) : family.find(known) != std::string::npos;
  });
}

constexpr std::string_view encoders[] = {"bert", "electra", "encoder", "vit"};
constexpr std::string_view gated[] = {"llama",   "mistral",  "mixtral",  "qwen", "deepseek", "gemma",    "yi",
                                      "vicuna",  "internlm", "baichuan", "olmo", "glm",      "kimi",     "phi3",
                                      "chatglm", "granite",  "dbrx",     "grok", "smollm",   "commandr", "gptoss"};
constexpr std::string_view plain[] = {"gpt",    "bert",      "roberta", "mpt",      "opt",      "bloom",   "falcon",
                                      "pythia", "starcoder", "galact",  "megatron", "nemotron", "cerebras"};
constexpr std::string_view state_spaces[] = {"hybrid", "mamba", "ssm", "rwkv", "jamba", "zamba", "nemotronh"};
constexpr std::string_view two_stacks[] = {"t5",   "mt5", "flant5",  "byt5",    "codet5",
                                           "bart", "ul2", "flanul2", "pegasus", "encoderdecoder"};
constexpr std::string_view convolutions[] = {"resnet",       "resnext",   "vgg",      "unet",
                                             "efficientnet", "mobilenet", "inception"};
constexpr std::string_view mixtures[] = {"moe", "mixtral", "dbrx", "grok", "deepseekv2", "deepseekv3", "deepseekr1"};

}  // namespace

std::string not_modelled_family(const std::string& stated, bool experts) {
  const std::string family = bare_name(stated);
  if (names_one(state_spaces, family)) return "hybrid state-space models are not modelled yet";
  if (names_one(two_stacks, family)) return "encoder-decoder transformers are not modelled";
  if (names_one(convolutions, family)) return "convolutional networks are predicted for power only";
  return names_one(mixtures, family) && !experts ? "model/experts is not stated" : "";
}

bool causal_family(const std::string& family) { return !names_one(encoders, bare_name(family)); }

// What is named after one family and built like another ("megatron-llama", "gpt-oss") is gated.
bool gated_of(const MeasuredRow& row, RulesUsed& used) {
  if (const auto stated = row.flag("model/gated_ffn")) return *stated;
  if (row.word("model/activation").find("glu") != std::string::npos) return true;
  used.insert(Rule::gated_by_family);
  const std::string family = bare_name(row.text("model/family").value_or(""));
  if (names_one(gated, family)) return true;
  return !names_one(plain, family) && row.has("model/experts");
}

const ReferencePort* reference_port(std::string_view scale_up_link) {
  for (const ReferencePort& reference : reference_ports)
    if (scale_up_link.starts_with(reference.scale_up)) return &reference;
  return nullptr;
}

}  // namespace orrery
