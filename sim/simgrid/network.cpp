#include "sim/simgrid/network.hpp"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <limits>

#include <simgrid/Exception.hpp>
#include <simgrid/kernel/Timer.hpp>
#include <simgrid/kernel/resource/NetworkModelIntf.hpp>
#include <simgrid/kernel/routing/NetZoneImpl.hpp>
#include <simgrid/s4u/Comm.hpp>
#include <simgrid/s4u/Engine.hpp>
#include <simgrid/s4u/Host.hpp>
#include <simgrid/s4u/Link.hpp>

#include "sim/error.hpp"
#include "sim/simgrid/settings.hpp"

namespace orrery {
namespace {

namespace s4u = simgrid::s4u;
namespace routing = simgrid::kernel::routing;
using simgrid::kernel::timer::Timer;
using LinkImpl = simgrid::kernel::resource::StandardLinkImpl;

constexpr double payload = 1125899906842624.0;  // 2^50

// Routes everything over the links of the flow that is being started.
class FlowZone : public routing::NetZoneImpl {
 public:
  FlowZone() : NetZoneImpl("fabric") {}
  void get_local_route(const routing::NetPoint*, const routing::NetPoint*, routing::Route* into,
                       double* latency) override {
    into->link_list_ = links;
    *latency += 1;  // the same for all flows: see settings.cpp
  }
  std::vector<LinkImpl*> links;
};

}  // namespace

struct SimGridNetwork::Platform {
  s4u::Engine engine{"orrery"};
  FlowZone* zone = nullptr;
  s4u::Host *source = nullptr, *sink = nullptr;
  std::vector<s4u::Link*> links;
  std::vector<s4u::CommPtr> comms;  // by flow
  std::vector<s4u::CommPtr> ended;  // SimGrid still uses them until its clock moves on
  double ended_at = 0;
  double factor = 1;  // of the flow that is being started
  Timer* timer = nullptr;
  double timer_date = 0;

  void keep(s4u::CommPtr comm) {
    ended.push_back(std::move(comm));
    ended_at = s4u::Engine::get_clock();
  }
};

SimGridNetwork::SimGridNetwork(const Fabric& fabric, std::size_t least_links)
    : contention_(fabric), least_links_(least_links) {}

bool SimGridNetwork::shared(const IndexedProgram& indexed, std::size_t op) const {
  return contention_.shared(indexed.program.get(), op);
}

void SimGridNetwork::add(const IndexedProgram& indexed) {
  if (!contention_.add(indexed) || !platform_) return;
  std::vector<std::uint32_t> active;
  for (std::uint32_t i = 0; i < flows_.size(); ++i) {
    if (!flows_[i].active) continue;
    active.push_back(i);
    flows_[i].bytes = flows_[i].alone ? left_alone(flows_[i]) : halt(i);
  }
  flows_on_.clear();
  assign_capacities();
  for (std::uint32_t i : active) begin(i);
}

void SimGridNetwork::start(std::uint32_t index, const IndexedProgram& indexed, std::size_t op, double bytes) {
  if (flows_.size() <= index) flows_.resize(index + 1);
  Flow& flow = flows_[index];
  flow.pattern = contention_.pattern(indexed.program.get(), op);
  flow.bytes = bytes;
  flow.active = true;
  ++active_flows_;
  if (platform_) begin(index);
}

double SimGridNetwork::stop(std::uint32_t index) {
  if (!platform_) {
    flows_[index].active = false;
    --active_flows_;
    return flows_[index].bytes;
  }
  const double left = flows_[index].alone ? left_alone(flows_[index]) : halt(index);
  end(index);
  return left;
}

// Joins the flows in flight.
void SimGridNetwork::begin(std::uint32_t index) {
  bool meets = false;
  const auto& uses = contention_.uses(flows_[index].pattern);
  if (flows_on_.size() < contention_.constraints().size()) flows_on_.resize(contention_.constraints().size());
  for (const ConstraintUse& use : uses) {
    auto& others = flows_on_[use.constraint];
    for (std::uint32_t other : others) {
      meets = true;
      if (flows_[other].alone) give_to_simgrid(other);
    }
    others.push_back(index);
  }
  if (meets)
    launch(index);
  else
    run_alone(index);
}

void SimGridNetwork::end(std::uint32_t index) {
  Flow& flow = flows_[index];
  for (const ConstraintUse& use : contention_.uses(flow.pattern)) std::erase(flows_on_[use.constraint], index);
  flow.active = flow.alone = false;
  ++flow.generation;
  --active_flows_;
}

void SimGridNetwork::run_alone(std::uint32_t index) {
  Flow& flow = flows_[index];
  double limit = std::numeric_limits<double>::infinity();
  for (const ConstraintUse& use : contention_.uses(flow.pattern))
    limit = std::min(limit, contention_.constraints()[use.constraint].capacity / use.count);
  flow.alone = true;
  flow.since = s4u::Engine::get_clock();
  flow.until = flow.since + flow.bytes * contention_.fair_share(flow.pattern) / limit;
  arrivals_.push_back({flow.until, order_++, index, ++flow.generation});
  std::push_heap(arrivals_.begin(), arrivals_.end(), std::greater<>());
}

// Never nothing: a flow that is launched must have something to carry.
double SimGridNetwork::left_alone(const Flow& flow) const {
  const double whole = flow.until - flow.since, left = flow.until - s4u::Engine::get_clock();
  return flow.bytes * (whole > 0 ? std::clamp(left / whole, 1e-15, 1.0) : 1e-15);
}

void SimGridNetwork::give_to_simgrid(std::uint32_t index) {
  Flow& flow = flows_[index];
  flow.bytes = left_alone(flow);
  flow.alone = false;
  ++flow.generation;
  launch(index);
}

double SimGridNetwork::next_arrival() {
  while (!arrivals_.empty()) {
    const Arrival& first = arrivals_.front();
    if (flows_[first.flow].alone && flows_[first.flow].generation == first.generation) return first.date;
    std::pop_heap(arrivals_.begin(), arrivals_.end(), std::greater<>());
    arrivals_.pop_back();
  }
  return std::numeric_limits<double>::infinity();
}

// All arrivals of flows that are alone and all events of the core, in order.
void SimGridNetwork::happen(double until) {
  while (true) {
    const double arrival = next_arrival(), event = core_->next_date();
    if (std::min(arrival, event) > until || core_->over()) return;
    if (event < arrival) {
      core_->advance(event);
      continue;
    }
    const std::uint32_t flow = arrivals_.front().flow;
    end(flow);
    core_->flow_arrived(flow, arrival);
  }
}

// Puts a flow on the wire.
void SimGridNetwork::launch(std::uint32_t index) {
  Platform& p = *platform_;
  const Flow& flow = flows_[index];
  p.zone->links.clear();
  for (const ConstraintUse& use : contention_.uses(flow.pattern))
    p.zone->links.insert(p.zone->links.end(), use.count, p.links[use.constraint]->get_impl());
  p.factor = payload / (flow.bytes * contention_.fair_share(flow.pattern));
  if (p.ended_at < s4u::Engine::get_clock()) p.ended.clear();
  auto comm = s4u::Comm::sendto_async(p.source, p.sink, static_cast<std::uint64_t>(payload));
  if (p.comms.size() <= index) p.comms.resize(index + 1);
  // Data is the number of the flow plus one; none means that we no longer want to hear of it.
  comm->set_data(reinterpret_cast<void*>(static_cast<std::uintptr_t>(index) + 1));
  p.comms[index] = std::move(comm);
}

// Takes a flow off the wire; returns the bytes of the Transfer that had not arrived.
double SimGridNetwork::halt(std::uint32_t index) {
  const double bytes = flows_[index].bytes;
  Platform& p = *platform_;
  s4u::CommPtr comm = std::move(p.comms[index]);
  comm->set_data(nullptr);
  const double left = bytes * std::clamp(comm->get_remaining() / payload, 1e-15, 1.0);
  comm->cancel();
  p.keep(std::move(comm));
  // Without a timer due now SimGrid would compute the next date with the flow still in place.
  Timer::set(s4u::Engine::get_clock(), [] {});
  return left;
}

void SimGridNetwork::assign_capacities() {
  const auto& constraints = contention_.constraints();
  auto& links = platform_->links;
  if (constraints.size() > links.size()) throw LinksUsedUp{constraints.size()};
  for (std::size_t i = 0; i < constraints.size(); ++i)
    if (links[i]->get_bandwidth() != constraints[i].capacity) links[i]->set_bandwidth(constraints[i].capacity);
}

void SimGridNetwork::arrived(std::uint32_t index) {
  Platform& p = *platform_;
  p.keep(std::move(p.comms[index]));
  end(index);
  core_->flow_arrived(index, s4u::Engine::get_clock());
  after_events();
}

// One timer stands for the earliest event of the core and of flows that are alone. It is never further away than
// twice the clock: SimGrid advances its clock by adding a difference, which is exact only as long as no step more
// than doubles it (Sterbenz). With an exact clock a date is met exactly, whatever timers came before it.
void SimGridNetwork::arm() {
  constexpr double never = std::numeric_limits<double>::infinity();
  Platform& p = *platform_;
  const double clock = s4u::Engine::get_clock();
  double date = core_->over() ? never : std::min(core_->next_date(), next_arrival());
  if (clock > 0 && (std::isfinite(date) || active_flows_ > 0)) date = std::min(date, 2 * clock);
  if (p.timer && p.timer_date <= date && std::isfinite(date)) return;  // early is harmless
  if (p.timer) p.timer->remove();
  p.timer = nullptr;
  if (!std::isfinite(date)) return;
  p.timer_date = std::max(date, clock);
  p.timer = Timer::set(p.timer_date, [this] {
    platform_->timer = nullptr;
    happen(platform_->timer_date);
    after_events();
  });
}

void SimGridNetwork::after_events() {
  if (!core_->over() && (!core_->can_go_on() || (active_flows_ == 0 && !std::isfinite(core_->next_date()))))
    core_->stuck();
  arm();
}

void SimGridNetwork::run(EngineCore& core) {
  core_ = &core;
  core.start();
  platform_ = new Platform;
  Platform& p = *platform_;
  for (int signal : {SIGINT, SIGSEGV, SIGBUS}) std::signal(signal, SIG_DFL);  // SimGrid installed its own
  pin_simgrid_settings();
  p.zone = new FlowZone;  // belongs to the engine
  p.source = p.zone->create_host("source", {1.0});
  p.sink = p.zone->create_host("sink", {1.0});
  const std::size_t links = std::max(contention_.constraints().size(), least_links_);
  for (std::size_t i = 0; i < links; ++i) p.links.push_back(p.zone->create_link(fmt::format("l{}", i), {1.0}));
  p.zone->get_iface()->get_network_model()->set_bw_factor_cb(
      [&p](double, const s4u::Host*, const s4u::Host*, const std::vector<s4u::Link*>&,
           const std::unordered_set<s4u::NetZone*>&) { return p.factor; });
  p.zone->seal();
  assign_capacities();
  s4u::Activity::on_completion_cb([this](const s4u::Activity& activity) {
    const auto data = reinterpret_cast<std::uintptr_t>(static_cast<const s4u::Comm&>(activity).get_data<void>());
    if (data > 0) arrived(static_cast<std::uint32_t>(data - 1));
  });
  for (std::uint32_t i = 0; i < flows_.size(); ++i)
    if (flows_[i].active) begin(i);
  after_events();
  p.engine.run();
  if (!core.over()) core.stuck();
}

}  // namespace orrery
