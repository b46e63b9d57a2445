// Runs Programs on a Cluster. Two evaluators of the same Programs:
//   simulate_flow      max-min sharing of every link in time (SimGrid, in a forked child: one simulation per process)
//   evaluate_analytic  critical path of durations that know no other Transfers than those that move together; same calls
// Both agree to the last bit where no two Transfers can meet on a link. Both check for programs that cannot finish and
// throw StuckError saying what waits for what.
// Bit-identical results for identical input, whatever ran before.
#pragma once

#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include "sim/cluster.hpp"
#include "sim/cost_model.hpp"
#include "sim/governor.hpp"
#include "sim/job_driver.hpp"
#include "sim/timeline.hpp"

namespace orrery {

class StuckError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The process that simulates was killed: by the system, which needed its memory, unless somebody else did.
class KilledError : public std::bad_alloc {
 public:
  explicit KilledError(std::string text) : text_(std::move(text)) {}
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string text_;
};

// Runs drivers and governor in the child: what they remember is lost when it returns, and what they throw arrives here
// with its type. The Timeline's Programs are equal to those submitted, not the same objects.
Timeline simulate_flow(const Cluster&, const CostModel&, Governor&, std::span<JobDriver* const>);
Timeline evaluate_analytic(const Cluster&, const CostModel&, Governor&, std::span<JobDriver* const>);

}  // namespace orrery
