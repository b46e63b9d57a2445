#include "analysis/topology_facts_text.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "analysis/text_style.hpp"
#include "sim/unit_text.hpp"

namespace orrery {

namespace {

std::string rate(double bytes_per_s) { return human(BytesPerSecond(bytes_per_s)); }
std::string plural(std::size_t n, const char* what) {
  const std::string word = what;
  const bool es = word.ends_with("ch");
  return fmt::format("{} {}{}", n, word, n == 1 ? "" : es ? "es" : "s");
}

std::string dimensions_text(const std::vector<int>& dimensions) {
  std::string text;
  for (int size : dimensions) text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

std::string level_name(const LevelFacts& level) {
  std::string name = fmt::format("{} {}", level.level, domain_kind_name(level.kind));
  if (!level.dimensions.empty()) name += " " + dimensions_text(level.dimensions);
  return name;
}

std::string parts(const TopologyFacts& f) {
  std::string text = "Parts\n";
  for (const auto& [type, count] : f.devices) text += fmt::format("  {:>9}  {}\n", count, type);
  const auto line = [&](std::size_t count, const std::string& what) {
    if (count > 0) text += fmt::format("  {:>9}  {}\n", count, what);
  };
  line(f.nodes, f.nodes == 1 ? "node" : "nodes");
  line(f.node_switches, "switches in nodes (the planes of one network count as one)");
  line(f.nics, "NICs (those of one device count as one)");
  line(f.hosts, "hosts");
  line(f.memory_pools, f.memory_pools == 1 ? "memory pool" : "memory pools");
  for (const auto& [ports, count] : f.switch_ports)
    line(count, fmt::format("{} of the fabric with {} {} each", count == 1 ? "switch" : "switches", ports,
                            ports == 1 ? "cable" : "cables"));
  return text;
}

std::string links(const TopologyFacts& f) {
  if (f.links.empty()) return "";
  std::size_t widest = 24;
  for (const LinkFacts& link : f.links) widest = std::max(widest, link.name.size());
  std::string text = fmt::format("\n{:<{}}  {:>9}  {:>9}  {:>24}  {:>10}  {:>10}\n", "Links", widest + 2, "pairs",
                                 "cables", "payload of a cable, 1 way", "latency", "energy");
  for (const LinkFacts& link : f.links) {
    const std::string each = link.slowest == link.fastest
                                 ? rate(link.slowest)
                                 : fmt::format("{} to {}", rate(link.slowest), rate(link.fastest));
    const std::string energy = link.energy_J_per_byte ? fmt::format("{:.3g} pJ/b", *link.energy_J_per_byte / 8 * 1e12)
                                                      : "-";
    text += fmt::format("  {:<{}}  {:>9}  {:>9.0f}  {:>24}  {:>10}  {:>10}\n", link.name, widest, link.pairs,
                        link.cables, each, link.latency_s > 0 ? human(Seconds(link.latency_s)) : "-", energy);
    if (link.slowed > 0) text += fmt::format("    {:.0f} cables slowed, each way\n", link.slowed / 2);
    if (link.failed > 0) text += fmt::format("    {:.0f} cables failed, each way\n", link.failed / 2);
  }
  return text;
}

std::string levels(const TopologyFacts& f) {
  if (f.levels.empty()) return "";
  std::string text = fmt::format("\n{:<26}  {:>7}  {:>13}  {:>12}  {:>11}  {:>14}  {:>8}\n", "Levels, innermost first",
                                 "domains", "largest job", "out of one", "per device", "oversubscribed", "disjoint");
  for (const LevelFacts& level : f.levels) {
    const std::string size = level.smallest == level.largest ? fmt::format("{}", level.largest)
                                                             : fmt::format("{} ({} up)", level.largest, level.smallest);
    text += fmt::format("  {:<24}  {:>7}  {:>13}  {:>12}  {:>11}  {:>14}  {:>8.0f}\n", level_name(level), level.domains,
                        size, level.bandwidth_out ? rate(*level.bandwidth_out) : "-",
                        level.bandwidth_out_per_device ? rate(*level.bandwidth_out_per_device) : "-",
                        level.oversubscription ? fmt::format("{:.3g} : 1", *level.oversubscription) : "-",
                        level.disjoint_paths);
  }
  text += wrapped("  ",
                  "largest job: devices; out of one: what one domain can send to the rest (minimum cut); "
                  "oversubscribed: what a device is offered by the level below, over its share of that; disjoint: "
                  "cable-disjoint paths between the first and the last child.");
  return text;
}

std::string dollars(double value) {
  return value >= 1e6 ? fmt::format("{:.4g} M$", value * 1e-6) : fmt::format("{:.0f} $", value);
}

std::string network(const TopologyFacts& f) {
  if (f.network.empty()) return "";
  std::size_t widest = 24;
  const auto what = [](const NetworkItem& item) {
    return item.part.empty() ? item.name() : item.kind + " " + item.part;
  };
  for (const NetworkItem& item : f.network) widest = std::max(widest, what(item).size());
  std::string text = fmt::format("\n{:<{}}  {:>9}  {:>9}  {:>9}  {:>9}  {:>10}\n", "Network", widest + 2, "count",
                                 "power", "all", "price", "all");
  for (const NetworkItem& item : f.network)
    text += fmt::format("  {:<{}}  {:>9.0f}  {:>9}  {:>9}  {:>9}  {:>10}{}\n", what(item), widest, item.count,
                        item.power ? human(*item.power) : "-", item.power ? human(*item.power * item.count) : "-",
                        item.price ? dollars(item.price->value) : "-",
                        item.price ? dollars(item.price->value * item.count) : "-",
                        item.in_host_power ? "  power is part of the hosts'" : "");
  return text;
}

std::string whole(const TopologyFacts& f) {
  std::string text = "\nWhole\n";
  if (const auto& d = f.distance) {
    text += fmt::format("  diameter   {} hops, {} along the route; mean {:.3g} hops; {:.4g} shortest {}{}\n",
                        d->diameter_hops, human(Seconds(d->diameter_latency_s)), d->mean_hops, d->shortest_paths,
                        d->shortest_paths == 1 ? "path" : "paths",
                        f.fabric_switches > 0 ? " (a bundle of cables is one)" : "");
    text += wrapped("             ", d->exact ? std::string("exact, from every device")
                                              : fmt::format("sampled: from {} of {} devices, the farthest included",
                                                            d->sources, f.device_count));
  }
  if (const auto& b = f.bisection) {
    const std::string share = b->full > 0 ? fmt::format(" ({} of what the weaker half can send)",
                                                        percent_text(b->bandwidth / b->full))
                                          : "";
    text += fmt::format("  bisection  {} one direction{}\n", rate(b->bandwidth), share);
    text += wrapped("             ", fmt::format("{}: {}", b->method, b->note));
  }
  const auto watts = [](const std::optional<double>& w) { return w ? human(Watts(*w)) : std::string("unknown"); };
  text += fmt::format("  power      accelerators {}, hosts {}, links at full rate {}\n", watts(f.devices_power_W),
                      watts(f.host_power_W), watts(f.links_power_W));
  if (!f.network.empty()) {
    const bool held = f.nics_power_W == 0.0;  // all of them by the hosts
    text += fmt::format("             switches {}, NICs {}, cables {}\n", watts(f.switches_power_W),
                        held ? "with the hosts" : watts(f.nics_power_W), watts(f.cables_power_W));
  }
  std::string price = f.purchase_USD ? fmt::format("accelerators {:.4g} M$", *f.purchase_USD * 1e-6) : "";
  if (f.rental_low_USD_per_h) {
    price += fmt::format("{}rented {:.4g}", price.empty() ? "" : ", ", *f.rental_low_USD_per_h);
    if (f.rental_high_USD_per_h && *f.rental_high_USD_per_h > *f.rental_low_USD_per_h)
      price += fmt::format(" to {:.4g}", *f.rental_high_USD_per_h);
    price += " $/h";
  }
  if (f.network_USD) price += fmt::format("{}network {}", price.empty() ? "" : ", ", dollars(*f.network_USD));
  text += "  price      " + (price.empty() ? "unknown" : price) + "\n";
  return text;
}

Json maybe(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json level_json(const LevelFacts& level) {
  Json json = {{"kind", domain_kind_name(level.kind)}, {"level", level.level}};
  if (!level.dimensions.empty()) json["dimensions"] = level.dimensions;
  json["domains"] = level.domains;
  json["devices_smallest"] = level.smallest;
  json["largest_job_devices"] = level.largest;
  json["bandwidth_out_GBs"] = level.bandwidth_out ? Json(*level.bandwidth_out / 1e9) : Json(nullptr);
  json["bandwidth_out_per_device_GBs"] = level.bandwidth_out_per_device ? Json(*level.bandwidth_out_per_device / 1e9)
                                                                        : Json(nullptr);
  json["offered_per_device_GBs"] = level.offered_per_device / 1e9;
  json["oversubscription"] = maybe(level.oversubscription);
  json["disjoint_paths"] = level.disjoint_paths;
  return json;
}

Json link_json(const LinkFacts& link) {
  return {{"name", link.name},
          {"links_one_way", link.links},
          {"slowed_one_way", link.slowed},
          {"failed_one_way", link.failed},
          {"cables", link.cables},
          {"slowest_GBs", link.slowest / 1e9},
          {"fastest_GBs", link.fastest / 1e9},
          {"total_one_way_GBs", link.total / 1e9},
          {"latency_s", link.latency_s},
          {"energy_J_per_byte", maybe(link.energy_J_per_byte)}};
}

Json network_json(const NetworkItem& item) {
  return {{"kind", item.kind},
          {"part", item.part.empty() ? Json(nullptr) : Json(item.part)},
          {"link", item.link},
          {"count", std::llround(item.count)},
          {"power_W", item.power ? Json(item.power->value) : Json(nullptr)},
          {"price_USD", item.price ? Json(item.price->value) : Json(nullptr)},
          {"price_as_of", item.price ? Json(item.as_of) : Json(nullptr)},
          {"in_host_power", item.in_host_power}};
}

}  // namespace

std::string topology_text(const TopologyFacts& f) {
  std::string text = fmt::format("{}: {} in {}\n\n", f.name.empty() ? "cluster" : f.name,
                                 plural(f.device_count, "device"), plural(f.nodes, "node"));
  text += parts(f) + links(f) + network(f) + levels(f) + whole(f);
  if (!f.notes.empty()) text += "\nNotes\n";
  for (const std::string& note : f.notes) text += wrapped("  ", note);
  return text;
}

Json topology_json(const TopologyFacts& f) {
  Json json;
  json["name"] = f.name;
  json["devices"] = f.device_count;
  for (const auto& [type, count] : f.devices) json["devices_by_type"][type] = count;
  json["nodes"] = f.nodes;
  json["nics"] = f.nics;
  json["switches_in_nodes"] = f.node_switches;
  json["switches_of_fabric"] = f.fabric_switches;
  json["hosts"] = f.hosts;
  json["memory_pools"] = f.memory_pools;
  json["links"] = Json::array();
  for (const LinkFacts& link : f.links) json["links"].push_back(link_json(link));
  json["network"] = Json::array();
  for (const NetworkItem& item : f.network) json["network"].push_back(network_json(item));
  json["levels"] = Json::array();
  for (const LevelFacts& level : f.levels) json["levels"].push_back(level_json(level));
  json["diameter"] = nullptr;
  if (const auto& d = f.distance)
    json["diameter"] = {{"hops", d->diameter_hops},       {"latency_s", d->diameter_latency_s},
                        {"mean_hops", d->mean_hops},      {"from_device", d->from.value},
                        {"to_device", d->to.value},       {"shortest_paths", d->shortest_paths},
                        {"devices_searched", d->sources}, {"exact", d->exact}};
  json["bisection"] = nullptr;
  if (const auto& b = f.bisection)
    json["bisection"] = {{"bandwidth_GBs", b->bandwidth / 1e9},
                         {"share_of_full", b->full > 0 ? Json(b->bandwidth / b->full) : Json(nullptr)},
                         {"devices_smaller_half", b->smaller_half},
                         {"method", b->method},
                         {"exact", b->exact},
                         {"note", b->note}};
  json["power"] = {{"accelerators_W", maybe(f.devices_power_W)},
                   {"hosts_W", maybe(f.host_power_W)},
                   {"links_at_full_rate_W", maybe(f.links_power_W)},
                   {"switches_W", maybe(f.switches_power_W)},
                   {"nics_W", maybe(f.nics_power_W)},
                   {"cables_W", maybe(f.cables_power_W)}};
  json["price"] = {{"accelerators_USD", maybe(f.purchase_USD)},
                   {"rental_low_USD_per_h", maybe(f.rental_low_USD_per_h)},
                   {"rental_high_USD_per_h", maybe(f.rental_high_USD_per_h)},
                   {"network_USD", maybe(f.network_USD)}};
  json["notes"] = f.notes;
  return json;
}

}  // namespace orrery
