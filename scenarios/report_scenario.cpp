#include "scenarios/report_scenario.hpp"

#include <fmt/format.h>

#include "analysis/html_report.hpp"
#include "analysis/markup.hpp"

namespace orrery {
namespace {

// The value at a pointer as text; empty when it is not there.
std::string value(const Json& json, const char* pointer) {
  const Json::json_pointer at(pointer);
  if (!json.contains(at)) return "";
  const Json& found = json.at(at);
  if (found.is_string()) return found.get<std::string>();
  if (found.is_boolean()) return found.get<bool>() ? "yes" : "no";
  if (found.is_number_float()) return fmt::format("{:g}", found.get<double>());
  return found.is_number() ? found.dump() : "";
}

// "key value" for every pointer that is there, joined by commas.
std::string joined(const Json& json, std::initializer_list<std::pair<const char*, const char*>> parts) {
  std::string text;
  for (const auto& [label, pointer] : parts) {
    const std::string found = value(json, pointer);
    if (found.empty()) continue;
    text += (text.empty() ? "" : ", ") + (*label ? std::string(label) + " " : std::string()) + found;
  }
  return text;
}

std::string name_of(const Json& part) {
  const std::string title = value(part, "/title"), name = value(part, "/name");
  return title.empty() ? name : title;
}

class Rows {
 public:
  void add(const std::string& key, const std::string& text) {
    if (!text.empty()) table_.rows.push_back({key, text});
  }
  std::string html() {
    table_.columns = {{"", HtmlColumn::Kind::text}, {"", HtmlColumn::Kind::text}};
    return html_table(table_);
  }

 private:
  HtmlTable table_;
};

void add_job(const Json& job, const std::string& prefix, Rows& rows) {
  if (!job.is_object()) return;
  if (job.contains("model"))
    rows.add(prefix + "model", name_of(job["model"]) + ": " +
                                   joined(job, {{"layers", "/model/layers"},
                                                {"hidden", "/model/hidden"},
                                                {"heads", "/model/heads"},
                                                {"vocabulary", "/model/vocabulary"},
                                                {"sequence", "/model/sequence"}}));
  rows.add(prefix + "batch",
           joined(job, {{"global", "/batch/global"}, {"micro", "/batch/micro"}, {"precision", "/precision"}}));
  rows.add(prefix + "parallelism", joined(job, {{"data", "/plan/data"},
                                                {"tensor", "/plan/tensor"},
                                                {"pipeline", "/plan/pipeline"},
                                                {"context", "/plan/context"},
                                                {"virtual stages", "/plan/virtual_pipeline"},
                                                {"schedule", "/plan/schedule"},
                                                {"ZeRO", "/plan/zero_stage"},
                                                {"ZeRO group", "/plan/zero_group"},
                                                {"sequence parallel", "/plan/sequence_parallel"},
                                                {"recompute", "/plan/recompute"}}));
  if (job.contains("software")) rows.add(prefix + "software", name_of(job["software"]));
}

void add_cluster(const Json& cluster, Rows& rows) {
  if (!cluster.contains("pools") || !cluster["pools"].is_array()) return;
  for (const Json& pool : cluster["pools"]) {
    if (!pool.is_object() || !pool.contains("node") || !pool["node"].is_object()) continue;
    const Json& node = pool["node"];
    rows.add("nodes", value(pool, "/count") + " × " + name_of(node) + " with " + value(node, "/devices") + " × " +
                          (node.contains("device") ? name_of(node["device"]) : "device"));
    rows.add("inside a node", joined(node, {{"", "/scale_up/kind"},
                                            {"link", "/scale_up/link/name"},
                                            {"links per device", "/scale_up/links_per_device"}}));
    const std::string nics = value(node, "/nics/count");
    if (!nics.empty())
      rows.add("NICs of a node",
               nics + " × " + joined(node, {{"", "/nics/link/name"}, {"each", "/nics/link/bandwidth_per_direction"}}));
  }
  if (value(cluster, "/fabric/kind") != "none")
    rows.add("fabric", joined(cluster, {{"", "/fabric/kind"},
                                        {"levels", "/fabric/levels"},
                                        {"radix", "/fabric/radix"},
                                        {"oversubscription", "/fabric/oversubscription"},
                                        {"rail-optimized", "/fabric/rail_optimized"},
                                        {"ECMP", "/fabric/ecmp"}}));
}

}  // namespace

std::string scenario_html(const Json& scenario) {
  Rows rows;
  const Json jobs = scenario.contains("jobs") && scenario["jobs"].is_array() ? scenario["jobs"] : Json::array();
  for (const Json& job : jobs) add_job(job, jobs.size() > 1 ? value(job, "/name") + ": " : "", rows);
  if (scenario.contains("cluster")) add_cluster(scenario["cluster"], rows);
  rows.add("simulation", joined(scenario, {{"fidelity", "/simulate/fidelity"},
                                           {"folded", "/simulate/fold"},
                                           {"iterations", "/simulate/iterations"}}));
  return rows.html() + "<details><summary>The whole scenario, as resolved</summary><pre>" +
         markup_escaped(scenario.dump(2)) + "</pre></details>\n";
}

}  // namespace orrery
