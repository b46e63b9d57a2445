#include "topologies/places.hpp"

#include <array>
#include <charconv>

namespace orrery {

namespace {

constexpr std::array<const char*, 6> kind_names = {"device", "nic", "switch", "node-switch", "host", "memory"};

std::size_t kind_of(const Vertex& vertex) {
  switch (vertex.kind) {
    case VertexKind::device:
      return 0;
    case VertexKind::nic:
      return 1;
    case VertexKind::network_switch:
      return vertex.node == ~0u ? 2 : 3;
    case VertexKind::host:
      return 4;
    case VertexKind::memory:
      return 5;
  }
  return 0;
}

}  // namespace

Places::Places(const Fabric& fabric) {
  for (const char* name : kind_names) kinds_.push_back({name, {}});
  for (std::size_t v = 0; v < fabric.vertices().size(); ++v) kinds_[kind_of(fabric.vertices()[v])].all.emplace_back(v);
}

std::optional<VertexId> Places::find(const std::string& name) const {
  for (const Kind& kind : kinds_) {
    if (!name.starts_with(kind.name + " ")) continue;
    const char *first = name.data() + kind.name.size() + 1, *last = name.data() + name.size();
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(first, last, number);
    if (error == std::errc() && end == last && number < kind.all.size()) return kind.all[number];
  }
  return std::nullopt;
}

std::string Places::known() const {
  std::string text;
  for (const Kind& kind : kinds_) {
    if (kind.all.empty()) continue;
    if (!text.empty()) text += ", ";
    text += kind.name + " 0";
    if (kind.all.size() > 1) text += " to " + std::to_string(kind.all.size() - 1);
  }
  return text;
}

}  // namespace orrery
