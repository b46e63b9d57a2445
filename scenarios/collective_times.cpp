#include "scenarios/collective_times.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>
#include <set>
#include <stdexcept>

#include <fmt/format.h>

#include "kernels/collectives/algorithms.hpp"
#include "kernels/collectives/costs.hpp"
#include "kernels/collectives/user_schedule.hpp"
#include "kernels/cost_models.hpp"
#include "models/power/fixed_clock.hpp"
#include "sim/engine.hpp"

namespace orrery {

namespace {

constexpr double most_bytes = 1e18;

double parse_size(std::string_view text) {
  const auto bad = [&] {
    return std::invalid_argument(
        fmt::format("a size such as 8, 64K, 8G (K = 1024 bytes) or a range such as 8..8G, found {}", quote(text)));
  };
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data()) throw bad();
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  double scale = 1;
  if (!unit.empty()) {
    const std::size_t power = std::string_view("KMGTkmgt").find(unit.front());
    const std::string_view rest = unit.substr(1);
    const bool bytes = unit == "B";
    if (!bytes && (power == std::string_view::npos || (rest != "" && rest != "B" && rest != "iB"))) throw bad();
    for (std::size_t i = 0; !bytes && i <= power % 4; ++i) scale *= 1024;
  }
  const double bytes = static_cast<double>(number) * scale;
  if (!(bytes > 0) || bytes > most_bytes)
    throw std::invalid_argument(fmt::format("a size from 1 byte to 1e18, found {}", quote(text)));
  return bytes;
}

}  // namespace

std::vector<double> parse_sizes(std::string_view text) {
  std::set<double> sizes;
  std::string_view rest = text;
  do {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view part = rest.substr(0, comma);
    const std::size_t dots = part.find("..");
    const double first = parse_size(part.substr(0, std::min(dots, part.size())));
    const double last = dots == std::string_view::npos ? first : parse_size(part.substr(dots + 2));
    if (last < first) throw std::invalid_argument(fmt::format("a range that grows, found {}", quote(part)));
    for (double size = first; size <= last; size *= 2) sizes.insert(size);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (comma + 1 == text.size() && rest.empty()) parse_size("");  // a comma at the end
  } while (!rest.empty());
  return {sizes.begin(), sizes.end()};
}

std::vector<double> parse_shares(std::string_view text, std::size_t ranks) {
  constexpr std::string_view zipf = "zipf:";
  const auto number = [&](std::string_view part) {
    double value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || end != part.data() + part.size() || !(value >= 0 && value <= 1e6))
      throw std::invalid_argument(
          fmt::format("weights from 0 up joined by commas, or zipf:S such as zipf:1.2, found {}", quote(part)));
    return value;
  };
  std::vector<double> shares;
  if (text.starts_with(zipf)) {
    const double exponent = number(text.substr(zipf.size()));
    for (std::size_t r = 1; r <= ranks; ++r) shares.push_back(std::pow(static_cast<double>(r), -exponent));
  } else {
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t comma = std::min(text.find(',', at), text.size());
      shares.push_back(number(text.substr(at, comma - at)));
      at = comma + 1;
    }
  }
  if (shares.size() != ranks && shares.size() != ranks * ranks)
    throw std::invalid_argument(fmt::format("{} weights, one per receiver, or {}, a row per sender, found {}", ranks,
                                            ranks * ranks, shares.size()));
  double most = 0;
  for (std::size_t row = 0; row < shares.size(); row += ranks)
    most = std::max(most, std::accumulate(shares.begin() + static_cast<std::ptrdiff_t>(row),
                                          shares.begin() + static_cast<std::ptrdiff_t>(row + ranks), 0.0));
  if (!(most > 0)) throw std::invalid_argument("a weight above zero, found none");
  for (double& share : shares) share /= most;
  return shares;
}

std::vector<DeviceId> choose_devices(const Cluster& cluster, std::int64_t devices, std::optional<std::int64_t> nodes) {
  const Fabric& fabric = cluster.fabric;
  const auto all = static_cast<std::int64_t>(fabric.device_count());
  if (devices > all)
    throw std::invalid_argument(fmt::format("at most the {} devices of the machine, found {}", all, devices));
  std::vector<DeviceId> chosen;
  if (!nodes) {
    for (std::int64_t d = 0; d < devices; ++d) chosen.emplace_back(static_cast<std::size_t>(d));
    return chosen;
  }
  if (devices % *nodes != 0)
    throw std::invalid_argument(fmt::format("a multiple of the {} nodes, found {}", *nodes, devices));
  const std::int64_t each = devices / *nodes;
  std::map<std::uint32_t, std::int64_t> taken;
  for (std::size_t d = 0; d < fabric.device_count(); ++d) {
    const std::uint32_t node = fabric.vertex(fabric.vertex_of(DeviceId(d))).node;
    if (static_cast<std::int64_t>(node) < *nodes && taken[node]++ < each) chosen.emplace_back(d);
  }
  if (static_cast<std::int64_t>(chosen.size()) < devices)
    throw std::invalid_argument(
        fmt::format("{} devices on each of {} nodes: the machine has {} there", each, *nodes, chosen.size()));
  return chosen;
}

std::size_t node_count(const Cluster& cluster, std::span<const DeviceId> devices) {
  std::set<std::uint32_t> nodes;
  for (DeviceId d : devices) nodes.insert(cluster.fabric.vertex(cluster.fabric.vertex_of(d)).node);
  return nodes.size();
}

namespace {

std::string kind_name(CollectiveKind kind) { return std::string(collective_names[static_cast<std::size_t>(kind)]); }

// "it does on 4 and 8 devices": the nearest counts of leading devices of the machine that an algorithm can serve.
std::string where_it_works(const CollectiveAlgorithm& algorithm, CollectiveKind kind, const Cluster& cluster,
                           std::size_t devices) {
  const auto works = [&](std::size_t count) {
    std::vector<DeviceId> members;
    for (std::size_t d = 0; d < count; ++d) members.emplace_back(d);
    return algorithm.supports(kind, make_group(cluster, std::move(members)));
  };
  std::string text;
  for (std::size_t n = devices; n-- > 2 && text.empty();)
    if (works(n)) text = std::to_string(n);
  const std::size_t most = std::min(cluster.fabric.device_count(), 2 * devices);
  for (std::size_t n = devices + 1; n <= most; ++n)
    if (works(n)) {
      text += (text.empty() ? "" : " and ") + std::to_string(n);
      break;
    }
  return text;
}

// An algorithm of its own making has no use for a protocol of another.
void check_protocol(const CollectiveAlgorithm& algorithm, const CollectiveRequest& request) {
  const std::span<const std::string_view> known = algorithm.protocols;
  if (request.protocol == "auto" || std::find(known.begin(), known.end(), request.protocol) != known.end() ||
      (known.empty() && request.protocol == "simple"))
    return;
  throw std::invalid_argument(fmt::format("an algorithm with protocol {}, found {}, which has simple only",
                                          request.protocol, quote(request.algorithm)));
}

// Throws with a reason when the catalog has no such algorithm, or it does not serve this group.
void check_algorithm(const Cluster& cluster, const CollectiveRequest& request) {
  const auto catalog = collective_catalog();
  const Group group = make_group(cluster, request.members);
  std::string able;
  for (const auto& entry : catalog)
    if (entry.value.supports(request.kind, group)) able += (able.empty() ? "" : ", ") + std::string(entry.name);
  if (able.empty())
    throw std::invalid_argument(fmt::format("an algorithm for {} over {} devices: none of them does that",
                                            kind_name(request.kind), request.members.size()));
  if (request.algorithm == "auto") return;
  const auto* entry = find(catalog, request.algorithm);
  if (!entry) {
    auto known = names(catalog);
    known.emplace_back("auto");
    throw std::invalid_argument(
        fmt::format("one of {} or auto, found {}", able, quote_unknown(request.algorithm, known)));
  }
  if (entry->value.supports(request.kind, group)) return check_protocol(entry->value, request);
  const std::string works = request.members.size() <= 256
                                ? where_it_works(entry->value, request.kind, cluster, request.members.size())
                                : "";
  throw std::invalid_argument(
      fmt::format("an algorithm for {} over these {} devices ({}), found \"{}\" ({}){}", kind_name(request.kind),
                  request.members.size(), able, entry->name, entry->description,
                  works.empty() ? "" : fmt::format(", which can serve {} devices of this machine", works)));
}

std::string size_text(double bytes) {
  static constexpr std::array<std::string_view, 5> units = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; unit + 1 < units.size() && bytes >= 1024; ++unit) bytes /= 1024;
  return fmt::format("{:.4g} {}", bytes, units[unit]);
}

}  // namespace

CollectiveTimes::CollectiveTimes(const Cluster& cluster, CollectiveRequest request, CollectiveEvaluator evaluator,
                                 const Library& library)
    : cluster_(cluster), request_(std::move(request)), evaluator_(evaluator), library_(library) {
  check_algorithm(cluster_, request_);
  if (request_.members.size() > 1) wired_ = wire_collective(cluster_, request_);
}

CollectiveRow CollectiveTimes::row(double bytes) {
  request_.bytes = Bytes(bytes);
  const CollectivePlan plan = request_.members.size() > 1 ? plan_collective(wired_, request_)
                                                          : plan_collective(cluster_, request_);
  CollectiveRow row;
  row.bytes = bytes;
  row.algorithm = plan.algorithm;
  row.protocol = plan.protocol;
  row.why = plan.why;
  row.runner_up = runner_up(plan);
  const bool alone = evaluator_ == CollectiveEvaluator::analytic && !cluster_.fabric.has_circuits();
  row.time_s = alone ? analytic(plan) : run(plan, evaluator_);
  return row;
}

std::optional<RunnerUp> CollectiveTimes::runner_up(const CollectivePlan& plan) const {
  if (request_.user) return std::nullopt;
  double taken = 0;
  std::optional<RunnerUp> next;  // in seconds at first
  for (const CollectiveOption& option : wired_.options) {
    if (request_.protocol != "auto" && option.protocol != request_.protocol) continue;
    const OptionPrice priced = price(option, collective_calibration(), request_.bytes.value);
    if (!priced.known) continue;
    if (option.algorithm == plan.algorithm && option.protocol == plan.protocol)
      taken = priced.seconds;
    else if (!next || priced.seconds < next->slower)
      next = RunnerUp{option.algorithm + "/" + option.protocol, priced.seconds};
  }
  if (next) next->slower = next->slower / taken - 1;
  return next;
}

// Flows depend on algorithm and protocol only, so each pattern is routed once for all sizes.
double CollectiveTimes::analytic(const CollectivePlan& plan) {
  auto& routed = routed_[plan.algorithm + "/" + plan.protocol];
  if (routed.empty())
    for (const CollectiveStep& step : plan.steps)
      routed.push_back(route_pattern(cluster_.fabric, *cluster_.router, step.flows));
  double seconds = 0;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) seconds += time_alone(plan.steps[i], routed[i]).value;
  return seconds;
}

double CollectiveTimes::run(const CollectivePlan& plan, CollectiveEvaluator evaluator) const {
  ProgramBuilder builder;
  const QueueSetId queue = builder.on(request_.members.front(), Stream::data);
  Label label;
  label.collective = request_.kind;
  for (const CollectiveStep& step : plan.steps) {
    const OpId op = builder.transfer(queue, builder.pattern(step.flows), step.bytes, step.rounds, step.setup, label);
    builder.operation(op).efficiency = step.efficiency;
  }
  builder.device({request_.members.front(), 1, 0});
  SynchronousDriver driver(std::make_shared<const Program>(std::move(builder).finish()), 1);
  const auto costs = make_cost_model(cluster_.device_types, library_);
  FixedClockGovernor governor(cluster_);
  JobDriver* const drivers[] = {&driver};
  const auto evaluate = evaluator == CollectiveEvaluator::flow ? simulate_flow : evaluate_analytic;
  return evaluate(cluster_, *costs, governor, std::span<JobDriver* const>(drivers)).end_s;
}

std::vector<std::string> CollectiveTimes::notes(const std::vector<CollectiveRow>& rows) const {
  std::vector<std::string> all;
  std::string choices;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i > 0 && rows[i].algorithm == rows[i - 1].algorithm && rows[i].protocol == rows[i - 1].protocol) continue;
    choices += fmt::format("{}{}/{} from {}", choices.empty() ? "" : ", ", rows[i].algorithm, rows[i].protocol,
                           size_text(rows[i].bytes));
  }
  if (request_.user) {
    all.push_back("the schedule given, proved to give every rank the right result");
    const auto outside = std::count_if(rows.begin(), rows.end(),
                                       [&](const CollectiveRow& row) { return !request_.user->takes(row.bytes); });
    if (outside > 0)
      all.push_back(fmt::format(
          "warning: the file is for buffers {} (minBytes, maxBytes): for {} of {} sizes a library would not run it",
          request_.user->buffers(), outside, rows.size()));
  } else if (request_.algorithm != "auto") {
    all.push_back(fmt::format("{} as asked: {}", request_.algorithm, choices));
  } else if (!rows.empty()) {
    all.push_back(
        fmt::format("{}: {} (least predicted time; next best: the fastest of the others that were weighed, and by how "
                    "much slower; --json has the times of all)",
                    request_.algorithm, choices));
  }
  const Group group = make_group(cluster_, request_.members);
  std::set<std::string> links;
  if (group.domain) links.insert(group.domain->calibration);
  for (const GroupNode& node : group.nodes)
    if (node.domain && node.ranks.size() > 1) links.insert(node.domain->calibration);
  const CollectiveCalibration& calibration = collective_calibration();
  for (const std::string& link : links)
    if (!calibration.row(link))
      all.push_back(fmt::format("no measurements over {}: software costs are those of its {} of link", link,
                                calibration.row(link_family(link)) ? "family" : "class"));
  return all;
}

}  // namespace orrery
