#include "topologies/platform_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "sim/catalog.hpp"
#include "sim/error.hpp"
#include "sim/whole_file.hpp"

namespace orrery {

namespace {

bool is(const pugi::xml_node& node, std::initializer_list<const char*> names) {
  return std::any_of(names.begin(), names.end(), [&](const char* name) { return std::strcmp(node.name(), name) == 0; });
}

// A number and one of the units given; none: -1.
double quantity(const std::string& text, const std::vector<std::pair<std::string, double>>& units) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || !(value >= 0)) return -1;
  const std::string unit(end, text.data() + text.size());
  for (const auto& [name, factor] : units)
    if (unit == name) return std::isfinite(value * factor) ? value * factor : -1;
  return -1;
}

// "7" or "0-9": the first and the last.
std::optional<std::pair<int, int>> range_of(const std::string& text) {
  const char* const end = text.data() + text.size();
  int first = 0, last = 0;
  const auto low = std::from_chars(text.data(), end, first);
  if (low.ec != std::errc() || first < 0) return std::nullopt;
  if (low.ptr == end) return std::pair(first, first);
  if (*low.ptr != '-') return std::nullopt;
  const auto high = std::from_chars(low.ptr + 1, end, last);
  if (high.ec != std::errc() || high.ptr != end || last < first) return std::nullopt;
  return std::pair(first, last);
}

std::vector<std::pair<std::string, double>> bandwidth_units() {
  std::vector<std::pair<std::string, double>> units{{"", 1}};
  double decimal = 1, binary = 1;
  for (const char* prefix : {"", "k", "M", "G", "T", "P"}) {
    const std::string p = prefix, b = p.empty() ? "" : (p == "k" ? "Ki" : p + "i");
    units.insert(units.end(), {{p + "Bps", decimal}, {p + "bps", decimal / 8}});
    if (!p.empty()) units.insert(units.end(), {{b + "Bps", binary}, {b + "bps", binary / 8}});
    if (p == "k") units.insert(units.end(), {{"kiBps", binary}, {"kibps", binary / 8}});
    decimal *= 1000;
    binary *= 1024;
  }
  return units;
}

}  // namespace

std::string PlatformReader::line_of(const pugi::xml_node& node) const {
  const auto offset = std::min(static_cast<std::size_t>(std::max<std::ptrdiff_t>(node.offset_debug(), 0)),
                               text_.size());
  return fmt::format("line {}",
                     1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
}

void PlatformReader::refuse(const pugi::xml_node& node, std::string expected, std::string found) const {
  throw SpecError(p_.file_, line_of(node), std::move(expected), std::move(found));
}

std::string PlatformReader::attribute(const pugi::xml_node& node, const char* name) const {
  const pugi::xml_attribute found = node.attribute(name);
  if (!found) refuse(node, fmt::format("attribute {} in <{}>", quote(name), node.name()), "none");
  return found.value();
}

double PlatformReader::bandwidth(const pugi::xml_node& node, const char* name) const {
  static const auto units = bandwidth_units();
  const std::string text = attribute(node, name);
  const double value = quantity(text, units);
  if (!(value > 0)) refuse(node, fmt::format("{}: a bandwidth above zero, such as \"125MBps\"", name), quote(text));
  return value;
}

double PlatformReader::latency(const pugi::xml_node& node, const char* name) const {
  if (!node.attribute(name)) return 0;
  const std::string text = node.attribute(name).value();
  const double value = quantity(
      text, {{"", 1}, {"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}, {"ps", 1e-12}, {"m", 60}, {"h", 3600}});
  if (value < 0) refuse(node, fmt::format("{}: a time such as \"50us\"", name), quote(text));
  return value;
}

SharingPolicy PlatformReader::policy(const pugi::xml_node& node, const char* name, const char* otherwise) const {
  const std::string text = node.attribute(name) ? node.attribute(name).value() : otherwise;
  if (text == "SHARED") return SharingPolicy::shared;
  if (text == "SPLITDUPLEX" || text == "FULLDUPLEX") return SharingPolicy::split_duplex;
  if (text == "FATPIPE") return SharingPolicy::fat_pipe;
  refuse(node, fmt::format("{}: SHARED, SPLITDUPLEX or FATPIPE", name), quote(text));
}

std::size_t PlatformReader::add_point(const pugi::xml_node& node, const std::string& name, std::size_t zone) {
  if (!point_of_.try_emplace(name, p_.points_.size()).second)
    refuse(node, "a name of its own for every host, router and zone", quote(name) + " a second time");
  p_.points_.push_back({name, zone});
  return p_.points_.size() - 1;
}

void PlatformReader::stand_for(std::size_t point, std::size_t zone) {
  p_.zones_[zone].as_point = point;
  zone_points_.insert(point);
}

bool PlatformReader::is_in(std::size_t point, std::size_t member) const {
  if (zone_points_.contains(point)) return false;
  while (point != member && point != Platform::none) point = p_.zones_[p_.points_[point].zone].as_point;
  return point == member;
}

std::size_t PlatformReader::add_link(const pugi::xml_node& node, PlatformLink link) {
  if (!link_of_.try_emplace(link.name, p_.links_.size()).second)
    refuse(node, "a name of its own for every link", quote(link.name) + " a second time");
  p_.links_.push_back(std::move(link));
  return p_.links_.size() - 1;
}

std::size_t PlatformReader::point(const pugi::xml_node& node, const char* name) const {
  const std::string text = attribute(node, name);
  const auto found = point_of_.find(text);
  if (found == point_of_.end()) {
    std::vector<std::string> known;
    for (const auto& [each, number] : point_of_) known.push_back(each);
    refuse(node, fmt::format("{}: a host, router or zone that the file has named before", name),
           quote_unknown(text, known));
  }
  return found->second;
}

void PlatformReader::read() {
  if (p_.file_.starts_with('<')) {
    text_ = std::exchange(p_.file_, "");
  } else {
    const auto all = whole_file(p_.file_);
    if (!all) throw SpecError(p_.file_, "", "a SimGrid platform file (XML)", "none that can be read");
    text_ = *all;
  }
  pugi::xml_document document;
  const pugi::xml_parse_result parsed = document.load_string(text_.c_str());
  if (!parsed) {
    const auto offset = std::min(static_cast<std::size_t>(std::max<std::ptrdiff_t>(parsed.offset, 0)), text_.size());
    const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(offset), '\n');
    throw SpecError(p_.file_, fmt::format("line {}", line), "well-formed XML", parsed.description());
  }
  const pugi::xml_node platform = document.child("platform");
  if (!platform) throw SpecError(p_.file_, "", "a <platform> element", "none");
  const std::string version = platform.attribute("version").value();
  if (version != "4" && version != "4.0" && version != "4.1")
    refuse(platform, "platform version 4 or 4.1", version.empty() ? "none" : quote(version));
  for (const pugi::xml_node& node : platform.children()) {
    if (!is(node, {"zone", "AS", "cluster"})) continue;
    if (!p_.zones_.empty())  // no route leads from one to another
      refuse(node, "one outermost zone or cluster, which holds all others", "a second one");
    if (is(node, {"cluster"}))
      read_cluster(node, Platform::none);
    else
      read_zone(node, Platform::none);
  }
  if (p_.hosts_.empty()) refuse(platform, "at least one host", "none");
}

void PlatformReader::read_zone(const pugi::xml_node& node, std::size_t outer) {
  const std::string routing = attribute(node, "routing");
  const std::size_t zone = p_.zones_.size();
  p_.zones_.emplace_back();
  p_.zones_[zone].searched = routing == "Floyd" || routing == "Dijkstra" || routing == "DijkstraCache";
  p_.zones_[zone].flat_cluster = routing == "Cluster";
  if (!p_.zones_[zone].searched && routing != "Full" && routing != "Cluster" && routing != "None" && routing != "Empty")
    refuse(node, "routing Full, Floyd, Dijkstra, DijkstraCache, Cluster or None", quote(routing));
  const std::string name = attribute(node, "id");
  if (outer != Platform::none) stand_for(add_point(node, name, outer), zone);
  for (const pugi::xml_node& child : node.children()) {
    if (child.type() != pugi::node_element ||
        is(child, {"prop", "config", "trace", "trace_connect", "storage", "disk"}))
      continue;
    if (is(child, {"zone", "AS"})) {
      read_zone(child, zone);
    } else if (is(child, {"cluster"})) {
      read_cluster(child, zone);
    } else if (is(child, {"host"})) {
      const std::string host = attribute(child, "id");
      p_.host_points_.push_back(add_point(child, host, zone));
      p_.hosts_.push_back(host);
    } else if (is(child, {"router"})) {
      add_point(child, attribute(child, "id"), zone);
    } else if (is(child, {"link"})) {
      add_link(child, {attribute(child, "id"), BytesPerSecond(bandwidth(child, "bandwidth")),
                       Seconds(latency(child, "latency")), policy(child, "sharing_policy", "SHARED")});
    } else if (is(child, {"backbone"}) && p_.zones_[zone].flat_cluster) {
      p_.zones_[zone].backbone = {
          {add_link(child, {attribute(child, "id"), BytesPerSecond(bandwidth(child, "bandwidth")),
                            Seconds(latency(child, "latency")), policy(child, "sharing_policy", "SHARED")}),
           false}};
    } else if (is(child, {"host_link"}) && p_.zones_[zone].flat_cluster) {
      read_host_link(child, zone);
    } else if (is(child, {"route"})) {
      read_route(child, zone, false);
    } else if (is(child, {"zoneRoute", "ASroute"})) {
      read_route(child, zone, true);
    } else {
      refuse(child, "zone, cluster, host, router, link, route or zoneRoute", fmt::format("<{}>", child.name()));
    }
  }
}

void PlatformReader::read_route(const pugi::xml_node& node, std::size_t zone, bool of_zones) {
  const std::size_t src = point(node, "src"), dst = point(node, "dst");
  Platform::Edge there;
  there.gateway_from = of_zones ? point(node, "gw_src") : src;
  there.gateway_to = of_zones ? point(node, "gw_dst") : dst;
  check_end(node, zone, src, there.gateway_from, of_zones ? "gw_src" : "src");
  check_end(node, zone, dst, there.gateway_to, of_zones ? "gw_dst" : "dst");
  for (const pugi::xml_node& step : node.children("link_ctn")) {
    const std::string name = attribute(step, "id"), direction = step.attribute("direction").value();
    const auto link = link_of_.find(name);
    if (link == link_of_.end()) {
      std::vector<std::string> known;
      for (const auto& [each, number] : link_of_) known.push_back(each);
      refuse(step, "a link that the file has named before", quote_unknown(name, known));
    }
    const bool split = p_.links_[link->second].policy == SharingPolicy::split_duplex;
    if (split && direction != "UP" && direction != "DOWN")
      refuse(step, "direction UP or DOWN for a SPLITDUPLEX link", direction.empty() ? "none" : quote(direction));
    there.links.push_back({link->second, direction == "DOWN"});
  }
  Platform::Edge back{{there.links.rbegin(), there.links.rend()}, there.gateway_to, there.gateway_from};
  for (LinkStep& step : back.links)
    if (p_.links_[step.link].policy == SharingPolicy::split_duplex) step.down = !step.down;
  auto& edges = p_.zones_[zone].edges;
  if (!edges.try_emplace({src, dst}, std::move(there)).second)
    refuse(node, "one route from a place to another", "a second one");
  const std::string symmetrical = node.attribute("symmetrical").value();
  if (symmetrical.empty() || symmetrical == "YES" || symmetrical == "yes")
    edges.try_emplace({dst, src}, std::move(back));
}

// A way goes on from gateway to gateway inside the members that a route joins: one elsewhere would lead back to this
// route.
void PlatformReader::check_end(const pugi::xml_node& node, std::size_t zone, std::size_t member, std::size_t gateway,
                               const char* name) const {
  if (p_.points_[member].zone != zone)
    refuse(node, "a route between members of the zone that it stands in", quote(p_.points_[member].name));
  if (!is_in(gateway, member))
    refuse(node,
           fmt::format("{}: a host or router{}", name,
                       gateway == member ? "" : " inside " + quote(p_.points_[member].name)),
           quote(p_.points_[gateway].name));
}

// The links of a host in a zone with Cluster routing; one link for both ways is split where its policy says so.
void PlatformReader::read_host_link(const pugi::xml_node& node, std::size_t zone) {
  const auto named = [&](const char* name) {
    const std::string text = attribute(node, name);
    const auto link = link_of_.find(text);
    if (link == link_of_.end())
      refuse(node, fmt::format("{}: a link that the file has named before", name), quote(text));
    return link->second;
  };
  const std::size_t up = named("up"), down = named("down");
  p_.zones_[zone].private_link[point(node, "id")] = {{up, false}, {down, up == down}};
}

void PlatformReader::read_torus(const pugi::xml_node& node, std::size_t zone, const PlatformLink& port) {
  std::stringstream sizes(attribute(node, "topo_parameters"));
  Platform::Zone& torus = p_.zones_[zone];
  std::size_t product = 1;
  for (std::string part; std::getline(sizes, part, ',');) {
    std::size_t size = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), size);
    if (error != std::errc() || end != part.data() + part.size() || size < 1 || size > 1'000'000)
      refuse(node, "topo_parameters: the sizes of a torus such as \"4,4,2\"", quote(part));
    torus.torus.push_back(size);
    product *= size;
  }
  const std::size_t hosts = p_.points_.size() - torus.first_host;
  if (torus.torus.empty() || product != hosts)
    refuse(node, fmt::format("topo_parameters: sizes that multiply to the {} hosts", hosts), std::to_string(product));
  for (std::size_t host = 0; host < hosts; ++host)
    for (std::size_t d = 0; d < torus.torus.size(); ++d) {
      PlatformLink own = port;
      own.name = fmt::format("{}_link_{}_{}", attribute(node, "id"), host, d);
      torus.torus_links.push_back(add_link(node, own));
    }
}

void PlatformReader::read_cluster(const pugi::xml_node& node, std::size_t outer) {
  const std::string topology = node.attribute("topology") ? node.attribute("topology").value() : "FLAT";
  if (topology != "FLAT" && topology != "TORUS")
    refuse(node, "a FLAT or TORUS cluster (others are families of fabrics: fat-tree, dragonfly)", quote(topology));
  if (node.attribute("limiter_link")) refuse(node, "no limiter_link: it is not modelled", "one");
  const std::string id = attribute(node, "id"), prefix = attribute(node, "prefix"), suffix = attribute(node, "suffix");
  const std::size_t zone = p_.zones_.size();
  p_.zones_.emplace_back();
  p_.zones_[zone].flat_cluster = topology == "FLAT";
  if (outer != Platform::none) stand_for(add_point(node, id, outer), zone);
  const std::string router = node.attribute("router_id").value();
  add_point(node, router.empty() ? prefix + id + "_router" + suffix : router, zone);
  const PlatformLink port{"", BytesPerSecond(bandwidth(node, "bw")), Seconds(latency(node, "lat")),
                          policy(node, "sharing_policy", "SPLITDUPLEX")};
  p_.zones_[zone].first_host = p_.points_.size();
  std::stringstream radical(attribute(node, "radical"));
  for (std::string part; std::getline(radical, part, ',');) {
    const auto range = range_of(part);
    if (!range || range->second - range->first > 1'000'000)
      refuse(node, "radical: numbers and ranges such as \"0-9,12\"", quote(part));
    for (std::int64_t i = range->first; i <= range->second; ++i) {
      const std::string host = prefix + std::to_string(i) + suffix;
      const std::size_t at = add_point(node, host, zone);
      p_.host_points_.push_back(at);
      p_.hosts_.push_back(host);
      if (topology != "FLAT") continue;
      PlatformLink own = port;
      own.name = id + "_link_" + std::to_string(i);
      const std::size_t link = add_link(node, own);
      p_.zones_[zone].private_link[at] = {{link, false}, {link, true}};
    }
  }
  if (topology == "TORUS") return read_torus(node, zone, port);
  if (!node.attribute("bb_bw")) return;
  const PlatformLink backbone{id + "_backbone", BytesPerSecond(bandwidth(node, "bb_bw")),
                              Seconds(latency(node, "bb_lat")), policy(node, "bb_sharing_policy", "SHARED")};
  p_.zones_[zone].backbone = {{add_link(node, backbone), false}};
}

}  // namespace orrery
