#include "sim/simgrid/contention.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "sim/error.hpp"

namespace orrery {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::size_t hash_of(const RoutedPattern& routed) {
  std::uint64_t h = std::bit_cast<std::uint64_t>(routed.fair_share);
  const auto mix = [&h](std::uint64_t v) { h = (h ^ v) * 0x9E3779B97F4A7C15ull, h ^= h >> 29; };
  for (const LinkLoad& load : routed.loads) {
    mix(load.link.value);
    mix(std::bit_cast<std::uint64_t>(load.weight));
  }
  return h;
}

bool same(const RoutedPattern& a, const RoutedPattern& b) {
  return a.fair_share == b.fair_share &&
         std::equal(a.loads.begin(), a.loads.end(), b.loads.begin(), b.loads.end(),
                    [](const LinkLoad& x, const LinkLoad& y) { return x.link == y.link && x.weight == y.weight; });
}

double worst_error(std::span<const double> weights, double unit) {
  double worst = 0;
  for (double w : weights) {
    const double count = std::max(1.0, std::round(w / unit));
    worst = std::max(worst, std::abs(count * unit - w) / w);
  }
  return worst;
}

std::uint32_t count_of(double weight, double unit) {
  return static_cast<std::uint32_t>(std::max(1.0, std::round(weight / unit)));
}

}  // namespace

WeightUnit choose_unit(std::span<const double> weights) {
  constexpr double rounding = 1e-12, tolerance = 1.0 / 256;
  // Of one weight: while looking for an exact unit, as long routes are slow, and at all. Where weights differ by more than
  // the latter, the least are counted as more than they are.
  constexpr double few_counts = 4096, most_counts = 131072;
  const auto [least, most] = std::minmax_element(weights.begin(), weights.end());
  const double range = *most / *least;
  if (range > most_counts) return {*most / most_counts, false};
  for (int q = 1; q <= 128 && range * q <= std::max(few_counts, range); ++q)
    if (worst_error(weights, *least / q) <= rounding) return {*least / q, true};
  int q = 1;
  while (q < 128 && range * (q + 1) <= most_counts && worst_error(weights, *least / q) > tolerance) ++q;
  return {*least / q, false};
}

std::uint32_t Contention::intern_pattern(const RoutedPattern& routed) {
  const std::size_t hash = hash_of(routed);
  const auto [first, last] = pattern_ids_.equal_range(hash);
  for (auto it = first; it != last; ++it)
    if (same(*patterns_[it->second].routed, routed)) return it->second;
  Pattern pattern;
  pattern.routed = &routed;
  patterns_.push_back(std::move(pattern));
  const auto id = static_cast<std::uint32_t>(patterns_.size() - 1);
  pattern_ids_.emplace(hash, id);
  return id;
}

std::uint32_t Contention::intern_queue_set(std::vector<std::uint32_t> sorted) {
  const auto [entry, added] = queue_set_ids_.try_emplace(sorted, static_cast<std::uint32_t>(queue_sets_.size()));
  if (added) queue_sets_.push_back(std::move(sorted));
  return entry->second;
}

std::uint32_t Contention::intersection(std::uint32_t a, std::uint32_t b) {
  if (a == b) return a;
  if (a > b) std::swap(a, b);
  const std::uint64_t key = std::uint64_t{a} << 32 | b;
  if (const auto known = intersections_.find(key); known != intersections_.end()) return known->second;
  std::vector<std::uint32_t> common;
  std::set_intersection(queue_sets_[a].begin(), queue_sets_[a].end(), queue_sets_[b].begin(), queue_sets_[b].end(),
                        std::back_inserter(common));
  return intersections_[key] = intern_queue_set(std::move(common));
}

std::uint32_t Contention::intern_group(std::uint32_t pattern, std::uint32_t queue_set, bool& added) {
  const auto [entry, is_new] = group_ids_.try_emplace(std::uint64_t{pattern} << 32 | queue_set,
                                                      static_cast<std::uint32_t>(groups_.size()));
  if (is_new) {
    added = true;
    groups_.push_back({pattern, queue_set, false});
    for (const LinkLoad& load : patterns_[pattern].routed->loads) {
      std::uint32_t& common = meeting_[load.link.index()];
      common = common == untouched ? queue_set : intersection(common, queue_set);
    }
  }
  return entry->second;
}

bool Contention::add(const IndexedProgram& indexed) {
  const Program& program = *indexed.program;
  board_ = indexed.board;
  if (board_) meeting_.resize(board_->links(), untouched);
  std::vector<std::uint32_t> patterns(program.pattern_count(), untouched);
  std::vector<std::uint32_t> queue_sets(program.queue_set_begin.empty() ? 0 : program.queue_set_begin.size() - 1,
                                        untouched);
  auto& group_of = group_of_[&program];
  group_of.assign(program.operations.size(), 0);
  bool added = false;
  for (std::size_t i = 0; i < program.operations.size(); ++i) {
    const Operation& op = program.operations[i];
    if (op.kind != OpKind::transfer) continue;
    std::uint32_t& pattern = patterns[op.pattern.index()];
    if (pattern == untouched) pattern = intern_pattern(indexed.pattern_of(op));
    std::uint32_t queue_set = 0;
    if (op.queues.valid()) {
      std::uint32_t& known = queue_sets[op.queues.index()];
      if (known == untouched) {
        std::vector<std::uint32_t> queues;
        for (QueueId q : program.queues_of(op)) queues.push_back(indexed.queues[q.index()]);
        std::sort(queues.begin(), queues.end());
        known = intern_queue_set(std::move(queues));
      }
      queue_set = known;
    }
    group_of[i] = intern_group(pattern, queue_set, added);
  }
  if (added) {
    decide_shared();
    build_constraints();
  }
  return added;
}

void Contention::decide_shared() {
  for (Group& group : groups_) {
    if (group.shared) continue;
    const auto& loads = patterns_[group.pattern].routed->loads;
    group.shared = std::any_of(loads.begin(), loads.end(),
                               [&](const LinkLoad& load) { return meeting_[load.link.index()] == 0; });
    if (group.shared) patterns_[group.pattern].shared = true;
  }
}

void Contention::build_constraints() {
  constraints_.clear();
  constraint_ids_.clear();
  approximated_ = 0;
  std::vector<Touch> touches;
  for (std::uint32_t p = 0; p < patterns_.size(); ++p) {
    Pattern& pattern = patterns_[p];
    pattern.uses.clear();
    pattern.own_limit = pattern.other_limit = infinity;
    if (!pattern.shared) continue;
    for (const LinkLoad& load : pattern.routed->loads)
      touches.push_back({load.link, p, load.weight / pattern.routed->fair_share});
  }
  std::stable_sort(touches.begin(), touches.end(), [](const Touch& a, const Touch& b) { return a.link < b.link; });
  for (std::size_t first = 0, last = 0; first < touches.size(); first = last) {
    while (last < touches.size() && touches[last].link == touches[first].link) ++last;
    add_link(std::span(touches).subspan(first, last - first));
  }
  for (const auto& [uses, id] : constraint_ids_)
    for (const auto& [pattern, count] : uses) {
      Pattern& p = patterns_[pattern];
      p.uses.push_back({id, count});
      p.other_limit = std::min(p.other_limit, constraints_[id].capacity / count);
    }
  for (Pattern& pattern : patterns_)
    if (pattern.shared && pattern.own_limit < pattern.other_limit) {
      pattern.uses.push_back({static_cast<std::uint32_t>(constraints_.size()), 1});
      constraints_.push_back({pattern.own_limit});
    }
}

double Contention::bandwidth(LinkId link) const {
  return (board_ ? board_->bandwidth(link) : fabric_.link(link).bandwidth).value;
}

void Contention::add_link(std::span<const Touch> touches) {
  const double bandwidth = this->bandwidth(touches[0].link);
  if (touches.size() == 1) {
    double& limit = patterns_[touches[0].pattern].own_limit;
    limit = std::min(limit, bandwidth / touches[0].weight);
    return;
  }
  std::vector<double> weights;
  for (const Touch& touch : touches) weights.push_back(touch.weight);
  const WeightUnit unit = choose_unit(weights);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> counts;
  for (const Touch& touch : touches) {
    counts.emplace_back(touch.pattern, count_of(touch.weight, unit.unit));
    if (unit.exact) continue;
    double& limit = patterns_[touch.pattern].own_limit;
    limit = std::min(limit, bandwidth / touch.weight);
  }
  if (!unit.exact) ++approximated_;
  const double capacity = bandwidth / unit.unit;
  const auto [entry, added] = constraint_ids_.try_emplace(std::move(counts),
                                                          static_cast<std::uint32_t>(constraints_.size()));
  if (added)
    constraints_.push_back({capacity});
  else
    constraints_[entry->second].capacity = std::min(constraints_[entry->second].capacity, capacity);
}

}  // namespace orrery
