// Predicted beside measured: reads measured-run files, predicts every row, and sums the errors up per source and over all
// sources. Statistics cover rows graded A, A- or not graded; the others are predicted and listed but not counted. Rows that
// cannot be predicted are listed with their reason, never dropped.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "analysis/error_statistics.hpp"
#include "scenarios/measured.hpp"
#include "scenarios/validate_baselines.hpp"
#include "scenarios/validate_predict.hpp"

namespace orrery {

struct ValidatedRow {
  MeasuredRow row;
  Prediction prediction;
  Baselines baselines;
  bool counts = false;                  // graded A, A- or not graded
  std::optional<double> error() const;  // (predicted - measured) / measured
};

struct SourceStatistics {
  std::string source;
  ErrorStatistics statistics;
  ErrorStatistics constant_mfu, roofline;
  ErrorStatistics power_limit;  // of power rows that state a limit, had each drawn it
  ErrorStatistics below_limit;  // of those of them that are predicted to draw less than their limit
};

// Rows of one class of kernels, in one source or ("") in all.
struct ClassStatistics {
  std::string kernel_class;
  SourceStatistics of;
};

struct Validation {
  std::vector<ValidatedRow> rows;           // in the order of the files
  std::vector<SourceStatistics> by_source;  // in the order of the files
  std::vector<SourceStatistics> by_kind;    // "training", "kernel", ...; those that have rows
  std::vector<ClassStatistics> by_class;    // first of each source, then of all sources
  SourceStatistics overall;
  std::optional<double> median_of_source_medians;
};

Validation validate(std::vector<MeasuredRow> rows, Fidelity, const Library&, int jobs,
                    const std::function<void(std::size_t done)>& progress);

// Statistics of its rows: by source, by kind, by class of kernel and over all.
void sum_up(Validation&);

Json validation_json(const Validation&);  // architecture.md section 6
// Single rows beside the sums: those that are worst, or all where `every_row` or where they are few.
std::string validation_text(const Validation&, bool every_row = false);
// Reasons why rows were not simulated, with how many rows have each, most frequent first. Reasons that differ in the place
// of the row only are one.
std::vector<std::pair<std::string, int>> skip_reasons(const Validation&);
std::string validation_markdown(const Validation&);     // the tables of docs/accuracy.md
std::string validation_csv(const Validation&);          // one line per row
std::string validation_sources_csv(const Validation&);  // one line per source; tests/validation/accuracy.csv
std::string validation_svg(const Validation&);

}  // namespace orrery
