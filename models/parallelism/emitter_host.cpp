// How long devices wait in the collectives of a pass while their hosts launch on. All of a blocking collective counts; of
// asynchronous ones what is left of them when the kernels beside them are done, up to the wait. Each step of these kernels takes
// at least the host time of its own launches that is not covered itself, so that what is exposed depends on what is covered; it
// is found by repetition, from below. Collectives of several kinds beside the same kernels are taken one after the other, and
// one that nobody in the pass waits for counts as hidden.
#include <algorithm>
#include <utility>

#include "models/parallelism/emitter.hpp"
#include "sim/cost_model.hpp"
#include "sim/routes.hpp"

namespace orrery {

namespace {

GroupFamily family_of(Peers peers) {
  switch (peers) {
    case Peers::context:
      return GroupFamily::context;
    case Peers::experts:
      return GroupFamily::experts;
    case Peers::expert_tensor:
      return GroupFamily::expert_tensor;
    default:
      return GroupFamily::tensor;
  }
}

Stream stream_of(Peers peers) {
  if (peers == Peers::context) return Stream::context;
  return peers == Peers::tensor ? Stream::tensor : Stream::expert;
}

}  // namespace

double Emitter::duration_alone(GroupFamily kind, std::size_t bundle, CollectiveKind collective, double bytes) {
  const auto [known, is_new] = alone_.try_emplace({kind, bundle, collective, bytes});
  if (is_new) {
    const Family& f = family(kind);
    CollectiveRequest request;
    request.kind = collective;
    request.members = members(f.groups[f.bundles[bundle].groups.front()]);
    request.bytes = Bytes(settings_.dispatch.bytes_sent(cluster_, request.members, kind, collective, bytes));
    known->second = time_alone(cluster_, planner_.plan(request)).value;
  }
  return known->second;
}

struct Emitter::Overlap {                // asynchronous collectives, up to the wait for them; by class
  std::vector<double> wire_s, device_s;  // device_s: collectives beside them
  struct Kernels {
    std::vector<double> device_s;
    double host_s = 0;
  };
  std::vector<Kernels> kernels;  // of each step beside them

  // What is left of them on a class, where so much of the host's time is not covered.
  double exposed(std::size_t c, double uncovered) const {
    double beside = device_s[c];
    for (const Kernels& k : kernels) beside += std::max(k.device_s[c], k.host_s * uncovered);
    return std::max(0.0, wire_s[c] - beside);
  }
};

namespace {

double host_time(const LayerStep& step) {
  double sum = 0;
  for (const Kernel& k : step.kernels) sum += k.host_s * k.repeat;
  return sum;
}

void add(std::vector<double>& to, const std::vector<double>& what) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += what[i];
}

}  // namespace

// By class, on idle links.
std::vector<double> Emitter::wire_time(const LayerStep& step) {
  std::vector<double> of_class(folding_.classes(), 0.0);
  const GroupFamily kind = family_of(step.peers);
  const Family& f = family(kind);
  for (std::size_t b = 0; b < f.bundles.size(); ++b) {
    const double alone = duration_alone(kind, b, step.collective, step.bytes);
    for (int c : f.bundles[b].classes) of_class[static_cast<std::size_t>(c)] += alone;
  }
  return of_class;
}

// By class, without the host's part.
std::vector<double> Emitter::device_time(const LayerStep& step) const {
  std::vector<Kernel> kernels = step.kernels;
  for (Kernel& k : kernels) k.host_s = 0;
  std::vector<double> of_class;
  for (std::size_t c = 0; c < folding_.classes(); ++c) {
    const DeviceTypeId type = cluster_.type_of[representative(static_cast<int>(c)).index()];
    of_class.push_back(settings_.costs->sequence(type, kernels, {}).time.value);
  }
  return of_class;
}

std::vector<Emitter::Overlap> Emitter::overlaps_of(const LayerSteps& steps) {
  std::vector<Overlap> all;
  bool in_flight = false;
  for (const LayerStep& step : steps) {
    const bool sends = step.kind == LayerStep::Kind::collective;
    if (sends && step.asynchronous && !std::exchange(in_flight, true))
      all.push_back({std::vector<double>(folding_.classes()), std::vector<double>(folding_.classes()), {}});
    if (!in_flight) continue;
    if (step.kind == LayerStep::Kind::wait) in_flight = false;
    if (sends) add(step.asynchronous ? all.back().wire_s : all.back().device_s, wire_time(step));
    if (step.kind != LayerStep::Kind::compute) continue;
    all.back().kernels.push_back({device_time(step), host_time(step)});
  }
  if (in_flight) all.pop_back();
  return all;
}

std::vector<double> Emitter::blocked_time(const LayerSteps& steps) {
  std::vector<double> blocked(folding_.classes(), 0.0);
  double host = 0;
  for (const LayerStep& step : steps) host += host_time(step);
  if (settings_.blocking_launches || settings_.survey || host <= 0) return blocked;
  for (const LayerStep& step : steps)
    if (step.kind == LayerStep::Kind::collective && !step.asynchronous) add(blocked, wire_time(step));
  if (!settings_.costs) return blocked;
  const std::vector<Overlap> overlaps = overlaps_of(steps);
  constexpr int repetitions = 50;
  for (std::size_t c = 0; c < blocked.size(); ++c) {
    double covered = blocked[c];
    for (int i = 0; i < repetitions; ++i) {
      double exposed = 0;
      for (const Overlap& o : overlaps) exposed += o.exposed(c, 1 - covered / host);
      covered = blocked[c] + exposed;
    }
    blocked[c] = covered;
  }
  return blocked;
}

std::vector<Emitter::Step> Emitter::prepare(const LayerSteps& steps) {
  const std::vector<double> blocked = blocked_time(steps);
  double host = 0;
  for (const LayerStep& step : steps) host += host_time(step);
  std::vector<Step> prepared;
  for (const LayerStep& s : steps) {
    Step p{s.kind, s.phase, {}, s.collective, family_of(s.peers), stream_of(s.peers), s.bytes, s.asynchronous};
    if (s.kind == LayerStep::Kind::compute) {
      std::map<double, SequenceId> with_cover;
      for (double waits : blocked) {
        const auto [known, is_new] = with_cover.try_emplace(waits);
        if (is_new) {
          std::vector<Kernel> kernels = s.kernels;
          if (host > 0)
            for (Kernel& k : kernels) k.covered_s = waits * k.host_s / host;
          known->second = builder_.sequence(kernels);
        }
        p.sequences.push_back(known->second);
      }
    }
    prepared.push_back(std::move(p));
  }
  return prepared;
}

}  // namespace orrery
