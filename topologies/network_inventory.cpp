#include "topologies/network_inventory.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace orrery {

namespace {

NetworkItem item_of(const char* kind, const std::optional<NetworkPart>& part, const std::string& link) {
  NetworkItem item;
  item.kind = kind;
  item.link = link;
  if (!part) return item;
  item.part = part->name;
  item.power = part->power;
  item.price = part->price;
  item.as_of = part->as_of;
  return item;
}

auto identity(const NetworkItem& item) {
  return std::tie(item.kind, item.part, item.link, item.power, item.price, item.as_of, item.in_host_power);
}

void add(std::vector<NetworkItem>& items, NetworkItem item, double count) {
  const auto same = std::find_if(items.begin(), items.end(),
                                 [&](const NetworkItem& known) { return identity(known) == identity(item); });
  if (same != items.end()) {
    same->count += count;
  } else {
    item.count = count;
    items.push_back(std::move(item));
  }
}

double switches_for(double cables, int ports, bool merged) {
  // Widths of cables are sums; a rounding error is no switch.
  const double full = cables / ports * (1 - 1e-9);
  if (merged || full <= 1 || ports < 4) return std::ceil(full);
  int levels = 1;
  for (double reach = ports; reach < cables * (1 - 1e-9); reach *= ports / 2.0) ++levels;
  return std::ceil(full * (2 * levels - 1));
}

}  // namespace

void NetworkInventory::nics(const NicSpec& nics, int cables, bool in_host_power) {
  NetworkItem item = item_of("nic", nics.adapter ? nics.adapter : nics.link.adapter, nics.link.name);
  item.in_host_power = in_host_power;
  add(counted_, std::move(item), cables);
}

void NetworkInventory::cables(const std::optional<NetworkPart>& part, const std::string& link, double count) {
  add(counted_, item_of("cable", part, link), count);
}

void NetworkInventory::switch_ports(VertexId place, const std::optional<NetworkPart>& part, const std::string& link,
                                    double cables, int ports, bool merged) {
  auto [seat, added] = seats_.try_emplace(place);
  if (added) seat->second.item = item_of("switch", part, link);
  seat->second.cables += cables;
  seat->second.ports = ports;
  seat->second.merged = merged;
}

void NetworkInventory::switches(VertexId place, const std::optional<NetworkPart>& part, const std::string& link,
                                int count) {
  auto [seat, added] = seats_.try_emplace(place);
  if (added) seat->second.item = item_of("switch", part, link);
  seat->second.switches = std::max(seat->second.switches, count);
}

std::vector<NetworkItem> NetworkInventory::items() const {
  std::vector<NetworkItem> items;
  for (const auto& [place, seat] : seats_) {
    const double needed = seat.ports > 0 ? switches_for(seat.cables, seat.ports, seat.merged) : 0;
    add(items, seat.item, std::max({needed, static_cast<double>(seat.switches), 1.0}));
  }
  for (const char* kind : {"nic", "cable"})
    for (const NetworkItem& item : counted_)
      if (item.kind == kind) items.push_back(item);
  return items;
}

}  // namespace orrery
