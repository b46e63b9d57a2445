#include "tests/support/small_scenario.hpp"

#include "analysis/report.hpp"

namespace orrery::testing {

namespace {

Json document(const SmallScenario& s) {
  Json node = {{"name", "test-node"},
               {"device", "nvidia-a100-sxm4-80gb"},
               {"devices", 4},
               {"scale_up", {{"kind", "switch"}, {"link", "nvlink3"}, {"links_per_device", 12}}},
               {"nics", {{"link", "infiniband-hdr-200"}, {"count", s.nics}}}};
  Json fabric = {{"kind", "single-switch"}, {"radix", 64}};
  if (s.wiring != Wiring::one_switch)
    fabric = {{"kind", "fat-tree"},
              {"levels", 2},
              {"radix", s.wiring == Wiring::fat_tree ? 16 : 10},
              {"oversubscription", s.wiring == Wiring::fat_tree ? 1 : 4},
              {"ecmp", s.ecmp}};
  if (s.wiring == Wiring::three_level_tree)
    fabric = {{"kind", "fat-tree"}, {"levels", 3}, {"radix", 5}, {"oversubscription", 4}, {"ecmp", s.ecmp}};
  Json model = {{"name", "small"}, {"layers", s.layers},  {"hidden", 1024},
                {"heads", 16},     {"vocabulary", 32000}, {"sequence", 1024}};
  model.update(s.more_model);
  Json software = s.more_software;
  software["base"] = s.software;
  Json job = {{"name", "train"},
              {"model", model},
              {"precision", "fp16"},
              {"batch", {{"global", s.global_batch}, {"micro", s.micro_batch}}},
              {"plan", write_spec(s.plan)},
              {"software", software}};
  Json pool = {{"node", node}, {"count", s.nodes}};
  if (!s.slow_devices.empty()) {
    pool["slow_devices"] = s.slow_devices;
    pool["slow_factor"] = 0.2;
  }
  return {{"orrery", "scenario/1"},
          {"name", "small"},
          {"cluster", {{"name", "test"}, {"pools", {pool}}, {"fabric", fabric}}},
          {"jobs", {job}},
          {"simulate", {{"fidelity", s.fidelity}, {"fold", s.fold}, {"collective_detail", s.detail}}}};
}

void collect(const Json& value, const std::string& pointer, std::map<std::string, double>& into) {
  if (value.is_number()) into[pointer] = value.get<double>();
  if (value.is_structured())
    for (auto it = value.begin(); it != value.end(); ++it)
      collect(*it, pointer + "/" + (value.is_object() ? it.key() : std::to_string(it - value.begin())), into);
}

}  // namespace

Plan plan(int data, int tensor, int pipeline, int zero, int virtual_pipeline) {
  Plan p;
  p.data = data;
  p.tensor = tensor;
  p.pipeline = pipeline;
  p.zero_stage = zero;
  p.virtual_pipeline = virtual_pipeline;
  return p;
}

SmallScenario with(const Plan& p, const std::string& fidelity) {
  SmallScenario s;
  s.plan = p;
  s.fidelity = fidelity;
  return s;
}

Scenario make(const SmallScenario& s) { return read_scenario({document(s), "test.json"}, Library::installed()); }

ScenarioRun run(const SmallScenario& s) { return run_scenario(make(s), "test.json", Library::installed()); }

std::map<std::string, double> numbers(const Metrics& metrics) {
  std::map<std::string, double> all;
  for (const JobMetrics& job : metrics.jobs) collect(metrics_json(job), "/" + job.name, all);
  collect(metrics_json(metrics), "", all);
  std::erase_if(all, [](const auto& entry) { return entry.first.find("simulated_events") != std::string::npos; });
  return all;
}

}  // namespace orrery::testing
