// Accuracy against published measurements must not get worse unnoticed. Every source has a limit on the median and on the
// 90th percentile of its absolute errors, set a little above what the model reaches; an improvement should lower it.
// To stay quick a gate takes at most 24 rows of a source, evenly spaced, and runs of at most 1024 devices; the whole
// comparison is `orrery validate tests/validation/measured`.
#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "scenarios/validate.hpp"

using namespace orrery;

namespace {

struct Gate {
  const char* source;
  double median, p90;  // per cent
};

constexpr Gate training_gates[] = {
    {"bloom_176b_tuning_a100", 23, 30},
    {"ibm_fms_fsdp_a100", 6, 12},
    {"ibm_fms_fsdp_h100", 15, 15},
    {"internlm_7b_a100_scaling", 18, 26},
    {"korthikanti_2022_a100", 7, 9},
    {"llm_foundry_mpt_a100_40gb", 15, 22},
    {"llm_foundry_mpt_a100_80gb", 12, 20},
    {"llm_foundry_mpt_h100_80gb", 12, 21},
    {"maxtext_tpu_v4", 6, 9},
    {"maxtext_tpu_v5e", 9, 15},
    {"maxtext_tpu_v5p", 29, 31},
    {"megatron_bridge_dgx_b200", 9, 12},
    {"megatron_bridge_dgx_gb200", 9, 13},
    {"megatron_bridge_dgx_h100", 12, 14},
    {"megatron_lm_sc21_table1_a100", 10, 14},
    {"mlperf_gpt3_175b_h100", 12, 20},
    {"neusight_nvidia-a100-pcie-40gb", 24, 45},
    {"neusight_nvidia-v100-pcie-32gb", 7, 18},
    {"nvidia_dle_bert_large_a100", 13, 23},
    {"torchtitan_h100", 14, 70},
    {"torchtitan_h200", 15, 16},
    {"vtrain_a100_multinode", 12, 26},
    {"vtrain_a100_singlenode", 8, 25},
};

constexpr Gate collective_gates[] = {
    {"aws_nccl_p4de", 60, 80},
    {"azure_nd_a100", 30, 45},
    {"azure_nd_h100", 32, 55},
    {"vtrain_nccl_a100", 20, 45},
};

std::string folder() { return std::string(ORRERY_SOURCE_DATA_DIR) + "/tests/validation/measured/"; }

std::vector<MeasuredRow> sample(const std::string& file) {
  std::vector<MeasuredRow> usable;
  for (MeasuredRow& row : read_measured(file).rows)
    if (row.exclude.empty() && (row.grade.empty() || row.grade[0] == 'A') &&
        row.number("devices").value_or(0) <= 1024 && !row.has("model/experts"))
      usable.push_back(std::move(row));
  const std::size_t step = (usable.size() + 23) / 24;
  std::vector<MeasuredRow> taken;
  for (std::size_t i = 0; i < usable.size(); i += step) taken.push_back(usable[i]);
  return taken;
}

void check(const std::string& kind, std::span<const Gate> gates) {
  const Library library({ORRERY_SOURCE_DATA_DIR});
  std::vector<MeasuredRow> rows;
  for (const Gate& gate : gates)
    for (MeasuredRow& row : sample(folder() + kind + "/" + gate.source + ".json")) rows.push_back(std::move(row));
  const Validation v = validate(std::move(rows), Fidelity::flow, library, 2, {});
  REQUIRE(v.by_source.size() == gates.size());
  for (std::size_t i = 0; i < gates.size(); ++i) {
    const ErrorStatistics& s = v.by_source[i].statistics;
    REQUIRE(s.median_abs_error);
    INFO(fmt::format("{}: {} of {} rows, median {:.1f} %, p90 {:.1f} %; the limits are {} and {}", gates[i].source,
                     s.simulated, s.runs, 100 * *s.median_abs_error, 100 * *s.p90_abs_error, gates[i].median,
                     gates[i].p90));
    CHECK(100 * *s.median_abs_error <= gates[i].median);
    CHECK(100 * *s.p90_abs_error <= gates[i].p90);
  }
}

}  // namespace

TEST_CASE("training steps stay as near to published measurements as they are") { check("training", training_gates); }

TEST_CASE("collectives stay as near to published measurements as they are") { check("collectives", collective_gates); }
