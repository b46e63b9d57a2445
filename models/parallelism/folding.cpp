#include "models/parallelism/folding.hpp"

#include <algorithm>
#include <map>
#include <numeric>

#include "kernels/collectives/collective.hpp"
#include "sim/routes.hpp"

namespace orrery {

namespace {

using Key = std::vector<double>;

// Numbers classes in the order of their first rank.
std::vector<int> classes_of(const std::vector<Key>& keys) {
  std::map<Key, int> number;
  std::vector<int> class_of;
  class_of.reserve(keys.size());
  for (const Key& key : keys)
    class_of.push_back(number.try_emplace(key, static_cast<int>(number.size())).first->second);
  return class_of;
}

std::vector<Flow> flows_of(const Cluster& cluster, GroupFamily family, const std::vector<DeviceId>& members) {
  CollectiveRequest request;
  request.kind = family == GroupFamily::next_stage ? CollectiveKind::send_receive
                 : family == GroupFamily::experts  ? CollectiveKind::all_to_all
                                                   : CollectiveKind::all_reduce;
  request.members = members;
  request.bytes = Bytes(64e6);
  if (request.kind == CollectiveKind::all_reduce) request.algorithm = "ring";
  std::vector<Flow> flows;
  for (const CollectiveStep& step : plan_collective(cluster, request).steps)
    flows.insert(flows.end(), step.flows.begin(), step.flows.end());
  return flows;
}

// What each group of a family costs when all groups of the same stage are active together: {latency, seconds per byte}.
struct FamilyCosts {
  std::vector<std::vector<int>> groups;
  std::vector<std::pair<double, double>> cost;
};

FamilyCosts family_costs(const RankGrid& grid, const Cluster& cluster, const std::vector<DeviceId>& devices,
                         GroupFamily family) {
  FamilyCosts result{grid.groups(family), {}};
  std::vector<RoutedPattern> routed;
  std::map<int, std::vector<double>> load;  // by stage, by link
  for (const auto& group : result.groups) {
    std::vector<DeviceId> members;
    for (int rank : group) members.push_back(devices[static_cast<std::size_t>(rank)]);
    routed.push_back(route_pattern(cluster.fabric, *cluster.router, flows_of(cluster, family, members)));
    auto& links = load[grid.stage_of(group.front())];
    links.resize(cluster.fabric.links().size());
    for (const LinkLoad& l : routed.back().loads) links[l.link.index()] += l.weight;
  }
  for (std::size_t g = 0; g < result.groups.size(); ++g) {
    const auto& links = load[grid.stage_of(result.groups[g].front())];
    double worst = 0;
    for (const LinkLoad& l : routed[g].loads)
      worst = std::max(worst, links[l.link.index()] / cluster.fabric.link(l.link).bandwidth.value);
    // Sums taken in another order differ in the last bits: compare to nine digits.
    auto rounded = [](double x) { return x == 0 ? 0 : std::stod(fmt::format("{:.9e}", x)); };
    result.cost.emplace_back(rounded(routed[g].latency.value), rounded(worst));
  }
  return result;
}

// One round of refinement: a rank's key grows by the classes in its groups.
bool refine(std::vector<int>& class_of, const std::vector<FamilyCosts>& families) {
  std::vector<Key> keys;
  for (int c : class_of) keys.push_back({static_cast<double>(c)});
  for (const FamilyCosts& family : families)
    for (std::size_t g = 0; g < family.groups.size(); ++g) {
      Key classes;
      for (int rank : family.groups[g]) classes.push_back(class_of[static_cast<std::size_t>(rank)]);
      std::sort(classes.begin(), classes.end());
      classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
      for (int rank : family.groups[g]) {
        Key& key = keys[static_cast<std::size_t>(rank)];
        key.push_back(-1);
        key.insert(key.end(), classes.begin(), classes.end());
      }
    }
  std::vector<int> next = classes_of(keys);
  const bool changed = *std::max_element(next.begin(), next.end()) !=
                       *std::max_element(class_of.begin(), class_of.end());
  class_of = std::move(next);
  return changed;
}

Folding folding_of(std::vector<int> class_of) {
  Folding f;
  f.members.resize(static_cast<std::size_t>(*std::max_element(class_of.begin(), class_of.end())) + 1);
  for (std::size_t rank = 0; rank < class_of.size(); ++rank)
    f.members[static_cast<std::size_t>(class_of[rank])].push_back(static_cast<int>(rank));
  f.class_of = std::move(class_of);
  return f;
}

}  // namespace

Folding unfolded(const RankGrid& grid) {
  std::vector<int> class_of(static_cast<std::size_t>(grid.ranks()));
  std::iota(class_of.begin(), class_of.end(), 0);
  return folding_of(std::move(class_of));
}

Folding fold(const RankGrid& grid, const Cluster& cluster, const std::vector<DeviceId>& devices) {
  std::vector<Key> keys;
  for (int rank = 0; rank < grid.ranks(); ++rank) {
    const DeviceId device = devices[static_cast<std::size_t>(rank)];
    keys.push_back({static_cast<double>(grid.stage_of(rank)),
                    static_cast<double>(cluster.type_of[device.index()].value), cluster.speed[device.index()]});
  }
  std::vector<FamilyCosts> families;
  for (GroupFamily family : {GroupFamily::tensor, GroupFamily::context, GroupFamily::shards, GroupFamily::replicas,
                             GroupFamily::next_stage, GroupFamily::embedding, GroupFamily::experts,
                             GroupFamily::expert_tensor, GroupFamily::expert_shards, GroupFamily::expert_replicas}) {
    families.push_back(family_costs(grid, cluster, devices, family));
    for (std::size_t g = 0; g < families.back().groups.size(); ++g)
      for (int rank : families.back().groups[g]) {
        Key& key = keys[static_cast<std::size_t>(rank)];
        key.push_back(families.back().cost[g].first);
        key.push_back(families.back().cost[g].second);
      }
  }
  std::vector<int> class_of = classes_of(keys);
  while (refine(class_of, families)) {
  }
  return folding_of(std::move(class_of));
}

}  // namespace orrery
