#include "scenarios/port_names.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "topologies/cluster_spec.hpp"

namespace orrery {

namespace {

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

// Lower case, words joined by single dashes.
std::string dashed(const std::string& name) {
  std::string text;
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '.')
      text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (!text.empty() && text.back() != '-')
      text += '-';
  }
  return text;
}

// "25GbE", "200 Gb/s", "1.6T", "12.5 GB/s": what the unit after a number makes of it, in Gb/s; nothing for another word.
std::optional<double> unit_of(std::string_view rest) {
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == '-')) rest.remove_prefix(1);
  const auto begins = [&](std::string_view word) {
    return rest.size() >= word.size() && std::equal(word.begin(), word.end(), rest.begin(), [](char a, char b) {
             return a == std::tolower(static_cast<unsigned char>(b));
           });
  };
  if (begins("gen")) return std::nullopt;
  const bool bytes = rest.size() >= 3 && rest[1] == 'B' && (rest[2] == '/' || rest[2] == 'p' || rest[2] == 's');
  const double bits = bytes ? 8 : 1;
  if (begins("g")) return bits;
  if (begins("tb") || (begins("t") && (rest.size() == 1 || std::isalpha(static_cast<unsigned char>(rest[1])) == 0)))
    return 1000 * bits;
  if (begins("mb")) return bits / 1000;
  return std::nullopt;
}

// The rate in a name in Gb/s: the first number with a unit, else the last of at least 10 that counts nothing ("4x") and is no
// version ("v2", "connectx-7"); 0 = none.
double stated_rate(std::string_view name) {
  double bare = 0;
  for (std::size_t i = 0; i < name.size();) {
    if (!is_digit(name[i])) {
      ++i;
      continue;
    }
    double number = 0;
    const auto [end, error] = std::from_chars(name.data() + i, name.data() + name.size(), number);
    const auto next = static_cast<std::size_t>(end - name.data());
    const auto lower = [&](std::size_t at) {
      return at < name.size() ? static_cast<char>(std::tolower(static_cast<unsigned char>(name[at]))) : ' ';
    };
    if (error == std::errc() && std::isfinite(number)) {
      if (const auto unit = unit_of(name.substr(next)); unit && number > 0) return number * *unit;
      const bool counts = lower(next) == 'x' || (i > 0 && (lower(i - 1) == 'x' || lower(i - 1) == 'v'));
      if (number >= 10 && number < 100000 && !counts) bare = number;
    }
    i = next;
  }
  return bare;
}

// What a port is called by: its technology, and its rate in Gb/s where the name of a generation says it (data, as Mellanox
// and HPE state it: QDR loses a fifth to its coding).
struct PortWord {
  std::string_view word, technology;
  double rate = 0;
};
constexpr PortWord port_words[] = {{"qdr", "infiniband", 32},
                                   {"fdr", "infiniband", 56},
                                   {"edr", "infiniband", 100},
                                   {"hdr", "infiniband", 200},
                                   {"ndr", "infiniband", 400},
                                   {"xdr", "infiniband", 800},
                                   {"infiniband", "infiniband"},
                                   {"omni-path", "omni-path"},
                                   {"opa", "omni-path"},
                                   {"omnipath", "omni-path"},
                                   {"slingshot-10", "slingshot", 100},
                                   {"slingshot-11", "slingshot", 200},
                                   {"slingshot", "slingshot"},
                                   {"roce", "roce"},
                                   {"efav4", "efa", 400},
                                   {"efa-v4", "efa", 400},
                                   {"efav3", "efa", 200},
                                   {"efa-v3", "efa", 200},
                                   {"efav2", "efa", 100},
                                   {"efa-v2", "efa", 100},
                                   {"efa", "efa"},
                                   {"gbe", "ethernet"},
                                   {"gige", "ethernet"},
                                   {"gbase", "ethernet"},
                                   {"ethernet", "ethernet"},
                                   {"ib", "infiniband"},
                                   {"connectx-5", "infiniband", 100},  // adapters and switches
                                   {"connectx-6", "infiniband", 200},
                                   {"connectx-7", "infiniband", 400},
                                   {"connectx-8", "infiniband", 800},
                                   {"quantum-x800", "infiniband", 800},
                                   {"quantum-2", "infiniband", 400},
                                   {"quantum", "infiniband", 200},
                                   {"spectrum-x", "roce", 400},
                                   {"tcpx", "ethernet", 200}};  // of Google's A3 instances, TCPXO as well

// The most common port of servers with accelerators of that year or later, in Gb/s: of DGX-1, DGX A100 and DGX H100/B200
// (InfiniBand); of the instances p3, p4d, p5 and p5en/trn2 (EFA); of cloud and OCP servers of these generations (Ethernet).
struct UsualRate {
  std::string_view technology;
  std::int64_t since = 0;
  double rate = 0;
};
constexpr UsualRate usual_rates[] = {{"infiniband", 0, 56},     {"infiniband", 2016, 100}, {"infiniband", 2020, 200},
                                     {"infiniband", 2022, 400}, {"infiniband", 2026, 800}, {"ethernet", 0, 10},
                                     {"ethernet", 2016, 25},    {"ethernet", 2020, 100},   {"ethernet", 2022, 400},
                                     {"roce", 0, 100},          {"roce", 2020, 200},       {"roce", 2022, 400},
                                     {"efa", 0, 100},           {"efa", 2024, 200}};

// Whether `text` has the word; a short one between other signs than letters only ("ndr400", but not "ib" of "fibre").
bool has_word(std::string_view text, std::string_view word) {
  if (word.size() > 3) return text.find(word) != std::string_view::npos;
  const auto is_letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; };
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const bool begins = at == 0 || !is_letter(text[at - 1]);
    if (begins && (at + word.size() == text.size() || !is_letter(text[at + word.size()]))) return true;
  }
  return false;
}

struct Port {
  std::string name;
  double rate = 0;  // Gb/s
};

std::vector<Port> ports_of(std::string_view technology, const Library& library) {
  std::vector<Port> ports;
  for (const std::string& name : library.names("hardware/links")) {
    if (!name.starts_with(std::string(technology) + "-")) continue;
    const auto link = load_part<LinkModel>("hardware/links", name, library);
    if (link.kind == "scale-out") ports.push_back({name, link.bandwidth_per_direction.value * 8 / 1e9});
  }
  return ports;
}

std::string_view technology_of(std::string_view link) { return link.substr(0, link.find('-')); }

Json at_rate(const std::string& base, double known, double rate) {
  if (std::abs(rate / known - 1) < 0.02) return base;
  return {{"base", base}, {"bandwidth_per_direction", fmt::format("{:g} GB/s", rate / 8)}};
}

}  // namespace

std::vector<NodePorts> ports_of_nodes(const std::string& accelerator, const Library& library) {
  std::vector<NodePorts> ports;
  for (const std::string& name : library.names("hardware/nodes")) {
    const Json document = read_json(library.find("hardware/nodes", name));
    const auto device = document.find("device");  // most are of others: need not be resolved
    if (device != document.end() && device->is_string() && *device != accelerator) continue;
    const auto node = load_part<NodeModel>("hardware/nodes", name, library);
    if (node.device.name == accelerator && node.nics)
      ports.push_back({node.nics->link.name, static_cast<double>(node.nics->count) / node.devices});
  }
  return ports;
}

const NodePorts* node_ports(const std::vector<NodePorts>& nodes, const std::string& stated, std::string_view usual) {
  const auto first = [&](auto fits) {
    const auto found = std::find_if(nodes.begin(), nodes.end(), fits);
    return found == nodes.end() ? nullptr : &*found;
  };
  const auto* same = first([&](const NodePorts& p) { return p.link == (stated.empty() ? usual : stated); });
  if (same) return same;
  return first([&](const NodePorts& p) { return stated.empty() || technology_of(p.link) == technology_of(stated); });
}

Json nearest_port(const std::string& name, std::int64_t year, double ports_per_node,
                  const std::vector<NodePorts>& nodes, const Library& library) {
  const std::string text = dashed(name);
  std::string technology(technology_of(text));
  double rate = stated_rate(name);
  std::string_view generation;
  for (const PortWord& port : port_words) {
    if (!has_word(text, port.word)) continue;
    technology = port.technology;
    generation = port.word;
    if (port.technology == "slingshot" && port.rate > 0)
      rate = port.rate;  // its number is no rate
    else if (rate == 0)
      rate = port.rate;
    break;
  }
  std::vector<Port> ports = ports_of(technology, library);
  double fastest = 0;
  for (const Port& port : ports) fastest = std::max(fastest, port.rate);
  const auto of_node = std::find_if(nodes.begin(), nodes.end(), [&](const NodePorts& p) {
    return p.link.starts_with(technology + "-") || p.link == technology;
  });
  constexpr double usual_devices = 8;  // of a node
  const double count = ports_per_node > 1       ? ports_per_node
                       : of_node != nodes.end() ? usual_devices * of_node->per_device
                                                : 1;
  if (count > 1 && fastest > 0 && rate > 2 * fastest) rate /= count;  // the next generation is twice as fast
  if (rate == 0 && of_node != nodes.end()) return of_node->link;
  if (rate == 0)
    for (const UsualRate& usual : usual_rates)
      if (usual.technology == technology && usual.since <= year) rate = usual.rate;
  if (ports.empty() && rate > 0) ports = ports_of("ethernet", library);
  if (ports.empty()) return nullptr;
  const auto better = [&](const Port& a, const Port& b) {  // names are sorted: of equals the first
    if (rate == 0) return a.rate < b.rate;
    const double far_a = std::abs(std::log(a.rate / rate)), far_b = std::abs(std::log(b.rate / rate));
    if (std::abs(far_a - far_b) > 1e-6) return far_a < far_b;
    const bool named_a = a.name.find(generation) != std::string::npos,
               named_b = b.name.find(generation) != std::string::npos;
    return named_a != named_b ? named_a : a.rate < b.rate;
  };
  const Port& port = *std::min_element(ports.begin(), ports.end(), better);
  return rate == 0 ? Json(port.name) : at_rate(port.name, port.rate, rate);
}

Json nearest_slot(const std::string& name, const std::string& slot, const Library& library) {
  struct Slot {
    int generation = 0, lanes = 0;
  };
  const auto read = [](const std::string& text) {
    Slot found;
    const std::string joined = dashed(text);
    for (std::size_t i = 0; i < joined.size(); ++i) {
      if (!is_digit(joined[i])) continue;
      int number = 0;
      const auto [end, error] = std::from_chars(joined.data() + i, joined.data() + joined.size(), number);
      const auto next = static_cast<std::size_t>(end - joined.data());
      const bool counts = next < joined.size() && joined[next] == 'x' &&
                          (next + 1 == joined.size() || !is_digit(joined[next + 1]));  // "16x", unlike "5x16"
      const bool lanes = counts || (i > 0 && joined[i - 1] == 'x');
      if (error == std::errc() && lanes) found.lanes = number;
      if (error == std::errc() && !lanes && found.generation == 0) found.generation = number;
      i = next;
    }
    return found;
  };
  const Slot named = read(name), own = slot.starts_with("pcie") ? read(slot) : Slot();
  const int generation = named.generation > 0 ? named.generation : own.generation;
  const int lanes = named.lanes > 0 ? named.lanes : 16;
  if (generation < 1 || generation > 9 || lanes > 32) return "pcie";
  const std::string exact = fmt::format("pcie{}-x{}", generation, lanes);
  if (!library.find("hardware/links", exact).empty()) return exact;
  // Lanes carry twice the rate with every generation.
  for (int known = generation; known <= 9; ++known) {
    const std::string base = fmt::format("pcie{}-x16", known);
    if (library.find("hardware/links", base).empty()) continue;
    const double full = load_part<LinkModel>("hardware/links", base, library).bandwidth_per_direction.value * 8 / 1e9;
    return at_rate(base, full, full * lanes / 16 / std::exp2(known - generation));
  }
  return "pcie";
}

std::string link_text(const Json& link) {
  if (!link.is_object()) return link.get<std::string>();
  return link["base"].get<std::string>() + " at " + link["bandwidth_per_direction"].get<std::string>();
}

}  // namespace orrery
