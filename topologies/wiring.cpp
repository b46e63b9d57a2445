#include "topologies/wiring.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/ranges.h>

#include "sim/error.hpp"
#include "sim/part_layers.hpp"
#include "topologies/fabric/families.hpp"

namespace orrery {

int NodeWiring::add_link(int from, int to, BytesPerSecond bandwidth, Seconds latency, double cables) {
  links.push_back({from, to, bandwidth, latency, cables});
  return static_cast<int>(links.size()) - 1;
}

int NodeWiring::add_cable(int a, int b, BytesPerSecond per_direction, Seconds latency, double cables) {
  const int forward = add_link(a, b, per_direction, latency, cables);
  add_link(b, a, per_direction, latency, cables);
  return forward;
}

void ScaleUpInput::fault(const char* key, std::string expected, std::string found) const {
  throw SpecError("", key[0] == '\0' ? pointer : pointer_to(pointer, key), std::move(expected), std::move(found));
}

int ScaleUpInput::dimension_product() const {
  std::int64_t product = 1;
  std::string text;
  for (int size : spec.dimensions) {
    product *= size;
    text += (text.empty() ? "" : " x ") + std::to_string(size);
    if (product > 1'000'000'000) break;
  }
  if (spec.dimensions.empty() || product != devices)
    fault("dimensions", "sizes whose product is the node's " + std::to_string(devices) + " devices",
          spec.dimensions.empty() ? "none" : text + " = " + std::to_string(product));
  return static_cast<int>(product);
}

void ScaleUpInput::expect_no_dimensions() const {
  if (spec.dimensions.empty()) return;
  fault("dimensions", "none: kind \"" + spec.kind + "\" has no sizes",
        fmt::format("{}", fmt::join(spec.dimensions, " x ")));
}

ScaleUpInput::Bundle ScaleUpInput::bundle_each(double parts, const std::string& why) const {
  const double each = ports_per_device / parts, whole = std::floor(each);
  if (!counted) return {1, port * each};
  if (stated && each != whole)
    fault("links_per_device", fmt::format("a multiple of {:g}: {}", parts, why), fmt::format("{:g}", ports_per_device));
  if (whole < 1)
    fault("kind", fmt::format("devices of {:g} links or more: {}", parts, why), fmt::format("{:g}", ports_per_device));
  return {whole, port * whole};
}

void FabricInput::fault(const char* key, std::string expected, std::string found) const {
  throw SpecError("", pointer + "/" + key, std::move(expected), std::move(found));
}

void expect_options(const Json& options, const std::vector<FamilyOption>& family, const std::string& pointer) {
  if (options.is_null()) return;
  if (!options.is_object()) throw SpecError("", pointer, "an object", found_text(options));
  std::vector<Fault> faults;
  std::vector<std::string> known;
  for (const FamilyOption& option : family) known.emplace_back(option.name);
  for (const auto& [key, value] : options.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      faults.push_back({"", pointer_to(pointer, key),
                        known.empty() ? "no options in this family"
                                      : fmt::format("an option of this family ({})", fmt::join(known, ", ")),
                        quote_unknown(key, known)});
  if (!faults.empty()) throw SpecError(std::move(faults));
}

// A fabric inside another has its family's own options only: those of all families are about the whole.
static void check_family(const FabricSpec& fabric, const std::string& pointer, bool whole) {
  const Family<FabricBuilder>& family = find_family(fabric_catalog(), fabric.kind, pointer + "/kind");
  expect_options(fabric.options, whole ? options_of(family) : family.options, pointer + "/options");
  if (!fabric.inside.empty() && family.build != join_wide_area)
    throw SpecError("", pointer + "/inside", "no fabric inside but that of a region (kind \"wide-area\")",
                    "one of kind \"" + fabric.kind + "\"");
  for (std::size_t i = 0; i < fabric.inside.size(); ++i)
    check_family(fabric.inside[i], pointer + "/inside/" + std::to_string(i), false);
}

void check_families(const FabricSpec& fabric, const std::string& pointer) { check_family(fabric, pointer, true); }

std::vector<std::string> idle_fields(const FabricSpec& fabric) {
  const auto* family = find(fabric_catalog(), fabric.kind);
  std::vector<std::string> idle;
  if (!family) return idle;
  const auto& reads = family->value.fields;
  const FabricSpec usual;
  const auto note = [&](const char* field, bool set) {
    if (set && std::find(reads.begin(), reads.end(), field) == reads.end()) idle.emplace_back(field);
  };
  note("link", fabric.link.has_value());
  note("levels", fabric.levels != usual.levels);
  note("radix", fabric.radix != usual.radix);
  note("oversubscription", fabric.oversubscription != usual.oversubscription);
  note("rail_optimized", fabric.rail_optimized != usual.rail_optimized);
  note("ecmp", fabric.ecmp != usual.ecmp);
  note("seed", fabric.seed != usual.seed);
  note("switch", fabric.network_switch.has_value());
  note("cable", fabric.cable.has_value());
  return idle;
}

bool flag_of(const Json& options, const char* key, const std::string& pointer) {
  if (!options.is_object() || !options.contains(key)) return false;
  if (!options[key].is_boolean()) throw SpecError("", pointer_to(pointer, key), "true or false", options[key].dump());
  return options[key].get<bool>();
}

std::string FabricInput::and_gateways() const {
  if (gateways == 0) return "";
  return fmt::format(" and for {} of the region", gateways == 1 ? "the gateway" : fmt::format("{} gateways", gateways));
}

bool FabricInput::flag(const char* key) const { return flag_of(spec.options, key, pointer + "/options"); }

std::string FabricInput::choice(const char* key, const std::vector<std::string>& choices) const {
  if (!spec.options.is_object() || !spec.options.contains(key)) return choices.front();
  const Json& value = spec.options[key];
  const std::string found = value.is_string() ? value.get<std::string>() : value.dump();
  if (std::find(choices.begin(), choices.end(), found) != choices.end()) return found;
  std::string expected;
  for (const std::string& each : choices) expected += (expected.empty() ? "\"" : ", \"") + each + "\"";
  throw SpecError("", pointer_to(pointer + "/options", key), expected, quote_unknown(found, choices));
}

static bool is_count(const Json& value) { return value.is_number_integer() && value > 0 && value <= 65536; }

int FabricInput::option(const char* key, int otherwise) const {
  if (!spec.options.is_object() || !spec.options.contains(key)) return otherwise;
  const Json& value = spec.options[key];
  if (!is_count(value))
    throw SpecError("", pointer + "/options/" + key, "a whole number from 1 to 65536", value.dump());
  return value.get<int>();
}

std::vector<int> FabricInput::option_list(const char* key) const {
  const bool present = spec.options.is_object() && spec.options.contains(key);
  const Json value = present ? spec.options[key] : Json();
  std::vector<int> list;
  if (value.is_array())
    for (const Json& item : value)
      if (is_count(item)) list.push_back(item.get<int>());
  if (list.empty() || list.size() != value.size())
    throw SpecError("", pointer + "/options/" + key, "a list of whole numbers from 1 to 65536",
                    present ? value.dump() : "nothing");
  return list;
}

BytesPerSecond payload(const LinkModel& link) { return link.bandwidth_per_direction * link.efficiency.value_or(1); }

bool slower(const LinkModel& a, const LinkModel& b) {
  return payload(a) != payload(b) ? payload(a) < payload(b) : a.name < b.name;
}

LinkClassId add_class(Fabric& fabric, const LinkModel& link) {
  const auto energy = link.energy ? std::optional(*link.energy / link.efficiency.value_or(1)) : std::nullopt;
  return fabric.add_link_class({link.name, energy, link.reconfiguration_time.value_or(Seconds(0))});
}

std::optional<JoulesPerByte> sum(const std::optional<JoulesPerByte>& a, const std::optional<JoulesPerByte>& b) {
  return a && b ? std::optional(*a + *b) : a ? a : b;
}

static bool alike(const LinkModel& a, const LinkModel& b) {
  return a.name == b.name && payload(a) == payload(b) && a.latency == b.latency && a.energy == b.energy;
}

// The NICs' own link as that of the trunks: the fastest where they differ, whatever the order of pools, and another.
static void take_nic_link(FabricInput& in) {
  in.trunk_link = &fastest_port(in.ports).nics->link;
  for (const FabricPort& port : in.ports)
    if (&port.nics->link != in.trunk_link && !alike(port.nics->link, *in.trunk_link)) in.other_link = &port.nics->link;
}

const FabricPort& fastest_port(const std::vector<FabricPort>& ports) {
  return *std::max_element(ports.begin(), ports.end(), [](const FabricPort& a, const FabricPort& b) {
    return a.nics != b.nics && slower(a.nics->link, b.nics->link);
  });
}

FabricWiring join_fabric(FabricInput& in) {
  const Family<FabricBuilder>& family = find_family(fabric_catalog(), in.spec.kind, in.pointer + "/kind");
  const FabricBuilder join = family.build;
  if (in.spec.kind == "none") in.fault("kind", "a fabric that joins nodes", "\"none\"");
  const bool reads_link = std::find(family.fields.begin(), family.fields.end(), "link") != family.fields.end();
  if (in.spec.link && reads_link)
    in.trunk_link = &*in.spec.link;
  else
    take_nic_link(in);
  const LinkModel& trunk = *in.trunk_link;
  in.trunk = payload(trunk);
  in.trunk_latency = trunk.latency.value_or(Seconds(0));
  in.trunk_class = add_class(in.fabric, trunk);
  const bool by_radix = in.spec.kind == "fat-tree" || in.spec.kind == "dragonfly" || in.spec.kind == "dragonfly+";
  if (by_radix && trunk.ports && in.spec.radix > *trunk.ports)
    in.fault("radix", fmt::format("at most the {} ports of a switch with {}", *trunk.ports, trunk.name),
             std::to_string(in.spec.radix));
  if (const auto& chosen = in.spec.network_switch;
      by_radix && chosen && chosen->ports && in.spec.radix > *chosen->ports)
    in.fault("radix", fmt::format("at most the {} ports of the switch {}", *chosen->ports, chosen->name),
             std::to_string(in.spec.radix));
  if (!(in.trunk > BytesPerSecond(0))) in.fault("link", "a bandwidth above zero", "0 B/s");
  if (in.flag("in_network_reduction")) {
    const bool trees = join != join_optical_circuits && join != join_wide_area && join != join_simgrid;
    if (!trees)
      in.fault("options/in_network_reduction", "false: only packet switches of a whole fabric reduce",
               "true in kind \"" + in.spec.kind + "\"");
    if (!trunk.in_network_reduction.value_or(false))
      in.fault("options/in_network_reduction",
               "false, or links of a generation whose switches reduce (InfiniBand HDR on)", "true over " + trunk.name);
  }
  return join(in);
}

void FabricInput::count_ports(VertexId network_switch, double cables) const {
  if (!inventory || !trunk_link || spec.kind == "simgrid") return;  // a platform's switches are its own
  const std::optional<NetworkPart>& part = spec.network_switch ? spec.network_switch : trunk_link->network_switch;
  // Spines and gateways are merged: a vertex is as many switches as its cables fill. Elsewhere it is one switch.
  int each = part ? part->ports.value_or(0) : 0;  // 0: any number
  if (spec.kind == "fat-tree") each = each > 0 ? std::min(each, spec.radix) : spec.radix;
  const bool merged = spec.kind == "fat-tree" || spec.kind == "wide-area";
  inventory->switch_ports(network_switch, part, trunk_link->name, cables, each, merged);
}

AttachedPort FabricInput::attach(const FabricPort& port, VertexId to_switch) {
  count_ports(to_switch, port.cables);
  if (inventory && port.nics)
    inventory->cables(port.nics->cable ? port.nics->cable : port.nics->link.cable, port.nics->link.name, port.cables);
  return {fabric.add_cable(port.nic, to_switch, port.bandwidth, port.latency, port.link_class, 0, port.cables),
          port.latency};
}

LinkId FabricInput::connect(VertexId a, VertexId b, double cables) {
  if (other_link)
    fault("link", "the link between switches, as the NICs that they join are of several",
          fmt::format("none, and NICs with {} and {}", trunk_link->name, other_link->name));
  count_ports(a, cables);
  count_ports(b, cables);
  if (inventory && trunk_link) inventory->cables(spec.cable ? spec.cable : trunk_link->cable, trunk_link->name, cables);
  return fabric.add_cable(a, b, trunk * cables, trunk_latency, trunk_class, 0, cables);
}

static std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

std::uint32_t choose_path(std::uint64_t from, std::uint64_t to, std::uint64_t key, std::uint64_t seed,
                          std::uint64_t salt, std::uint32_t choices) {
  if (choices <= 1) return 0;
  const std::uint64_t h = mix(mix(mix(mix(mix(seed) ^ from) ^ to) ^ key) ^ salt);
  return static_cast<std::uint32_t>(h % choices);
}

}  // namespace orrery
