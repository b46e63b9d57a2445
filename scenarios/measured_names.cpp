#include "scenarios/measured_names.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "models/transformer.hpp"
#include "sim/device.hpp"

namespace orrery {

namespace {

constexpr std::int64_t usual_devices_per_host = 8, devices_per_superchip_host = 4;

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words(1);
  for (char c : text) {
    if (c == '-')
      words.emplace_back();
    else
      words.back() += c;
  }
  return words;
}

// Vendor and product agree ("nvidia-a100"); then the form that fits the wiring, then the most words in common.
std::string nearest_accelerator(const std::string& name, bool switched, const std::vector<std::string>& known) {
  const std::vector<std::string> wanted = words_of(name);
  std::string best;
  int best_score = -1;
  for (const std::string& candidate : known) {
    const std::vector<std::string> words = words_of(candidate);
    if (wanted.size() < 2 || words.size() < 2 || words[0] != wanted[0] || words[1] != wanted[1]) continue;
    int score = contains(candidate, "pcie") == switched ? 0 : 10;
    for (const std::string& word : wanted) score += std::find(words.begin(), words.end(), word) != words.end() ? 2 : 0;
    if (score <= best_score) continue;
    best = candidate;
    best_score = score;
  }
  return best;
}

// The last whole number in a name: the rate of a port in Gb/s, or a generation.
std::int64_t last_number(std::string_view name) {
  std::int64_t number = 0;
  bool inside = false;
  for (char c : name) {
    const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    if (digit) number = std::min<std::int64_t>((inside ? number * 10 : 0) + (c - '0'), 1000000);
    inside = digit;
  }
  return number;
}

// What a port is called by: its technology, and its rate where the name of a generation says it.
struct PortWord {
  std::string_view word, technology;
  std::int64_t rate = 0;
};
constexpr PortWord port_words[] = {{"edr", "infiniband", 100},
                                   {"hdr", "infiniband", 200},
                                   {"ndr", "infiniband", 400},
                                   {"xdr", "infiniband", 800},
                                   {"infiniband", "infiniband"},
                                   {"roce", "roce"},
                                   {"efa", "efa"},
                                   {"gbe", "ethernet"},
                                   {"gige", "ethernet"},
                                   {"ethernet", "ethernet"}};

// The same technology at that rate, else another one at that rate, else the fastest of the technology.
std::string nearest_port(const std::string& name, const std::vector<std::string>& known) {
  std::string technology = words_of(name).front();
  std::int64_t rate = last_number(name);
  for (const PortWord& port : port_words) {
    if (!contains(name, port.word)) continue;
    technology = port.technology;
    if (rate < 10) rate = port.rate;  // "4x HDR"
    break;
  }
  std::string same_start, same_rate, same_technology;
  for (const std::string& candidate : known) {
    const bool related = candidate.starts_with(technology + "-");
    if (related && rate > 0 && last_number(candidate) == rate) return candidate;
    if (candidate == "ethernet-" + std::to_string(rate)) same_rate = candidate;
    if (candidate.starts_with(name + "-")) same_start = candidate;  // "infiniband-ndr": names are sorted, rates rise
    if (related && last_number(candidate) >= last_number(same_technology)) same_technology = candidate;
  }
  if (!same_start.empty()) return same_start;
  return same_rate.empty() ? same_technology : same_rate;
}

std::string known_wiring(const std::string& kind) {
  if (kind == "nvlink-mesh") return kind;
  if (contains(kind, "torus")) return contains(kind, "3d") ? "ici-torus-3d" : "ici-torus-2d";
  if (contains(kind, "pcie")) return "pcie";
  if (contains(kind, "switch")) return "nvswitch";
  for (const std::string_view direct : {"mesh", "all-to-all", "infinity", "xgmi"})
    if (contains(kind, direct)) return "xgmi";
  return contains(kind, "nvlink") ? "nvswitch" : kind;
}

// What connects the accelerators of one node, by the link they carry.
std::string usual_wiring(const DeviceModel& device) {
  const std::string link = device.scale_up ? device.scale_up->link : "";
  if (link.starts_with("nvlink")) return device.scale_up->domain.value_or(8) >= 8 ? "nvswitch" : "pcie";
  if (link.starts_with("ici"))
    return link == "ici-v4" || link == "ici-v5p" || link == "ici-v7x" ? "ici-torus-3d" : "ici-torus-2d";
  if (link.starts_with("neuronlink")) return "ici-torus-2d";
  return link.empty() ? "pcie" : "xgmi";
}

struct Naming {
  MeasuredRow& row;
  const Library& library;
  RulesUsed& used;

  Json& cluster() { return row.run["cluster"]; }
  Json& scale_up() {
    if (!cluster()["scale_up"].is_object()) cluster()["scale_up"] = Json::object();
    return cluster()["scale_up"];
  }
  void replace(Json& value, const std::string& name) {
    if (value == name) return;
    value = name;
    used.insert(Rule::nearest_name);
  }
  bool has(std::string_view kind, const std::string& name) const { return !library.find(kind, name).empty(); }

  void accelerator();
  void wiring(const DeviceModel&);
  void links(const DeviceModel&);
  void precision();
  void public_mixture();
};

void Naming::accelerator() {
  const bool own = row.text("accelerator").has_value();
  const std::string name = row.text("accelerator").value_or(row.text("cluster/accelerator").value_or(""));
  if (name.empty() || has("hardware/accelerators", name)) return;
  const std::string kind = row.text("cluster/scale_up/kind").value_or("nvswitch");
  const std::string found = nearest_accelerator(lower_case(name), kind != "pcie" && kind != "nvlink-mesh",
                                                library.names("hardware/accelerators"));
  if (found.empty()) return;
  replace(own ? row.run["accelerator"] : cluster()["accelerator"], found);
}

void Naming::wiring(const DeviceModel& device) {
  const auto kind = row.text("cluster/scale_up/kind");
  if (kind) {
    replace(scale_up()["kind"], known_wiring(lower_case(*kind)));
  } else {
    scale_up()["kind"] = usual_wiring(device);
    used.insert(Rule::usual_node);
  }
  if (row.integer("cluster/devices_per_node") || row.integer("devices_per_node")) return;
  const auto devices = row.integer("devices");
  if (!devices || (kind && kind->starts_with("ici"))) return;
  const bool superchip = contains(device.name, "-nvl72") || contains(device.name, "gh200");
  cluster()["devices_per_node"] = std::min(*devices, superchip ? devices_per_superchip_host : usual_devices_per_host);
  used.insert(Rule::usual_node);
}

void Naming::links(const DeviceModel& device) {
  const std::string own = device.scale_up ? device.scale_up->link : "";
  const auto inside = row.text("cluster/scale_up/link");
  const bool pcie = row.text("cluster/scale_up/kind") == "pcie";
  if (!inside && !own.empty() && !pcie) scale_up()["link"] = own;
  if (!inside && pcie) {  // boards meet over the slots that they sit in
    const std::string slot = device.host_link ? device.host_link->link : "";
    scale_up()["link"] = slot.starts_with("pcie") && has("hardware/links", slot) ? slot : "pcie";
    used.insert(Rule::usual_node);
  }
  if (inside && !has("hardware/links", *inside)) {
    const std::string generation = fmt::format("pcie{}-x16", last_number(*inside));
    const std::string found = !pcie ? own : has("hardware/links", generation) ? generation : "pcie";
    if (!found.empty()) replace(scale_up()["link"], found);
  }
  const auto port = row.text("cluster/scale_out/link");
  if (!port || has("hardware/links", *port)) return;
  const std::string found = nearest_port(lower_case(*port), library.names("hardware/links"));
  if (!found.empty()) replace(cluster()["scale_out"]["link"], found);
}

// "FP8", "bf16-mixed", "fp8-hybrid", "bfloat16", "float8_e4m3fn", "half".
void Naming::precision() {
  const auto stated = row.text("precision");
  if (!stated) return;
  std::string text = lower_case(*stated);
  constexpr std::pair<std::string_view, std::string_view> spellings[] = {
      {"bfloat", "bf"}, {"float", "fp"}, {"half", "fp16"}};
  for (const auto& [long_form, short_form] : spellings)
    if (const std::size_t at = text.find(long_form); at != std::string::npos)
      text.replace(at, long_form.size(), short_form);
  std::string found;
  for (const std::string_view name : EnumNames<DataType>::names) {
    if (text == name) found = name;
    if (found != text && contains(text, name) && name.size() > found.size()) found = name;
  }
  if (!found.empty()) replace(row.run["precision"], found);
}

// Experts of public models have parts that the format has no field for.
void Naming::public_mixture() {
  if (!row.has("model/experts") || !row.at("model/experts")->is_object()) return;
  for (const std::string& name : library.names("networks")) {
    const auto model = load_part<TransformerModel>("networks", name, library);
    if (!model.experts || !(model.experts->biases || model.experts->clamped)) continue;
    const bool same = row.integer("model/layers") == model.layers && row.integer("model/hidden") == model.hidden &&
                      row.integer("model/heads") == model.heads &&
                      row.integer("model/experts/count") == model.experts->count &&
                      row.integer("model/experts/active") == model.experts->active &&
                      row.integer("model/experts/ffn_hidden") == model.experts->ffn_hidden;
    if (!same) continue;
    row.run["model"]["experts"]["biases"] = model.experts->biases;
    row.run["model"]["experts"]["clamped"] = model.experts->clamped;
    used.insert(Rule::public_model);
    return;
  }
}

}  // namespace

MeasuredRow with_known_names(const MeasuredRow& original, const Library& library, RulesUsed& used) {
  MeasuredRow row = original;
  if (!row.run["cluster"].is_object()) row.run["cluster"] = Json::object();
  Naming naming{row, library, used};
  naming.precision();
  naming.public_mixture();
  naming.accelerator();
  const std::string name = row.text("accelerator").value_or(row.text("cluster/accelerator").value_or(""));
  if (name.empty() || !naming.has("hardware/accelerators", name)) return row;
  const auto device = load_part<DeviceModel>("hardware/accelerators", name, library);
  row.run["accelerator_year"] = device.year;
  naming.wiring(device);
  naming.links(device);
  return row;
}

}  // namespace orrery
