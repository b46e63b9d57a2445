// Equal parts that join the nodes of a cluster: switches of the fabric, NICs, cables with what is at their ends. Counted by who
// wires the fabric (topologies/network_inventory.hpp); energy, cost and the facts of a topology read them. Power is drawn
// all the time, whatever crosses; a part without a figure is one whose figure is not known.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/units.hpp"

namespace orrery {

struct NetworkItem {
  std::string kind;  // "switch", "nic", "cable"
  std::string part;  // its name; empty: what it is was not said
  std::string link;  // the class of links that it drives or joins
  double count = 0;
  std::optional<Watts> power;    // of one
  std::optional<Dollars> price;  // of one
  std::string as_of;             // that price
  bool in_host_power = false;    // a NIC of a node whose host power is stated

  std::string name() const { return part.empty() ? kind + " of " + link : part; }
};

// Of all items whose power is known and not part of the hosts'.
inline Watts network_power(const std::vector<NetworkItem>& items) {
  Watts all(0);
  for (const NetworkItem& item : items)
    if (item.power && !item.in_host_power) all += *item.power * item.count;
  return all;
}

// Links of a class that these items drive and join: their power is that of the items, not of the bits.
inline bool is_network_link(const std::vector<NetworkItem>& items, std::string_view link) {
  return std::any_of(items.begin(), items.end(), [&](const NetworkItem& item) { return item.link == link; });
}

}  // namespace orrery
