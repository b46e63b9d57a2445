// A user's own runs beside the prediction of a user's own scenario: the steady iteration time of a training log, or of the
// rows of a CSV whose columns say what differed from run to run. Nothing is assumed: what the scenario says is simulated,
// and where a log contradicts it (other degrees, sizes, device counts) a warning says so.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/validate.hpp"
#include "scenarios/validate_log.hpp"

namespace orrery {

struct OwnRun {
  std::string id, source;
  ScenarioDocument scenario;
  TrainingLog log;
  bool whole = false;                   // its lines are results of runs, not iterations: nothing warms up
  std::string no_time;                  // what a table has where a time should be ("OOM")
  std::vector<std::string> notes = {};  // on how it was read
};

struct OwnResult {
  std::string framework, file;
  std::optional<SteadyTime> steady;  // none: its scenario could not be simulated
  std::vector<std::string> warnings;
};

struct OwnValidation {
  Validation validation;           // rows and statistics, without baselines
  std::vector<OwnResult> results;  // in the order of the rows
};

OwnRun run_of_log(const std::filesystem::path& log, const ScenarioDocument&);

// "time_ms=step time", "/jobs/0/plan/tensor=tp": what a column is. Keys: id, iteration, one of time_s, time_ms,
// samples_per_s, tokens_per_s and tokens_per_s_per_device, and JSON pointers into the scenario. Rows with the same id and
// settings are iterations of one run. A word or nothing in place of a time ("OOM") is a run without one, an empty setting the
// scenario's own value. SpecError for files, columns and cells that do not fit.
std::vector<OwnRun> runs_of_table(const std::filesystem::path& csv, const std::vector<std::string>& columns,
                                  const ScenarioDocument&, const Library&);

// SpecError when a run has no steady iteration. `warm_up`: see steady_time.
OwnValidation validate_own(const std::vector<OwnRun>&, std::optional<std::int64_t> warm_up, const Library&, int jobs);

std::string own_text(const OwnValidation&);
Json own_json(const OwnValidation&);  // that of validate, with a "log" for each run

}  // namespace orrery
