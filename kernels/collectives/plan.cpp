// From a request to transfers: prices the options, takes the cheapest and writes its traffic as flows.
#include <algorithm>

#include <fmt/ranges.h>

#include "kernels/collectives/collective.hpp"
#include "kernels/collectives/options.hpp"
#include "kernels/collectives/planner.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace {

std::vector<CollectiveStep> write_flow_detail(const Group& group, const CollectiveOption& option,
                                              const std::vector<TrafficPhase>& traffic, const OptionPrice& priced,
                                              double bytes) {
  std::vector<CollectiveStep> steps;
  for (std::size_t i = 0; i < traffic.size(); ++i) {
    CollectiveStep step;
    step.flows = flows_of(group, traffic[i].pairs);
    step.bytes = bytes;
    step.efficiency = priced.efficiency[i];
    step.rounds = static_cast<std::uint32_t>(option.phases[i].outer_rounds);
    step.setup = Seconds(priced.setup_s[i]);
    steps.push_back(std::move(step));
  }
  if (!steps.empty()) steps.front().setup += Seconds(priced.start_s);
  return steps;
}

// Rate reached on the links of a round over their own: the worse of its two levels.
double efficiency_of(const LevelLoads& loads, const OptionPrice& priced) {
  const double reached = std::max(loads.outer / priced.outer_efficiency, loads.inner / priced.inner_efficiency);
  return reached > 0 ? std::max(loads.outer, loads.inner) / reached : 1;
}

// Every round waits for all its sends; the software cost of a phase is divided over its rounds.
std::vector<CollectiveStep> write_step_detail(const Group& group, const CollectiveSchedule& schedule,
                                              const OptionPrice& priced, double bytes) {
  std::vector<std::size_t> rounds_of_phase;
  const auto moves = [](const Round& round) {
    return std::any_of(round.sends.begin(), round.sends.end(), [](const Send& send) { return !send.local(); });
  };
  for (const Round& round : schedule.rounds) {
    if (rounds_of_phase.size() <= round.phase) rounds_of_phase.resize(round.phase + 1);
    if (moves(round)) ++rounds_of_phase[round.phase];
  }
  std::vector<CollectiveStep> steps;
  for (const Round& round : schedule.rounds) {
    if (!moves(round)) continue;
    std::vector<PairTraffic> pairs;
    for (const Send& send : round.sends)
      if (!send.local()) pairs.push_back({send.from, send.to, schedule.share_of(send), 1});
    merge_pairs(pairs);
    CollectiveStep step;
    step.flows = flows_of(group, pairs);
    step.bytes = bytes;
    const Cluster& cluster = *group.cluster;
    step.efficiency = efficiency_of(level_loads(group, route_pattern(cluster.fabric, *cluster.router, step.flows)),
                                    priced);
    step.rounds = 1;
    step.setup = Seconds(priced.software_s[round.phase] / static_cast<double>(rounds_of_phase[round.phase]));
    steps.push_back(std::move(step));
  }
  if (!steps.empty()) steps.front().setup += Seconds(priced.start_s);
  return steps;
}

void check_algorithm(const std::string& algorithm) {
  if (algorithm == "auto") return;
  for (const auto& entry : collective_catalog())
    if (entry.name == algorithm) return;
  auto known = names(collective_catalog());
  known.emplace_back("auto");
  throw SpecError("", "/algorithm", "a collective algorithm (see `orrery list collectives`)",
                  quote_unknown(algorithm, known));
}

void check_shares(const CollectiveRequest& request) {
  const std::size_t n = request.members.size(), found = request.shares.size();
  if (found == 0) return;
  if (request.kind != CollectiveKind::all_to_all)
    throw SpecError("", "/shares", "uneven shares for an all_to_all only",
                    std::string(collective_names[static_cast<std::size_t>(request.kind)]));
  if (found != n && found != n * n)
    throw SpecError("", "/shares", fmt::format("{} numbers, one per receiver, or {}, a row per sender", n, n * n),
                    std::to_string(found));
  for (double share : request.shares)
    if (!(share >= 0 && share <= 1e6)) throw SpecError("", "/shares", "shares from 0 up", fmt::format("{}", share));
}

struct Choice {
  std::size_t best = 0;  // options.size(): none is known
  OptionPrice price;
};

// `why`: also says what was weighed, if given.
Choice choose(const std::vector<CollectiveOption>& options, const CollectiveRequest& request, std::string* why) {
  Choice choice;
  choice.best = options.size();
  std::string weighed;
  for (std::size_t i = 0; i < options.size(); ++i) {
    if (request.protocol != "auto" && options[i].protocol != request.protocol) continue;
    if (request.algorithm != "auto" && options[i].algorithm != request.algorithm) continue;
    OptionPrice priced = price(options[i], collective_calibration(), request.bytes.value);
    if (!priced.known) continue;
    if (why)
      weighed += fmt::format("{}{}/{} {:.4g} us", weighed.empty() ? "" : ", ", options[i].algorithm,
                             options[i].protocol, priced.seconds * 1e6);
    if (choice.best < options.size() && priced.seconds >= choice.price.seconds) continue;
    choice.best = i;
    choice.price = std::move(priced);
  }
  if (why) *why = "least predicted time of " + weighed;
  return choice;
}

std::string_view name_of(CollectiveKind kind) { return collective_names[static_cast<std::size_t>(kind)]; }

std::vector<std::string> links_of(const CollectiveOption& option) {
  std::vector<std::string> links = {option.outer_link};
  links.insert(links.end(), option.other_outer_links.begin(), option.other_outer_links.end());
  if (!option.inner_link.empty()) links.push_back(option.inner_link);
  links.insert(links.end(), option.other_inner_links.begin(), option.other_inner_links.end());
  return links;
}

CollectivePlan write_user_plan(const Group& group, const UserSchedule& user, const CollectiveOption& option,
                               const std::vector<TrafficPhase>& traffic, const CollectiveRequest& request) {
  const OptionPrice priced = price(option, collective_calibration(), request.bytes.value);
  if (!priced.known)
    throw SpecError("", "/schedule",
                    fmt::format("a protocol whose costs over {} are known for {}", fmt::join(links_of(option), " and "),
                                name_of(user.kind)),
                    quote(user.protocol));
  CollectivePlan plan{user.name, user.protocol, "the schedule given", {}};
  plan.steps = request.detail == CollectiveDetail::step
                   ? write_step_detail(group, user.schedule, priced, request.bytes.value)
                   : write_flow_detail(group, option, traffic, priced, request.bytes.value);
  return plan;
}

void check_user_schedule(const Group& group, const CollectiveRequest& request) {
  const UserSchedule& user = *request.user;
  if (user.kind != request.kind || user.schedule.ranks != group.ranks)
    throw SpecError("", "/schedule", fmt::format("a schedule of {} over {} ranks", name_of(request.kind), group.ranks),
                    fmt::format("one of {} over {} ({})", name_of(user.kind), user.schedule.ranks, user.name));
}

}  // namespace

Seconds time_alone(const CollectiveStep& step, const RoutedPattern& routed) {
  Operation transfer;
  transfer.kind = OpKind::transfer;
  transfer.bytes = step.bytes;
  transfer.efficiency = step.efficiency;
  transfer.rounds = step.rounds;
  transfer.setup_s = step.setup.value;
  return time_alone(transfer, routed);
}

Seconds time_alone(const Cluster& cluster, const CollectivePlan& plan) {
  Seconds sum{0};
  for (const CollectiveStep& step : plan.steps)
    sum += time_alone(step, route_pattern(cluster.fabric, *cluster.router, step.flows));
  return sum;
}

namespace {

// Switches that could add, but not for this group.
bool reduction_is_off(const Group& group) {
  return group.nodes.size() > 1 && group.domain && group.domain->level > 0 && group.domain->in_network_reduction &&
         group.trees.empty();
}

CollectivePlan write_plan(const Group& group, const std::vector<CollectiveOption>& options,
                          const std::vector<std::vector<TrafficPhase>>& traffic, const CollectiveRequest& request,
                          bool explain) {
  CollectivePlan plan;
  const Choice choice = choose(options, request, explain ? &plan.why : nullptr);
  if (choice.best == options.size()) {
    const std::string kind(collective_names[static_cast<std::size_t>(request.kind)]);
    throw SpecError(
        "", "/algorithm", fmt::format("an algorithm for {} over this group of {} devices", kind, group.ranks),
        quote(request.algorithm) + (request.protocol == "auto" ? "" : " with protocol " + quote(request.protocol)));
  }
  if (explain && request.kind == CollectiveKind::all_reduce && request.algorithm == "auto" && reduction_is_off(group))
    plan.why += "; switches add nothing: failed NICs or cables leave no tree of them to all nodes";
  const CollectiveOption& option = options[choice.best];
  plan.algorithm = option.algorithm;
  plan.protocol = option.protocol;
  if (request.detail == CollectiveDetail::step)
    plan.steps = write_step_detail(group, schedule_of(option.entry->value, request.kind, group, request.shares),
                                   choice.price, request.bytes.value);
  else
    plan.steps = write_flow_detail(group, option, traffic[choice.best], choice.price, request.bytes.value);
  return plan;
}

}  // namespace

WiredCollective wire_collective(const Cluster& cluster, const CollectiveRequest& request) {
  check_algorithm(request.algorithm);
  check_shares(request);
  WiredCollective wired;
  wired.group = make_group(cluster, request.members);
  if (request.user) {
    check_user_schedule(wired.group, request);
    wired.traffic.push_back(aggregate(request.user->schedule, wired.group));
    wired.options.push_back(user_option(wired.group, *request.user, wired.traffic[0]));
    return wired;
  }
  wired.options = collective_options(wired.group, request.kind, request.algorithm, &wired.traffic, request.shares);
  return wired;
}

CollectivePlan plan_collective(const WiredCollective& wired, const CollectiveRequest& request) {
  if (request.user) return write_user_plan(wired.group, *request.user, wired.options[0], wired.traffic[0], request);
  return write_plan(wired.group, wired.options, wired.traffic, request, true);
}

CollectivePlan plan_collective(const Cluster& cluster, const CollectiveRequest& request) {
  if (request.members.size() < 2) {
    check_algorithm(request.algorithm);
    check_shares(request);
    return {request.algorithm, "", "a group of one has nothing to send", {}};
  }
  return plan_collective(wire_collective(cluster, request), request);
}

struct CollectivePlanner::Wired {
  struct Own {
    std::shared_ptr<const UserSchedule> schedule;
    std::vector<TrafficPhase> traffic;
    CollectiveOption option;
  };
  Group group;
  std::vector<Own> own;                           // for buffers that they take; else a library chooses
  mutable std::vector<CollectiveOption> options;  // that it would weigh, once it was asked
  mutable std::vector<std::vector<TrafficPhase>> traffic;
};

CollectivePlanner::CollectivePlanner(const Cluster& cluster, UserSchedules own)
    : cluster_(cluster), own_(std::move(own)) {}
CollectivePlanner::~CollectivePlanner() = default;

CollectivePlan CollectivePlanner::plan(const CollectiveRequest& request) {
  if (request.members.size() < 2 || request.user || !request.shares.empty()) return plan_collective(cluster_, request);
  const Wired& wired = wired_for(request.kind, request.members);
  for (const Wired::Own& own : wired.own) {
    if (!own.schedule->takes(request.bytes.value)) continue;
    CollectivePlan plan = write_user_plan(wired.group, *own.schedule, own.option, own.traffic, request);
    // Told apart from what runs for other buffers, whatever its name.
    if (const std::string buffers = own.schedule->buffers(); !buffers.empty()) plan.algorithm += " " + buffers;
    return plan;
  }
  if (wired.options.empty()) wired.options = collective_options(wired.group, request.kind, "auto", &wired.traffic);
  const bool weighed = request.algorithm == "auto" ||
                       std::any_of(wired.options.begin(), wired.options.end(), [&](const CollectiveOption& option) {
                         return option.algorithm == request.algorithm;
                       });
  if (!weighed) return plan_collective(cluster_, request);
  return write_plan(wired.group, wired.options, wired.traffic, request, false);
}

const CollectivePlanner::Wired& CollectivePlanner::wired_for(CollectiveKind kind,
                                                             const std::vector<DeviceId>& members) {
  constexpr std::size_t most_members = 1 << 16;  // a few kB each at most
  if (kept_members_ > most_members) {
    kept_.clear();
    kept_members_ = 0;
  }
  auto& kept = kept_[{kind, members}];
  if (kept) return *kept;
  kept_members_ += members.size();
  kept = std::make_unique<Wired>();
  kept->group = make_group(cluster_, members);
  for (const auto& schedule : own_) {
    if (schedule->shape() != CollectiveShape{kind, members.size()}) continue;
    std::vector<TrafficPhase> traffic = aggregate(schedule->schedule, kept->group);
    for (const TrafficPhase& phase : traffic) kept_members_ += phase.pairs.size();
    CollectiveOption option = user_option(kept->group, *schedule, traffic);
    kept->own.push_back({schedule, std::move(traffic), std::move(option)});
  }
  return *kept;
}

}  // namespace orrery
