// Two results side by side: what differs in the input, what moved in the output, and what explains the change of
// iteration_s. The mean device spends an iteration on kernels (by class), exposed transfers (by collective), bubble and
// other, which sum to iteration_s; so the differences of these parts sum to the change, and that is the attribution.
// It says where the time went, not why: a slower kernel in one stage shows as bubble in the others.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/json.hpp"

namespace orrery {

struct InputChange {
  std::string pointer;  // into the resolved scenario
  Json before, after;   // null: absent
};

struct MetricChange {
  std::string name;  // "tokens_per_s", "energy_by_source_J/compute"
  double before = 0, after = 0;
  std::optional<double> relative() const {
    return before != 0 ? std::optional<double>((after - before) / before) : std::nullopt;
  }
};

struct TimeShare {
  std::string kind,
      name;  // "kernel" "gemm"; "exposed" "all_reduce (data-parallel)"; "bubble"; "other"; "phase" "forward"
  double before_s = 0, after_s = 0;
  double change_s() const { return after_s - before_s; }
};

struct JobComparison {
  std::string name;                    // of the job, "a -> b" when it is called differently
  std::vector<MetricChange> metrics;   // what moved, largest relative change first
  std::vector<MetricChange> vanished;  // only before; `after` is 0
  std::vector<MetricChange> appeared;  // only after; `before` is 0
  std::vector<TimeShare> parts;        // sum to iteration_s on both sides; largest change first
  std::vector<TimeShare> phases;       // sum to compute_s
  MetricChange iteration;              // iteration_s
};

struct Comparison {
  std::string before, after;                                     // what they are called
  double before_shortfall_bytes = 0, after_shortfall_bytes = 0;  // of memory, on the fullest device; 0: it fits
  std::vector<InputChange> inputs;  // in document order; descriptions and sources are not input
  std::vector<JobComparison> jobs;  // the jobs both have, by name; one job each is compared whatever it is called
  std::vector<std::string> notes;   // e.g. jobs that only one has
};

// Both are result documents (with "jobs" and "scenario").
Comparison compare_results(const Json& before, const Json& after, std::string name_before, std::string name_after);

std::string comparison_text(const Comparison&);
Json comparison_json(const Comparison&);

}  // namespace orrery
