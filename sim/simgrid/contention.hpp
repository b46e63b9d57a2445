// Which Transfers can meet on a link, and the few constraints that decide how they share. Knows nothing of SimGrid.
//
// A Transfer is private if all others that touch one of its links share a queue with it (a queue runs one operation at a
// time, so they never overlap). Decided over every Program submitted so far; a later Program can make it shared, never the
// other way round.
// A constraint stands for all links with the same weights in every shared pattern (the narrowest of them). Weights are
// counts, because a link listed k times in a SimGrid route weighs k: a unit is chosen per link such that all its weights are
// whole. Exact when weights have ratios of small whole numbers (denominator <= 128); otherwise each is off by at most 1/256
// and the link is counted in approximated(); the pattern's own speed limit stays exact in any case.
#pragma once

#include <map>
#include <unordered_map>
#include <vector>

#include "sim/engine_program.hpp"

namespace orrery {

struct Constraint {
  double capacity = 0;  // bytes of a largest flow (RoutedPattern::fair_share) per second, summed over counts
};

struct ConstraintUse {
  std::uint32_t constraint = 0, count = 1;
};

// The smallest unit (as weight per count) for which all weights are whole, or nearly.
struct WeightUnit {
  double unit = 1;
  bool exact = true;
};
WeightUnit choose_unit(std::span<const double> weights);

class Contention {
 public:
  explicit Contention(const Fabric& fabric) : fabric_(fabric), meeting_(fabric.links().size(), untouched) {}

  // Returns whether constraints may have changed.
  bool add(const IndexedProgram&);
  bool shared(const Program* program, std::size_t op) const { return groups_[group_of_.at(program)[op]].shared; }
  std::uint32_t pattern(const Program* program, std::size_t op) const {
    return groups_[group_of_.at(program)[op]].pattern;
  }
  const std::vector<Constraint>& constraints() const { return constraints_; }
  const std::vector<ConstraintUse>& uses(std::uint32_t pattern) const { return patterns_[pattern].uses; }
  double fair_share(std::uint32_t pattern) const { return patterns_[pattern].routed->fair_share; }
  std::uint64_t approximated() const { return approximated_; }

 private:
  static constexpr std::uint32_t untouched = ~0u;
  struct Pattern {
    const RoutedPattern* routed = nullptr;
    std::vector<ConstraintUse> uses;
    bool shared = false;
    double own_limit = 0;    // narrowest of the links that no other pattern touches
    double other_limit = 0;  // what the constraints with others allow it alone
  };
  struct Group {  // Transfers of one pattern in one set of queues
    std::uint32_t pattern = 0, queue_set = 0;
    bool shared = false;
  };
  struct Touch {
    LinkId link;
    std::uint32_t pattern;
    double weight;
  };

  std::uint32_t intern_pattern(const RoutedPattern&);
  std::uint32_t intern_queue_set(std::vector<std::uint32_t> sorted);
  std::uint32_t intersection(std::uint32_t a, std::uint32_t b);
  std::uint32_t intern_group(std::uint32_t pattern, std::uint32_t queue_set, bool& added);
  void decide_shared();
  void build_constraints();
  void add_link(std::span<const Touch>);

  double bandwidth(LinkId) const;

  const Fabric& fabric_;
  const CircuitBoard* board_ = nullptr;
  std::vector<Pattern> patterns_;
  std::unordered_multimap<std::size_t, std::uint32_t> pattern_ids_;  // by hash
  std::vector<std::vector<std::uint32_t>> queue_sets_{{}};           // set 0 is empty
  std::map<std::vector<std::uint32_t>, std::uint32_t> queue_set_ids_{{{}, 0}};
  std::unordered_map<std::uint64_t, std::uint32_t> intersections_;
  std::vector<Group> groups_;
  std::unordered_map<std::uint64_t, std::uint32_t> group_ids_;
  std::unordered_map<const Program*, std::vector<std::uint32_t>> group_of_;  // by operation
  std::vector<std::uint32_t> meeting_;  // by link: the queues common to all groups that touch it

  std::vector<Constraint> constraints_;
  std::map<std::vector<std::pair<std::uint32_t, std::uint32_t>>, std::uint32_t> constraint_ids_;  // (pattern, count)...
  std::uint64_t approximated_ = 0;
};

}  // namespace orrery
