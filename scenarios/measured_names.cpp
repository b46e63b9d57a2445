#include "scenarios/measured_names.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include "models/transformer.hpp"
#include "scenarios/board_names.hpp"
#include "scenarios/lower_case.hpp"
#include "scenarios/measured_scenario.hpp"
#include "scenarios/port_names.hpp"
#include "sim/device.hpp"

namespace orrery {

namespace {

// The nearest board, noted as such. `slots`: see board_names.hpp.
std::string board_of_library(const std::string& name, bool slots, const Library& library, RulesUsed& used) {
  const NearestBoard found = nearest_board(name, slots, library.names("hardware/accelerators"));
  if (found.name.empty()) throw CannotSimulate("accelerator \"" + name + "\" is not in the library");
  used.insert(found.form_assumed ? Rule::common_form : Rule::nearest_name, fmt::format("{} = {}", name, found.name));
  return found.name;
}

constexpr std::int64_t usual_devices_per_host = 8, devices_per_superchip_host = 4, devices_per_torus_host = 16;

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// NVLink of boards on bridges and of those whose links lead to several others is no switch: a pair of them has part of the
// links. More boards than such links reach have switches between.
std::string nvlink_wiring(const DeviceModel& device, std::int64_t per_host) {
  const auto& links = device.scale_up;
  if (!links || !links->link.starts_with("nvlink")) return "nvswitch";
  if (links->domain.value_or(usual_devices_per_host) < usual_devices_per_host) return "nvlink-mesh";
  const bool direct = links->pair_bandwidth_per_direction && links->bandwidth_per_direction &&
                      *links->pair_bandwidth_per_direction < *links->bandwidth_per_direction;
  return direct && per_host <= links->domain.value_or(per_host) ? "nvlink-mesh" : "nvswitch";
}

std::string known_wiring(const std::string& kind, const DeviceModel& device, std::int64_t per_host) {
  if (contains(kind, "torus")) return contains(kind, "3d") ? "ici-torus-3d" : "ici-torus-2d";
  if (contains(kind, "bridge")) return "nvlink-mesh";
  if (contains(kind, "pcie")) return "pcie";
  if (contains(kind, "switch")) return "nvswitch";
  if (contains(kind, "cube") || (contains(kind, "nvlink") && contains(kind, "mesh"))) return "nvlink-mesh";
  for (const std::string_view direct : {"mesh", "all-to-all", "infinity", "xgmi"})
    if (contains(kind, direct)) return "xgmi";
  return contains(kind, "nvlink") ? nvlink_wiring(device, per_host) : kind;
}

bool is_wiring(std::string_view kind) {
  constexpr std::string_view known[] = {"nvswitch",     "nvlink-mesh",  "xgmi",         "pcie",
                                        "ici-torus-2d", "ici-torus-3d", "host-torus-2d"};
  return std::find(std::begin(known), std::end(known), kind) != std::end(known);
}

// What connects the accelerators of one node, by the link they carry. Not every board on bridges has one.
std::string usual_wiring(const DeviceModel& device, std::int64_t per_host) {
  const std::string link = device.scale_up ? device.scale_up->link : "";
  if (link.starts_with("nvlink") && device.scale_up->domain.value_or(usual_devices_per_host) < usual_devices_per_host)
    return "pcie";
  if (link.starts_with("nvlink")) return nvlink_wiring(device, per_host);
  if (link.starts_with("ici"))
    return link == "ici-v4" || link == "ici-v5p" || link == "ici-v7x" ? "ici-torus-3d" : "ici-torus-2d";
  if (link.starts_with("neuronlink")) return "host-torus-2d";  // of the chips of a host, unlike a slice of a pod
  return link.empty() ? "pcie" : "xgmi";
}

std::string slot_of(const DeviceModel& device) { return device.host_link ? device.host_link->link : ""; }

struct Naming {
  MeasuredRow& row;
  const Library& library;
  RulesUsed& used;

  Json& cluster() { return row.run["cluster"]; }
  Json& scale_up() {
    if (!cluster()["scale_up"].is_object()) cluster()["scale_up"] = Json::object();
    return cluster()["scale_up"];
  }
  void replace(Json& value, const Json& found, std::string_view text) {
    if (value == found) return;
    used.insert(Rule::nearest_name, fmt::format("{} = {}", value.is_string() ? value.get<std::string>() : "", text));
    value = found;
  }
  void replace(Json& value, const std::string& name) { replace(value, name, name); }
  bool has(std::string_view kind, const std::string& name) const { return !library.find(kind, name).empty(); }

  void accelerator();
  void wiring(const DeviceModel&);
  void rack(const DeviceModel&);
  void bridges(const DeviceModel&);
  void links(const DeviceModel&);
  void ports(const DeviceModel&);
  void precision();
  void usual_precision(const DeviceModel&);
  void named_model();
  void public_model();
};

void Naming::accelerator() {
  const bool own = row.text("accelerator").has_value();
  const std::string name = row.text("accelerator").value_or(row.text("cluster/accelerator").value_or(""));
  if (name.empty() || has("hardware/accelerators", name)) return;
  const std::string kind = row.text("cluster/scale_up/kind").value_or("");
  const std::string found = board_of_library(name, contains(lower_case(kind), "pcie"), library, used);
  (own ? row.run["accelerator"] : cluster()["accelerator"]) = found;
}

// As stated, in the row itself or of its cluster.
std::optional<std::int64_t> devices_per_host(const MeasuredRow& row) {
  return row.integer(row.has("devices_per_node") ? "devices_per_node" : "cluster/devices_per_node");
}

void Naming::wiring(const DeviceModel& device) {
  const auto kind = row.text("cluster/scale_up/kind");
  const auto hosted = devices_per_host(row);
  const std::int64_t per_host = hosted.value_or(usual_devices_per_host);
  const std::string family = kind ? known_wiring(lower_case(*kind), device, per_host) : "";
  const bool by_slots = !kind && contains(lower_case(row.text("cluster/scale_up/link").value_or("")), "pcie");
  if (by_slots) {
    scale_up()["kind"] = "pcie";
  } else if (is_wiring(family)) {
    if (family == "pcie" && kind != "pcie" && !row.has("cluster/scale_up/link"))
      scale_up()["link"] = nearest_slot(*kind, slot_of(device), library);
    replace(scale_up()["kind"], family);
    bridges(device);
  } else {  // not stated, or the name of a link rather than of a wiring ("ethernet", "neuronlink")
    scale_up()["kind"] = usual_wiring(device, per_host);
    used.insert(Rule::usual_node);
  }
  rack(device);
  if (hosted) return;
  const auto devices = row.integer("devices");
  if (!devices || (kind && kind->starts_with("ici"))) return;
  const bool superchip = contains(device.name, "-nvl72") || contains(device.name, "gh200");
  const bool torus = scale_up()["kind"] == "host-torus-2d";
  cluster()["devices_per_node"] = std::min(*devices, superchip ? devices_per_superchip_host
                                                     : torus   ? devices_per_torus_host
                                                               : usual_devices_per_host);
  used.insert(Rule::usual_node);
}

// Switches that join the hosts of a rack do so where the row does not say it.
void Naming::rack(const DeviceModel& device) {
  constexpr std::int64_t largest_host = 16;
  if (scale_up()["kind"] != "nvswitch" || row.has("cluster/scale_up/domain") || !device.scale_up) return;
  if (device.scale_up->domain.value_or(0) <= largest_host) return;
  scale_up()["domain"] = *device.scale_up->domain;
  used.insert(Rule::usual_node);
}

// Boards whose links reach few others (NVLink bridges join two) meet those only, whatever the node holds.
void Naming::bridges(const DeviceModel& device) {
  if (scale_up()["kind"] != "nvlink-mesh" || !device.scale_up || !device.scale_up->domain) return;
  const std::int64_t reached = *device.scale_up->domain;
  const auto stated = row.integer("cluster/scale_up/domain");
  if (reached >= usual_devices_per_host || (stated && *stated <= reached)) return;
  scale_up()["domain"] = reached;
  used.insert(Rule::usual_node);
}

void Naming::links(const DeviceModel& device) {
  const std::string own = device.scale_up ? device.scale_up->link : "";
  const Json* named = row.at("cluster/scale_up/link");
  const auto inside = named && named->is_object() ? std::nullopt : row.text("cluster/scale_up/link");
  const bool pcie = row.text("cluster/scale_up/kind") == "pcie";
  if (!named && !own.empty() && !pcie) scale_up()["link"] = own;
  if (!named && pcie) {  // boards meet over the slots that they sit in
    const std::string slot = slot_of(device);
    scale_up()["link"] = slot.starts_with("pcie") && has("hardware/links", slot) ? slot : "pcie";
    used.insert(Rule::usual_node);
  }
  if (inside && !has("hardware/links", *inside)) {
    const Json found = pcie ? nearest_slot(*inside, slot_of(device), library) : Json(own);
    if (found != "") replace(scale_up()["link"], found, link_text(found));
  }
  ports(device);
}

// The network between nodes: the port that the name means, and, where the row leaves out what ports there are, those of
// the library's node (what measured_cluster takes before its table).
void Naming::ports(const DeviceModel& device) {
  Json& out = cluster()["scale_out"];
  if (out.is_string()) out = {{"link", out}};
  if (!out.is_object()) out = Json::object();
  if (lower_case(row.text("cluster/scale_out/link").value_or("")) == "none") out["link"] = nullptr;
  const auto port = row.text("cluster/scale_out/link");
  const auto count = row.number("cluster/scale_out/ports_per_node");
  const bool known = port && has("hardware/links", *port);
  const auto hosted = devices_per_host(row);
  const bool one_host = hosted && row.integer("devices") && *row.integer("devices") <= *hosted &&
                        row.integer("nodes").value_or(1) <= 1;
  if ((known && count) || one_host) return;
  const std::vector<NodePorts> nodes = ports_of_nodes(device.name, library);
  if (port && !known) {
    const Json found = nearest_port(*port, device.year, count.value_or(0), nodes, library);
    if (found.is_null())
      replace(out["link"], nullptr, "not stated");
    else
      replace(out["link"], found, link_text(found));
  }
  const Json& link = out["link"];
  const std::string stated = link.is_null() ? "" : (link.is_object() ? link["base"] : link).get<std::string>();
  const ReferencePort* usual = reference_port(device.scale_up ? device.scale_up->link : "pcie");
  if (const NodePorts* found = node_ports(nodes, stated, usual ? usual->link : ""))
    out["of_library"] = {{"link", found->link}, {"ports_per_device", found->per_device}};
}

// "FP8", "bf16-mixed", "fp8-hybrid", "bfloat16", "float8_e4m3fn", "half"; 16 as a CSV has it; "mixed", which says no type.
void Naming::precision() {
  Json& stated = row.run["precision"];
  if (stated.is_number_integer()) stated = stated.dump();
  const auto text = row.text("precision");
  if (!text) return;
  const std::string word = bare_name(*text);
  if (const auto type = data_type_of(*text)) replace(stated, std::string(name(*type)));
  if (word == "mixed" || word == "amp" || word == "mixedprecision") stated = nullptr;
}

void Naming::usual_precision(const DeviceModel& device) {
  constexpr std::int64_t first_with_bf16 = 2020;
  if (row.kind == "collective" || row.has("precision")) return;
  row.run["precision"] = device.year >= first_with_bf16 ? "bf16" : "fp16";
  used.insert(Rule::usual_precision);
}

// Every size that the row states, and enough of them to tell models apart.
bool has_sizes_of(const MeasuredRow& row, const TransformerModel& model) {
  const auto same = [&](const char* path, std::int64_t value) { return row.integer(path) == value; };
  const auto fits = [&](const char* path, std::int64_t value) { return !row.has(path) || same(path, value); };
  if (!same("model/layers", model.layers) || !same("model/hidden", model.hidden) || !same("model/heads", model.heads))
    return false;
  const bool mixture = row.has("model/experts") && row.at("model/experts")->is_object();
  if (mixture != model.experts.has_value()) return false;
  if (mixture)
    return same("model/experts/count", model.experts->count) && same("model/experts/active", model.experts->active) &&
           same("model/experts/ffn_hidden", model.experts->ffn_hidden);
  return fits("model/vocabulary", model.vocabulary) && fits("model/kv_heads", model.key_value_heads()) &&
         fits("model/head_dim", model.head_width()) && fits("model/ffn_hidden", model.ffn_width()) &&
         (!row.has("model/gated_ffn") || row.flag("model/gated_ffn") == model.gated_ffn);
}

// Letters, digits and points between digits: "GPT-3 1.3B" is no "GPT-3 13B".
std::string model_word(const std::string& text) {
  std::string word;
  const auto digit = [&](std::size_t i) {
    return i < text.size() && std::isdigit(static_cast<unsigned char>(text[i]));
  };
  for (std::size_t i = 0; i < text.size(); ++i)
    if (std::isalnum(static_cast<unsigned char>(text[i])) || (text[i] == '.' && i > 0 && digit(i - 1) && digit(i + 1)))
      word += text[i];
  return lower_case(word);
}

// A model that the row only names is the library's of that name: "Llama 3 8B".
void Naming::named_model() {
  Json& stated = row.run["model"];
  if (stated.is_string()) stated = {{"name", stated}};
  const auto name = stated.is_object() ? row.text("model/name") : std::nullopt;
  if (!name || row.has("model/layers") || row.has("model/hidden")) return;
  for (const std::string& known : library.names("networks")) {
    if (model_word(known) != model_word(*name)) continue;
    Json sizes = write_spec(load_part<TransformerModel>("networks", known, library));
    if (const Json window = sizes.value("sliding_window", Json()); window.is_object())
      sizes["sliding_window"] = {{"tokens", window["tokens"]}, {"every_other_layer", window["full_every"] == 2}};
    sizes["mla"] = sizes.value("latent_attention", Json());
    if (sizes.value("causal", true) == false && !row.has("model/family"))
      stated["family"] = "bert";  // masked positions
    for (const char* unknown :
         {"latent_attention", "title", "rotary", "attention_length_share", "predicted_positions", "sources", "name"})
      sizes.erase(unknown);
    for (const auto& [key, value] : sizes.items())
      if (!value.is_null() && !row.has("model/" + key)) stated[key] = value;
    used.insert(Rule::public_model);
  }
}

// What the row leaves out where it has exactly the sizes of published models, all of which have the same there. Experts of
// public models also have parts that the format has no field for.
void Naming::public_model() {
  if (!row.has("model") || !row.at("model")->is_object()) return;
  const bool mixture = row.has("model/experts") && row.at("model/experts")->is_object();
  const bool complete = row.has("model/vocabulary") && row.has("model/kv_heads") && row.has("model/gated_ffn") &&
                        (row.has("model/ffn_hidden") || mixture);
  if (complete && !mixture) return;
  std::vector<Json> twins;  // what each published model of these sizes says
  for (const std::string& name : library.names("networks")) {
    const auto model = load_part<TransformerModel>("networks", name, library);
    if (!has_sizes_of(row, model)) continue;
    twins.push_back({{"vocabulary", model.vocabulary},
                     {"kv_heads", model.key_value_heads()},
                     {"head_dim", model.head_width()},
                     {"ffn_hidden", model.ffn_width()},
                     {"gated_ffn", model.gated_ffn}});
    if (!mixture || !(model.experts->biases || model.experts->clamped)) continue;
    row.run["model"]["experts"]["biases"] = model.experts->biases;
    row.run["model"]["experts"]["clamped"] = model.experts->clamped;
    used.insert(Rule::public_model);
  }
  if (twins.empty() || complete) return;
  for (const char* key : {"vocabulary", "kv_heads", "head_dim", "ffn_hidden", "gated_ffn"}) {
    const auto differs = [&](const Json& twin) { return twin[key] != twins.front()[key]; };
    if (row.has(std::string("model/") + key) || std::any_of(twins.begin(), twins.end(), differs)) continue;
    if (mixture && std::string_view(key) == "ffn_hidden") continue;
    row.run["model"][key] = twins.front()[key];
    used.insert(Rule::public_model);
  }
}

}  // namespace

std::optional<DataType> data_type_of(std::string_view spelling) {
  struct Spelling {
    std::string_view text;
    DataType type;
  };
  constexpr Spelling others[] = {
      {"float64", DataType::fp64}, {"double", DataType::fp64},   {"f64", DataType::fp64},
      {"float32", DataType::fp32}, {"single", DataType::fp32},   {"float", DataType::fp32},
      {"f32", DataType::fp32},     {"bfloat16", DataType::bf16}, {"tensorfloat32", DataType::tf32},
      {"float16", DataType::fp16}, {"half", DataType::fp16},     {"f16", DataType::fp16},
      {"float8", DataType::fp8},   {"e4m3", DataType::fp8},      {"e5m2", DataType::fp8},
      {"f8", DataType::fp8}};
  std::string text = lower_case(std::string(spelling));
  if (!text.empty() && text[0] >= '0' && text[0] <= '9') text = "fp" + text;  // "16-mixed"
  // The first word says what is multiplied, the rest how it is added up; the longest name wins ("bfloat16").
  for (const std::string_view part :
       {std::string_view(text).substr(0, text.find_first_of(" ,")), std::string_view(text)}) {
    std::optional<DataType> found;
    std::size_t length = 0;
    const auto consider = [&](std::string_view name, DataType type) {
      if (name.size() <= length || !contains(part, name)) return;
      found = type;
      length = name.size();
    };
    for (std::size_t i = 0; i < data_type_names.size(); ++i) consider(data_type_names[i], static_cast<DataType>(i));
    for (const Spelling& other : others) consider(other.text, other.type);
    if (found) return found;
  }
  return std::nullopt;
}

MeasuredRow with_known_accelerator(const MeasuredRow& original, const std::string& accelerator, const Library& library,
                                   RulesUsed& used) {
  MeasuredRow row = original;
  std::string name = accelerator;
  if (library.find("hardware/accelerators", name).empty()) name = board_of_library(name, false, library, used);
  row.run["accelerator"] = name;
  const auto device = load_part<DeviceModel>("hardware/accelerators", name, library);
  row.run["accelerator_year"] = device.year;
  row.run["accelerator_generation"] = device.generation;
  return row;
}

MeasuredRow with_known_names(const MeasuredRow& original, const Library& library, RulesUsed& used) {
  MeasuredRow row = original;
  if (!row.run["cluster"].is_object()) row.run["cluster"] = Json::object();
  Naming naming{row, library, used};
  if (const auto devices = devices_of_degrees(row); devices && !row.has("devices")) row.run["devices"] = *devices;
  naming.precision();
  if (row.kind == "training" || row.kind == "power") naming.named_model();
  naming.public_model();
  naming.accelerator();
  const std::string name = row.text("accelerator").value_or(row.text("cluster/accelerator").value_or(""));
  if (name.empty() || !naming.has("hardware/accelerators", name)) return row;
  const auto device = load_part<DeviceModel>("hardware/accelerators", name, library);
  row.run["accelerator_year"] = device.year;
  naming.usual_precision(device);
  naming.wiring(device);
  naming.links(device);
  return row;
}

}  // namespace orrery
