#include "scenarios/commands/collective.hpp"

#include <algorithm>
#include <cctype>
#include <memory>
#include <ostream>
#include <set>
#include <stdexcept>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "kernels/collectives/msccl.hpp"
#include "scenarios/collective_times.hpp"
#include "scenarios/commands/cluster_target.hpp"
#include "scenarios/commands/scenario_options.hpp"
#include "scenarios/console.hpp"
#include "scenarios/idle_options.hpp"
#include "scenarios/log_kind.hpp"
#include "scenarios/nccl_log.hpp"
#include "scenarios/output_files.hpp"
#include "scenarios/picture_file.hpp"
#include "scenarios/version.hpp"
#include "sim/catalog.hpp"

namespace orrery {

namespace {

constexpr std::size_t most_step_devices = 1024;

struct CollectiveOptions {
  ScenarioOptions scenario;  // --set and --library
  std::string kind, machine, bytes = "8..8G", algorithm = "auto", protocol = "auto", detail = "flow",
                             fidelity = "analytic", precision;
  std::string log, csv, plot, schedule, shares;
  std::int64_t devices = 0, nodes = 0;
  bool json = false, reduces = false;
};

struct ElementType {
  std::string_view ours, nccl;
  double bytes;
};
constexpr ElementType element_types[] = {{"fp32", "float", 4},  {"fp16", "half", 2},   {"bf16", "bfloat16", 2},
                                         {"fp64", "double", 8}, {"fp8", "f8e4m3", 1},  {"int8", "int8", 1},
                                         {"", "uint8", 1},      {"int32", "int32", 4}, {"", "uint32", 4},
                                         {"int64", "int64", 8}, {"", "uint64", 8},     {"", "f8e5m2", 1}};

ElementType element_type(const std::string& name) {
  std::vector<std::string> known;
  for (const ElementType& type : element_types) {
    if (name == type.ours || name == type.nccl) return type;
    known.emplace_back(type.ours.empty() ? type.nccl : type.ours);
  }
  throw UsageError("--precision: expected a number type such as fp32, bf16 or half, found " +
                   quote_unknown(name, known));
}

CollectiveKind kind_of(const std::string& word) {
  std::vector<std::string> known;
  for (std::size_t k = 1; k < collective_names.size(); ++k)
    if (static_cast<CollectiveKind>(k) != CollectiveKind::barrier) known.emplace_back(collective_names[k]);
  const auto kind = collective_of(word);
  if (kind == CollectiveKind::barrier) throw UsageError("a barrier moves no bytes: there is no table over sizes");
  if (kind) return *kind;
  throw UsageError("expected a collective such as all_reduce, found " + quote_unknown(word, known));
}

std::string name(CollectiveKind kind) { return std::string(collective_names[static_cast<std::size_t>(kind)]); }

// The rows of the log that are of the wanted collective.
CollectiveKind choose_kind(const CollectiveOptions& options, NcclLog& log) {
  const std::vector<CollectiveKind> kinds = log.kinds();
  if (options.kind.empty() && kinds.empty()) return infer_kind(log, options.devices);
  if (options.kind.empty() && kinds.size() > 1)
    throw UsageError(
        fmt::format("the log holds {}: say which, e.g. `orrery collective {}`", names_of(kinds), name(kinds[0])));
  const CollectiveKind kind = options.kind.empty() ? kinds[0] : kind_of(options.kind);
  std::erase_if(log.rows, [&](const NcclLogRow& row) { return row.kind.value_or(kind) != kind; });
  if (log.rows.empty()) throw UsageError(fmt::format("the log holds no {}, but {}", name(kind), name(kinds[0])));
  return kind;
}

std::int64_t choose_count(const CollectiveOptions& options, const std::optional<NcclLog>& log) {
  if (options.devices > 0) return options.devices;
  if (log && log->devices) return *log->devices;
  if (log) throw UsageError("the log does not say how many ranks there were: add --devices N");
  return 0;
}

struct Setup {
  ClusterTarget target;
  std::vector<DeviceId> members;
};

// Ranks of a log sit on its hosts. More devices than a host holds make a rack or a pod, which has its hosts inside.
constexpr std::size_t most_devices_of_a_host = 16;

Setup set_up(const CollectiveOptions& options, const std::optional<NcclLog>& log, const Library& library) {
  Setup setup;
  std::int64_t devices = choose_count(options, log);
  std::optional<std::int64_t> nodes;
  if (options.nodes > 0) nodes = options.nodes;
  const bool by_log = !nodes && log && log->hosts && devices % *log->hosts == 0;
  if (by_log) nodes = log->hosts;
  ClusterRequest request{options.machine, options.scenario.assignments, {}, std::max<std::int64_t>(devices, 1), 1};
  request.least_nodes = nodes.value_or(1);
  request.reduces = options.reduces;
  setup.target = load_cluster(request, library);
  const Cluster& machine = setup.target.cluster;
  if (devices == 0) devices = static_cast<std::int64_t>(machine.fabric.device_count());
  if (devices < 2) throw UsageError("--devices: expected at least 2, as one has nobody to talk to");
  if (by_log && machine.pools.front().devices_per_node > most_devices_of_a_host) nodes.reset();
  try {
    setup.members = choose_devices(machine, devices, nodes);
  } catch (const std::invalid_argument& error) {
    throw UsageError(fmt::format("--devices: expected {}", error.what()));
  }
  return setup;
}

// Weights of the receivers, or of every pair (a row per sender): the busiest sender sends its whole buffer.
void add_shares(const std::string& text, CollectiveRequest& request, CollectiveTable& table) {
  const std::size_t n = request.members.size();
  if (request.kind != CollectiveKind::all_to_all)
    throw UsageError(fmt::format("--shares: expected all_to_all, found {}", name(request.kind)));
  try {
    request.shares = parse_shares(text, n);
  } catch (const std::invalid_argument& error) {
    throw UsageError(fmt::format("--shares: expected {}", error.what()));
  }
  std::vector<double> received(n, 0);
  for (std::size_t sender = 0; sender < n; ++sender)
    for (std::size_t to = 0; to < n; ++to) received[to] += request.shares[(sender * n + to) % request.shares.size()];
  const auto most = std::max_element(received.begin(), received.end());
  table.notes.push_back(fmt::format("uneven: rank {} is sent {:.3g} times what a rank sends, the least popular {:.3g}",
                                    most - received.begin(), *most,
                                    *std::min_element(received.begin(), received.end())));
}

std::vector<double> sizes_of(const CollectiveOptions& options) {
  try {
    return parse_sizes(options.bytes);
  } catch (const std::invalid_argument& error) {
    throw UsageError(fmt::format("--bytes: expected {}", error.what()));
  }
}

void add_sizes(CollectiveTable& table, const std::vector<double>& sizes, CollectiveTimes& times) {
  std::size_t without = 0;
  for (double bytes : sizes) {
    if (element_count(table, bytes) >= 1)
      table.rows.push_back(times.row(bytes));
    else
      ++without;
  }
  if (table.rows.empty()) throw UsageError("--bytes: no size gives every rank an element");
  if (without > 0)
    table.notes.push_back(fmt::format("{} smaller {} left out: not an element for every rank", without,
                                      without == 1 ? "size is" : "sizes are"));
}

// The product in the middle of a name ("nvidia-h100-sxm5-80gb"), which drivers print as well ("NVIDIA H100 80GB HBM3").
bool same_product(std::string gpu, const std::string& device) {
  const std::size_t first = device.find('-'), second = device.find('-', first + 1);
  if (first == std::string::npos) return true;
  std::transform(gpu.begin(), gpu.end(), gpu.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return gpu.find(device.substr(first + 1, second - first - 1)) != std::string::npos;
}

void add_log(CollectiveTable& table, const NcclLog& log, CollectiveTimes& times) {
  for (const NcclLogRow& measured : log.rows) {
    CollectiveRow row = times.row(measured.bytes);
    row.out_of_place_s = measured.out_of_place_s;
    row.in_place_s = measured.in_place_s;
    table.rows.push_back(std::move(row));
  }
  table.type = log.rows.front().type;
  table.element_bytes = bytes_of_type(table.type);
  if (!log.gpu.empty()) table.notes.push_back(fmt::format("the log was measured on {}", log.gpu));
  for (std::string& warning :
       kind_warnings(log, table.kind, log.devices.value_or(static_cast<std::int64_t>(table.devices))))
    table.notes.push_back(std::move(warning));
  table.notes.insert(table.notes.end(), log.notes.begin(), log.notes.end());
}

// What was asked for is not what the log says of itself.
void compare_sizes(CollectiveTable& table, const NcclLog& log, const CollectiveOptions& options) {
  const auto count = [](std::int64_t n, const char* what) {
    return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
  };
  if (log.devices && static_cast<std::size_t>(*log.devices) != table.devices)
    table.notes.push_back(fmt::format("warning: the log lists {}, the prediction and all busbw are for {}",
                                      count(*log.devices, "rank"), table.devices));
  if (options.nodes > 0 && log.hosts && *log.hosts != options.nodes)
    table.notes.push_back(fmt::format("warning: the log lists {}, the prediction is for {}", count(*log.hosts, "host"),
                                      count(options.nodes, "node")));
}

// What the kernels refuse, in the words of this command line.
[[noreturn]] void refuse(const SpecError& error, const CollectiveOptions& options, const ClusterTarget& target,
                         CollectiveKind kind) {
  std::vector<Fault> faults = error.faults();
  for (Fault& fault : faults) {
    if (!fault.file.empty()) continue;
    if (fault.pointer == "/shares")
      throw UsageError(fmt::format("--shares: expected {}, found {}", fault.expected, fault.found));
    if (fault.pointer == "/algorithm" && options.protocol != "auto" && options.algorithm == "auto")
      throw UsageError(fmt::format("--protocol: expected one that {} has on these devices, found {}", name(kind),
                                   quote(options.protocol)));
    if (fault.pointer == "/algorithm")
      throw UsageError(fmt::format("--algorithm: expected {}, found {}", fault.expected, fault.found));
    fault.file = target.file;
    if (fault.pointer.starts_with("/cluster")) fault.pointer = target.pointer + fault.pointer.substr(8);
    if (fault.pointer != "/schedule") continue;
    fault.file = options.schedule;
    fault.pointer = "";
  }
  throw SpecError(std::move(faults));
}

CollectiveTable tabulate(const CollectiveOptions& options, const Library& library, Json& cluster) {
  std::optional<NcclLog> log;
  if (!options.log.empty()) log = read_nccl_log(options.log);
  if (!log && options.kind.empty()) throw UsageError("missing argument KIND, e.g. `orrery collective all_reduce`");
  CollectiveTable table;
  table.kind = log ? choose_kind(options, *log) : kind_of(options.kind);
  const ElementType type = element_type(options.precision.empty() ? "fp32" : options.precision);
  table.type = type.nccl;
  table.element_bytes = type.bytes;
  const std::vector<double> sizes = log ? std::vector<double>() : sizes_of(options);
  const Setup setup = set_up(options, log, library);
  cluster = write_spec(setup.target.spec);
  const Cluster& machine = setup.target.cluster;
  table.machine = machine.name.empty() ? std::filesystem::path(setup.target.file).stem().string() : machine.name;
  table.devices = setup.members.size();
  table.nodes = node_count(machine, setup.members);
  CollectiveRequest request;
  request.kind = table.kind;
  request.members = setup.members;
  request.algorithm = options.algorithm;
  request.protocol = options.protocol;
  if (!options.schedule.empty()) request.user = read_msccl(options.schedule);
  if (!options.shares.empty()) add_shares(options.shares, request, table);
  request.detail = options.detail == "step" ? CollectiveDetail::step : CollectiveDetail::flow;
  if (request.detail == CollectiveDetail::step && table.devices > most_step_devices)
    throw UsageError(
        fmt::format("--detail step writes every round of every rank: expected at most {} devices, found {}",
                    most_step_devices, table.devices));
  const auto evaluator = options.fidelity == "flow" ? CollectiveEvaluator::flow : CollectiveEvaluator::analytic;
  try {
    CollectiveTimes times(machine, request, evaluator, library);
    if (log) {
      add_log(table, *log, times);
      compare_sizes(table, *log, options);
    } else {
      add_sizes(table, sizes, times);
    }
    if (const std::string& device = machine.device_types.front().name; log && !log->gpu.empty()) {
      if ((device.starts_with("nvidia-") || device.starts_with("amd-")) && !same_product(log->gpu, device))
        table.notes.push_back(fmt::format("warning: the machine has {}, the log was measured on {}", device, log->gpu));
    }
    for (std::string& note : times.notes(table.rows)) table.notes.push_back(std::move(note));
  } catch (const std::invalid_argument& error) {
    throw UsageError(fmt::format("--algorithm: expected {}", error.what()));
  } catch (const SpecError& error) {
    refuse(error, options, setup.target, table.kind);
  }
  table.notes.insert(table.notes.end(), setup.target.notes.begin(), setup.target.notes.end());
  for (std::string& note : idle_options(setup.target.spec, library)) table.notes.push_back(std::move(note));
  return table;
}

int collective(const CollectiveOptions& options, const Invocation& invocation) {
  const Library library = options.scenario.find_library();
  const std::string& input = options.log.empty() ? options.machine : options.log;
  check_different({options.csv, options.plot});
  if (!options.csv.empty()) check_result_file(options.csv, input, table_output("collective,devices,nodes,size_bytes"));
  if (!options.plot.empty()) check_svg_file(options.plot, input);
  Json cluster;
  CollectiveTable table;
  {
    const Progress progress("orrery: timing a collective on " + options.machine);
    table = tabulate(options, library, cluster);
  }
  std::vector<OutputFile> files;
  if (!options.csv.empty()) files.push_back({options.csv, [&](std::ostream& out) { out << collective_csv(table); }});
  if (!options.plot.empty())
    files.push_back({options.plot, [&](std::ostream& out) { out << svg_plot(collective_plot(table)); }});
  write_files(files);
  if (!options.json) return print(collective_text(table)), exit_done;
  Json json;
  json["orrery"] = version();
  json.update(collective_json(table));
  json["cluster"] = cluster;
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - invocation.started;
  json["provenance"] = {{"wall_s", wall.count()}, {"command_line", invocation.command_line}};
  print(document_text(json));
  return exit_done;
}

CLI::Validator one_of(std::vector<std::string> all) {
  return CLI::Validator(
      [all](const std::string& word) {
        if (std::find(all.begin(), all.end(), word) != all.end()) return std::string();
        std::string text;
        for (const std::string& known : all) text += (text.empty() ? "" : ", ") + quote(known);
        return fmt::format("expected one of {}, found {}", text, quote_unknown(word, all));
      },
      "");
}

void declare_sizes(CLI::App& app, CollectiveOptions& options) {
  app.add_option("--devices", options.devices, "How many ranks (default: the whole machine, or as the log has it)")
      ->type_name("N")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20));
  app.add_option("--nodes", options.nodes, "Spread them evenly over so many nodes (default: fill one after the other)")
      ->type_name("N")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20));
  app.add_option("--bytes", options.bytes,
                 "Sizes of the larger buffer of a rank: 8..8G (doubled), 64K, or several joined by commas; K = 1024 "
                 "(default: 8..8G)")
      ->type_name("SIZES");
  app.add_option("--precision", options.precision, "Type of the elements, for counts (default: fp32)")
      ->type_name("TYPE");
}

}  // namespace

CommandAction declare_collective(CLI::App& app, const Invocation& invocation) {
  auto options = std::make_shared<CollectiveOptions>();
  app.description(
      "Predicts how long a collective takes over sizes, as a table in the layout of nccl-tests. With --log the "
      "measurements of nccl-tests or rccl-tests stand beside the predictions, with their errors.");
  app.add_option("KIND", options->kind,
                 "all_reduce, all_gather, reduce_scatter, all_to_all, broadcast, reduce, gather, scatter, send_recv "
                 "(with --log: as the log says)")
      ->option_text(" ");
  app.add_option("--topology", options->machine, "The machine: a scenario, cluster or node, as a file or by name")
      ->required()
      ->type_name("MACHINE");
  app.add_flag("--in-network-reduction", options->reduces,
               "The switches that join the nodes of a node reduce (InfiniBand SHARP)");
  declare_sizes(app, *options);
  CLI::Option* log = app.add_option("--log", options->log, "A log of nccl-tests or rccl-tests to compare with");
  log->type_name("FILE");
  log->excludes(app.get_option("--bytes"))->excludes(app.get_option("--precision"));
  app.add_option("--algorithm", options->algorithm,
                 "One of `orrery list collectives`; auto: the fastest that a library would weigh (default)")
      ->type_name("NAME");
  app.add_option("--schedule", options->schedule,
                 "Run this schedule (XML of MSCCL) instead of an algorithm, once it is proved to give the right result")
      ->type_name("FILE.xml")
      ->excludes(app.get_option("--algorithm"));
  app.add_option("--shares", options->shares,
                 "Uneven all_to_all: weights of the receivers, N numbers joined by commas or zipf:S (rank r gets "
                 "1/r^S), or N x N, a row per sender")
      ->type_name("WEIGHTS")
      ->excludes(app.get_option("--schedule"));
  app.add_option("--protocol", options->protocol, "Only options of this protocol of the library (default: auto)")
      ->type_name("ll|ll128|simple")
      ->excludes(app.get_option("--schedule"))
      ->check(one_of({"auto", "ll", "ll128", "simple"}));
  app.add_option("--detail", options->detail,
                 "flow: one transfer per neighbour (default); step: every round, in lockstep")
      ->type_name("flow|step")
      ->check(one_of({"flow", "step"}));
  app.add_option("--fidelity", options->fidelity,
                 "analytic: the sum of the steps (default); flow: the steps run by the engine")
      ->type_name("analytic|flow")
      ->check(one_of({"analytic", "flow"}));
  app.add_option("--csv", options->csv, "Also write one line per size to this file")->type_name("FILE");
  app.add_option("--plot", options->plot, "Also write bus bandwidth over size as SVG")->type_name("FILE.svg");
  app.add_flag("--json", options->json, "Print one JSON document (keys carry units), and nothing else");
  declare_set(app, options->scenario);
  declare_library(app, options->scenario);
  app.footer(
      "Examples:\n"
      "  orrery collective all_reduce --topology dgx-h100 --devices 256 --bytes 8..8G\n"
      "  orrery collective all_reduce --topology dgx-h100 --devices 256 --in-network-reduction\n"
      "  orrery collective all_to_all --topology gpt3-175b-1024-a100 --devices 64 --nodes 16\n"
      "  orrery collective all_to_all --topology dgx-h100 --devices 32 --shares zipf:0.8\n"
      "  orrery collective --topology dgx-a100-80gb --log all_reduce_perf.txt --plot compare.svg");
  return [options, &invocation] { return collective(*options, invocation); };
}

}  // namespace orrery
