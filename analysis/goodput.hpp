// How much of the time a training run makes progress when devices fail and it goes on from checkpoints. Failures are
// independent and memoryless (exponential), each stops the whole job, also while it writes a checkpoint or restarts.
// A segment of work t and a checkpoint C then takes M exp(R / M) (exp((t + C) / M) - 1) on average, M the mean time
// between failures of the job and R the time to restart (Daly, A higher order estimate of the optimum checkpoint interval
// for restart dumps, FGCS 22, 2006, equation 13). Goodput is t over that. The best t solves exp((t + C) / M) (1 - t / M) = 1,
// which is Young's sqrt(2 C M) where C is small beside M (Young, CACM 17, 1974).
// Not valid for failures in bursts or early in life, spare devices that take over, or checkpoints written in the background.
#pragma once

#include <optional>
#include <string>

namespace orrery {

struct ReliabilityInputs {           // of one job
  std::string basis;                 // where the failure rate is from
  double mtbf_s = 0;                 // of the job: any of its devices stops it
  double checkpoint_s = 0;           // the job stands still for one checkpoint
  double restart_s = 0;              // from the failure until it trains again
  std::optional<double> interval_s;  // work between two checkpoints; absent: the best
};

struct GoodputMetrics {
  std::string basis;
  double goodput = 0;  // share of the time that is progress; the rest: checkpoints, restarts, lost work
  double mtbf_s = 0;
  double checkpoint_interval_s = 0, best_checkpoint_interval_s = 0;
  std::optional<double> time_to_train_s;  // expected; where the time without failures is known
};

// Mean time of `work_s` of progress and one checkpoint, failures and restarts included.
double expected_segment_s(double work_s, const ReliabilityInputs&);
double best_checkpoint_interval_s(const ReliabilityInputs&);
GoodputMetrics goodput_of(const ReliabilityInputs&, std::optional<double> time_to_train_s);

}  // namespace orrery
