// Predicted times of one collective over sizes, printed as nccl-tests prints its measurements, so that the two can be read
// side by side, and against a measured log when there is one.
// Algorithm bandwidth = size / time; bus bandwidth = algorithm bandwidth x the factor of nccl-tests' doc/PERFORMANCE.md,
// which makes the result comparable with the rate of the links. Count as nccl-tests has it: elements of the whole buffer,
// or of one rank's part where ranks send or receive parts.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analysis/error_statistics.hpp"
#include "analysis/svg_plot.hpp"
#include "sim/json.hpp"
#include "sim/program.hpp"

namespace orrery {

struct RunnerUp {  // the next best of what was weighed
  std::string name;
  double slower = 0;  // as a part of the time of what was taken
};

struct CollectiveRow {
  double bytes = 0;
  double time_s = 0;  // predicted
  std::string algorithm, protocol, why;
  std::optional<RunnerUp> runner_up;                 // none: nothing else was weighed
  std::optional<double> out_of_place_s, in_place_s;  // measured
};

struct CollectiveTable {
  CollectiveKind kind = CollectiveKind::all_reduce;
  std::string machine;
  std::size_t devices = 0, nodes = 0;
  std::string type = "float";  // as nccl-tests names it
  double element_bytes = 4;
  std::vector<CollectiveRow> rows;
  std::vector<std::string> notes;

  bool measured() const;  // some row is
};

// Bus bandwidth over algorithm bandwidth on `ranks` ranks.
double bus_factor(CollectiveKind, double ranks);
// Elements that nccl-tests counts for a buffer of so many bytes.
double element_count(const CollectiveTable&, double bytes);

// Errors of the predictions against one column of the measurements.
enum class MeasuredColumn { out_of_place, in_place };
ErrorStatistics collective_errors(const CollectiveTable&, MeasuredColumn);

std::string collective_text(const CollectiveTable&);
std::string collective_csv(const CollectiveTable&);
Json collective_json(const CollectiveTable&);
Plot collective_plot(const CollectiveTable&);  // bus bandwidth over size

}  // namespace orrery
