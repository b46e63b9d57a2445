// From a request to transfers: prices the options, takes the cheapest and writes its traffic as flows.
#include "kernels/collectives/collective.hpp"
#include "kernels/collectives/options.hpp"
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

// Every round waits for all its sends; the software cost of a phase is divided over its rounds.
std::vector<CollectiveStep> write_step_detail(const Group& group, const Schedule& schedule, const OptionPrice& priced,
                                              double bytes) {
  std::vector<std::size_t> rounds_of_phase;
  for (const Round& round : schedule.rounds) {
    if (rounds_of_phase.size() <= round.phase) rounds_of_phase.resize(round.phase + 1);
    ++rounds_of_phase[round.phase];
  }
  std::vector<CollectiveStep> steps;
  for (const Round& round : schedule.rounds) {
    std::vector<PairTraffic> pairs;
    for (const Send& send : round.sends) pairs.push_back({send.from, send.to, send.chunks * schedule.chunk_share});
    merge_pairs(pairs);
    CollectiveStep step;
    step.flows = flows_of(group, pairs);
    step.bytes = bytes;
    step.efficiency = priced.efficiency[round.phase];
    step.rounds = 1;
    step.setup = Seconds(priced.setup_s[round.phase] / static_cast<double>(rounds_of_phase[round.phase]));
    steps.push_back(std::move(step));
  }
  if (!steps.empty()) steps.front().setup += Seconds(priced.start_s);
  return steps;
}

void check_algorithm(const std::string& algorithm) {
  auto known = names(collective_catalog());
  known.emplace_back("auto");
  for (const std::string& name : known)
    if (name == algorithm) return;
  throw SpecError("", "/algorithm", "a collective algorithm (see `orrery list collectives`)",
                  quote_unknown(algorithm, known));
}

}  // namespace

CollectivePlan plan_collective(const Cluster& cluster, const CollectiveRequest& request) {
  check_algorithm(request.algorithm);
  if (request.members.size() < 2) return {request.algorithm, "", "a group of one has nothing to send", {}};
  const Group group = make_group(cluster, request.members);
  const CollectiveCalibration& calibration = collective_calibration();
  const double bytes = request.bytes.value;
  std::vector<std::vector<TrafficPhase>> traffic;
  const auto options = collective_options(group, request.kind, request.algorithm, &traffic);

  std::size_t best = options.size();
  OptionPrice best_price;
  std::string weighed;
  for (std::size_t i = 0; i < options.size(); ++i) {
    OptionPrice priced = price(options[i], calibration, bytes);
    if (!priced.known) continue;
    weighed += fmt::format("{}{}/{} {:.4g} us", weighed.empty() ? "" : ", ", options[i].entry->name,
                           options[i].protocol, priced.seconds * 1e6);
    if (best < options.size() && priced.seconds >= best_price.seconds) continue;
    best = i;
    best_price = std::move(priced);
  }
  if (best == options.size()) {
    const std::string kind(collective_names[static_cast<std::size_t>(request.kind)]);
    throw SpecError("", "/algorithm",
                    fmt::format("an algorithm for {} over this group of {} devices", kind, group.ranks),
                    "\"" + request.algorithm + "\"");
  }
  CollectivePlan plan;
  plan.algorithm = options[best].entry->name;
  plan.protocol = options[best].protocol;
  plan.why = "least predicted time of " + weighed;
  if (request.detail == CollectiveDetail::step)
    plan.steps = write_step_detail(group, options[best].entry->value.schedule(request.kind, group), best_price, bytes);
  else
    plan.steps = write_flow_detail(group, options[best], traffic[best], best_price, bytes);
  return plan;
}

}  // namespace orrery
