#include "scenarios/commands/topology.hpp"

#include <algorithm>
#include <memory>
#include <ostream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "analysis/topology_facts_picture.hpp"
#include "analysis/topology_facts_text.hpp"
#include "scenarios/commands/cluster_target.hpp"
#include "scenarios/commands/scenario_options.hpp"
#include "scenarios/console.hpp"
#include "scenarios/idle_options.hpp"
#include "scenarios/output_files.hpp"
#include "scenarios/version.hpp"
#include "sim/catalog.hpp"

namespace orrery {

namespace {

struct TopologyOptions {
  ScenarioOptions scenario;  // --set and --library
  std::string name, plot;
  std::int64_t nodes = 0;
  bool json = false;
};

void add_notes(const ClusterTarget& target, const Library& library, TopologyFacts& facts) {
  std::vector<std::string> notes = target.notes;
  const bool bundled = target.spec.fabric.kind == "fat-tree" &&
                       std::any_of(facts.switch_ports.begin(), facts.switch_ports.end(), [&](const auto& entry) {
                         return entry.first > static_cast<std::size_t>(target.spec.fabric.radix);
                       });
  if (bundled)
    notes.push_back(fmt::format(
        "switches that share traffic evenly are one switch with all their cables here; of {} ports each, the fabric "
        "takes at least {}",
        target.spec.fabric.radix, physical_switches(facts, static_cast<std::size_t>(target.spec.fabric.radix))));
  for (std::string& note : idle_options(target.spec, library)) notes.push_back(std::move(note));
  facts.notes.insert(facts.notes.begin(), notes.begin(), notes.end());
}

void check_plot(const TopologyOptions& options) {
  if (options.plot.empty()) return;
  const std::string kind = std::filesystem::path(options.plot).extension().string();
  if (kind != ".svg" && kind != ".dot")
    throw UsageError(fmt::format("--plot: expected a file that ends with .svg or .dot, found {}", quote(options.plot)));
  check_result_file(options.plot, options.name, kind == ".svg" ? svg_output : dot_output);
}

void write_plot(const TopologyOptions& options, const ClusterTarget& target, const std::string& title) {
  if (options.plot.empty()) return;
  TopologyPicture picture = topology_picture(target.cluster);
  picture.title = title;
  const bool dot = std::filesystem::path(options.plot).extension() == ".dot";
  write_files({{options.plot, [&](std::ostream& out) { out << (dot ? picture_dot(picture) : picture_svg(picture)); }}});
}

int topology(const TopologyOptions& options, const Invocation& invocation) {
  check_plot(options);
  ClusterRequest request{options.name, options.scenario.assignments, {}, 1, 1};
  if (options.nodes > 0) request.nodes = options.nodes;
  const Library library = options.scenario.find_library();
  const ClusterTarget target = load_cluster(request, library);
  TopologyFacts facts = topology_facts(target.cluster, target.network);
  if (facts.name.empty()) facts.name = std::filesystem::path(target.file).stem().string();
  add_notes(target, library, facts);
  write_plot(options, target, facts.name);
  if (!options.json) return print(topology_text(facts)), exit_done;
  Json json;
  json["orrery"] = version();
  json["topology"] = topology_json(facts);
  json["cluster"] = write_spec(target.spec);
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - invocation.started;
  json["provenance"] = {{"wall_s", wall.count()}, {"command_line", invocation.command_line}};
  print(document_text(json));
  return exit_done;
}

}  // namespace

CommandAction declare_topology(CLI::App& app, const Invocation& invocation) {
  auto options = std::make_shared<TopologyOptions>();
  app.description(
      "Says what the wiring of a machine is worth before anything runs on it: parts and links by class, size and "
      "oversubscription of every level, diameter, bisection bandwidth, path diversity, power and price where known.");
  app.add_option("MACHINE", options->name, "A scenario, cluster or node: a file, or a name from `orrery list`")
      ->required()
      ->option_text(" ");
  app.add_option("--nodes", options->nodes, "How many of a node to join, by a non-blocking fat-tree (default: 1)")
      ->type_name("N")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20));
  app.add_option("--plot", options->plot,
                 "Also draw it: SVG, or DOT for Graphviz; of a large machine one box for each role")
      ->type_name("FILE.svg|FILE.dot");
  app.add_flag("--json", options->json, "Print one JSON document (keys carry units), and nothing else");
  declare_set(app, options->scenario);
  declare_library(app, options->scenario);
  app.footer(
      "Examples:\n"
      "  orrery topology gpt3-175b-1024-a100\n"
      "  orrery topology dgx-h100 --nodes 32 --plot dgx.svg\n"
      "  orrery topology llama3-405b-16384-h100 --set /cluster/fabric/oversubscription=3");
  return [options, &invocation] { return topology(*options, invocation); };
}

}  // namespace orrery
