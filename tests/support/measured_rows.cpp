#include "tests/support/measured_rows.hpp"

#include "tests/support/run_orrery.hpp"

namespace orrery::test {

Json gpt_run() {
  return Json::parse(R"j({
    "id": "a", "grade": "A", "devices": 16, "precision": "fp16", "framework": "Megatron-LM (SC21)", "recompute": "full",
    "model": {"family": "gpt", "layers": 24, "hidden": 2048, "heads": 16, "vocabulary": 51200, "sequence": 2048},
    "batch": {"global": 32, "micro": 2},
    "parallelism": {"data": 2, "tensor": 4, "pipeline": 2, "virtual_pipeline": 1, "zero_stage": 1, "sequence_parallel": false},
    "measured": {"iteration_s": 1.0}, "something_new": {"of": "a later year"}})j");
}

Json a100_cluster() {
  return Json::parse(R"({"accelerator": "nvidia-a100-sxm4-80gb", "devices_per_node": 8,
    "scale_up": {"kind": "nvswitch", "link": "nvlink3", "domain": 8},
    "scale_out": {"link": "infiniband-hdr-200", "ports_per_node": 8}})");
}

std::string file_of(const Json& run, const Json& cluster) {
  return Json({{"format", "orrery/measured/1"},
               {"kind", "training"},
               {"cluster", cluster},
               {"runs", Json::array({run})}})
      .dump();
}

MeasuredRow row_of(const Json& run, const Json& cluster) {
  const Folder folder;
  return read_measured(folder.write("source.json", file_of(run, cluster))).rows.at(0);
}

Json scenario_of(const MeasuredRow& row) {
  RulesUsed used;
  return training_scenario(row, used);
}

std::string reason_of(const MeasuredRow& row) {
  try {
    scenario_of(row);
  } catch (const CannotSimulate& reason) {
    return reason.what();
  }
  return "";
}

}  // namespace orrery::test
