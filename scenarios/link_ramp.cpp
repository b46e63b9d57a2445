#include "scenarios/link_ramp.hpp"

#include <cmath>

#include <fmt/format.h>

#include "kernels/collectives/collective.hpp"
#include "sim/unit_text.hpp"
#include "topologies/wiring.hpp"

namespace orrery {

namespace {

Cluster machine_of(const LinkModel& link) {
  NodeModel node;
  node.name = "ends of " + link.name;
  node.device.name = "device";
  ClusterSpec spec;
  if (link.kind == "scale-up" || link.kind == "host") {
    node.devices = 2;
    node.scale_up.kind = "full-mesh";
    node.scale_up.link = link;
    node.scale_up.links_per_device = 1;
    spec.fabric.kind = "none";
    spec.pools.push_back({"", std::move(node), 1, {}, 1});
  } else {
    node.scale_up.kind = "none";
    node.nics = NicSpec{link, 1, {}, {}};
    // The switch between the two stands for the one link where there is none.
    if (link.kind == "wide-area" && link.latency) node.nics->link.latency = *link.latency / 2;
    spec.fabric.kind = "single-switch";
    spec.pools.push_back({"", std::move(node), 2, {}, 1});
  }
  return build_cluster(spec);
}

}  // namespace

LinkRamp::LinkRamp(const LinkModel& link) : link_(link) {
  if (link.kind != "memory") machine_ = machine_of(link);
}

double LinkRamp::seconds(double bytes) const {
  if (!machine_) return link_.latency.value_or(Seconds(0)).value + bytes / payload(link_).value;
  CollectiveRequest request;
  request.kind = CollectiveKind::send_receive;
  request.members = {DeviceId(0), DeviceId(1)};
  request.bytes = Bytes(bytes);
  return time_alone(*machine_, plan_collective(*machine_, request)).value;
}

MessageTime LinkRamp::at(double bytes) const {
  const double time = seconds(bytes);
  return {time, bytes / time, bytes / time / link_.bandwidth_per_direction.value};
}

std::optional<double> LinkRamp::half_rate_bytes() const {
  const double wanted = payload(link_).value / 2;
  double low = 1, high = 1ull << 40;
  if (at(high).rate < wanted) return std::nullopt;
  while (high > low * 1.001) {
    const double middle = std::sqrt(low * high);
    (at(middle).rate < wanted ? low : high) = middle;
  }
  return high;
}

std::string LinkRamp::text() const {
  const MessageTime message = at(ramp_message_bytes);
  const auto half = half_rate_bytes();
  return fmt::format("a message of 64 KiB takes {}{}: {}, {:.0f} % of the line rate; {}",
                     human(Seconds(message.seconds)),
                     machine_ ? " (`orrery collective send_recv` between devices that only this link joins)"
                              : " (load or store, no library)",
                     human(BytesPerSecond(message.rate)), 100 * message.of_line_rate,
                     half ? fmt::format("half of the payload rate from {}", human(Bytes(*half)))
                          : std::string("messages of any size get less than half of the payload rate"));
}

}  // namespace orrery
