#include "scenarios/commands/calibrate.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <ostream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "scenarios/band_fit.hpp"
#include "scenarios/commands/calibrate_collectives.hpp"
#include "scenarios/commands/scenario_options.hpp"
#include "scenarios/console.hpp"
#include "scenarios/error_bands.hpp"
#include "scenarios/output_files.hpp"
#include "scenarios/text_table.hpp"
#include "scenarios/version.hpp"
#include "sim/catalog.hpp"

namespace orrery {
namespace {

struct CalibrateOptions {
  ScenarioOptions library;
  std::vector<std::string> records, accelerators, pool;
  std::string out, bands, collectives;
  bool json = false, leave_out = false;
  int jobs = 0;
};

std::string range_text(const Fit& fit) { return fmt::format("{} .. {}", fit.smallest, fit.largest); }

void add_row(TextTable& table, const DeviceFit& fit, const std::string& what, const Fit& entry,
             const std::string& parameters) {
  table.rows.push_back({fit.device.name, what, fmt::format("{}", entry.samples),
                        fmt::format("{:.1f} %", 100 * entry.median_error),
                        fmt::format("{:.1f} %", 100 * entry.p90_error), range_text(entry), parameters});
}

std::string fits_text(const std::vector<DeviceFit>& fits) {
  TextTable table;
  table.columns = {{"accelerator"},
                   {"kernels"},
                   {"samples", Align::right},
                   {"median", Align::right},
                   {"p90", Align::right},
                   {"sizes", Align::right},
                   {"parameters"}};
  for (const DeviceFit& fit : fits) {
    for (const GemmParameters& g : fit.calibration.gemm)
      add_row(table, fit, what_of(g), g.fit,
              fmt::format("e {:.3f} e_m {:.3f} launch {:.2f} us k0 {:.0f} c {:.1f}", g.efficiency, g.memory_efficiency,
                          g.launch.value * 1e6, g.k_overhead, g.tile_cost));
    for (const AttentionParameters& a : fit.calibration.attention)
      add_row(table, fit, what_of(a), a.fit,
              fmt::format("e {:.3f} backward {:.2f} causal {:.2f}", a.efficiency, a.backward_ratio, a.causal_ratio));
    if (const auto& m = fit.calibration.memory)
      add_row(table, fit, "memory-bound", m->fit,
              fmt::format("stream {:.3f} norm {:.3f} softmax {:.3f} launch {:.2f} us", m->elementwise, m->normalization,
                          m->softmax, m->launch.value * 1e6));
  }
  table.remarks = {"", "median and p90: |ln(predicted / measured)| over the fitted samples"};
  return table.text();
}

// Of each fit: its own error, and that of the other devices' mean on its samples.
struct LeftOutRow {
  std::string device, what;
  Fit own;
  std::vector<double> errors;  // |ln(measured / predicted)|, ascending
  double at(double share) const {
    return errors[static_cast<std::size_t>(share * static_cast<double>(errors.size() - 1) + 0.5)];
  }
};

std::vector<LeftOutRow> left_out_rows(const std::vector<measured::Row>& rows, const std::vector<DeviceFit>& fits,
                                      const Library& library) {
  std::vector<LeftOutRow> table;
  for (const DeviceFit& fit : fits) {
    for (const GemmParameters& g : fit.calibration.gemm) table.push_back({fit.device.name, what_of(g), g.fit, {}});
    for (const AttentionParameters& a : fit.calibration.attention)
      table.push_back({fit.device.name, what_of(a), a.fit, {}});
    if (const auto& m = fit.calibration.memory) table.push_back({fit.device.name, memory_bound_name, m->fit, {}});
  }
  for (const LeftOutError& e : left_out_errors(rows, fits, library))
    for (LeftOutRow& row : table)
      if (row.device == e.device && row.what == e.what) row.errors.push_back(std::abs(e.error));
  for (LeftOutRow& row : table) std::sort(row.errors.begin(), row.errors.end());
  return table;
}

std::string left_out_text(const std::vector<LeftOutRow>& rows) {
  TextTable table;
  table.columns = {{"accelerator"},           {"kernels"},           {"samples", Align::right},
                   {"own fit", Align::right}, {"p90", Align::right}, {"left out", Align::right},
                   {"p90", Align::right}};
  const auto percent = [](double error) { return fmt::format("{:.1f} %", 100 * error); };
  for (const LeftOutRow& row : rows) {
    const bool known = !row.errors.empty();
    table.rows.push_back({row.device, row.what, fmt::format("{}", row.own.samples), percent(row.own.median_error),
                          percent(row.own.p90_error), known ? percent(row.at(0.5)) : "-",
                          known ? percent(row.at(0.9)) : "-"});
  }
  table.remarks = {"",
                   "left out: |ln(predicted / measured)| on the geometric mean of what other devices fit, of the same",
                   "generation if any was measured, else of the family. -: no other device tells of such kernels."};
  return table.text();
}

Json left_out_json(const std::vector<LeftOutRow>& rows) {
  Json all = Json::array();
  for (const LeftOutRow& row : rows)
    all.push_back({{"accelerator", row.device},
                   {"kernels", row.what},
                   {"samples", row.own.samples},
                   {"own_median_error", row.own.median_error},
                   {"own_p90_error", row.own.p90_error},
                   {"left_out_median_error", row.errors.empty() ? Json(nullptr) : Json(row.at(0.5))},
                   {"left_out_p90_error", row.errors.empty() ? Json(nullptr) : Json(row.at(0.9))}});
  return all;
}

std::string bands_text(const BandFit& fit) {
  TextTable table;
  table.columns = {{"class"},
                   {"samples", Align::right},
                   {"groups", Align::right},
                   {"low", Align::right},
                   {"median", Align::right},
                   {"high", Align::right},
                   {"of"}};
  const auto add = [&](const BandClass& c, const std::string& of, const ErrorBand& band) {
    table.rows.push_back({c.name, fmt::format("{}", c.samples), fmt::format("{}", c.groups),
                          fmt::format("{:+.3f}", band.low), fmt::format("{:+.3f}", band.median),
                          fmt::format("{:+.3f}", band.high), of});
  };
  for (const BandClass& c : fit.bands.kernels) {
    add(c, "devices left out of the fit", c.band);
    if (c.measured) add(c, "shapes left out, on measured devices", *c.measured);
  }
  for (const BandClass& c : fit.bands.links) add(c, "machines", c.band);
  add(fit.bands.unexplained, "training steps", fit.bands.unexplained.band);
  table.remarks = {"", "ln(measured / predicted): 5th, 50th and 95th percentile"};
  TextTable coverage;
  coverage.columns = {{"rows", Align::right},         {"sources", Align::right},
                      {"in band", Align::right},      {"mean of sources", Align::right},
                      {"median width", Align::right}, {"of"}};
  for (const Coverage& c : fit.coverage)
    coverage.rows.push_back({fmt::format("{}", c.rows), fmt::format("{}", c.sources),
                             fmt::format("{:.1f} %", 100 * c.share), fmt::format("{:.1f} %", 100 * c.share_by_source),
                             fmt::format("{:.0f} %", 100 * c.median_width), c.of});
  return table.text() + "\n" + coverage.text();
}

// The rows to fit, and what became of the others.
struct Samples {
  std::vector<measured::Row> rows;
  std::size_t fitted = 0, compared = 0;
  std::vector<measured::LeftOut> left_out;
  std::size_t all() const { return rows.size() + left_out.size(); }
};

struct Reason {
  std::string why;
  std::size_t rows = 0;
  std::string first;  // "file: row"
};

// The commonest first.
std::vector<Reason> reasons(const std::vector<measured::LeftOut>& left_out) {
  std::vector<Reason> all;
  for (const measured::LeftOut& row : left_out) {
    auto it = std::find_if(all.begin(), all.end(), [&row](const Reason& reason) { return reason.why == row.why; });
    if (it == all.end()) it = all.insert(it, {row.why, 0, row.file + ": " + row.id});
    ++it->rows;
  }
  std::stable_sort(all.begin(), all.end(), [](const Reason& a, const Reason& b) { return a.rows > b.rows; });
  return all;
}

std::string samples_text(const Samples& samples) {
  std::string text = fmt::format("{} of {} rows fitted", samples.fitted, samples.all());
  if (samples.compared > 0) text += fmt::format(", {} only compared", samples.compared);
  if (!samples.left_out.empty()) text += fmt::format(", {} left out:", samples.left_out.size());
  text += "\n";
  for (const Reason& reason : reasons(samples.left_out))
    text += fmt::format("  {:5}  {} (first: {})\n", reason.rows, reason.why, reason.first);
  return text;
}

Json samples_json(const Samples& samples) {
  Json left_out = Json::array();
  for (const Reason& reason : reasons(samples.left_out))
    left_out.push_back({{"why", reason.why}, {"rows", reason.rows}, {"first", reason.first}});
  return {{"rows", samples.all()}, {"fitted", samples.fitted}, {"compared", samples.compared}, {"left_out", left_out}};
}

Samples read_samples(const CalibrateOptions& options, const Library& library) {
  Samples samples;
  samples.rows = measured::read_kernels(measured_files(options.records), &samples.left_out);
  samples.rows = computable(std::move(samples.rows), library, samples.left_out);
  if (samples.rows.empty() && !options.collectives.empty() && options.bands.empty()) return samples;
  if (samples.rows.empty())
    throw UsageError("no measured kernel in the given files" +
                     (samples.left_out.empty() ? "" : ": " + samples_text(samples)));
  for (const measured::Row& row : samples.rows) ++(row.fit ? samples.fitted : samples.compared);
  if (options.pool.empty()) return samples;
  const std::vector<std::string> there = accelerators_of(samples.rows);
  for (const std::string& name : options.pool)
    if (std::find(there.begin(), there.end(), name) == there.end())
      throw UsageError("--pool: no measured kernel of " + quote_unknown(name, there));
  samples.rows = pooled(std::move(samples.rows), options.pool, library);
  return samples;
}

// The fits as their files will have them: of memory-bound kernels also the kinds that no sample moved.
std::vector<DeviceFit> as_written(std::vector<DeviceFit> fits, const Library& library) {
  for (DeviceFit& fit : fits)
    if (fit.calibration.memory) fit.calibration.memory = complete(fit, library).memory;
  return fits;
}

std::vector<std::string> chosen(const CalibrateOptions& options, const std::vector<measured::Row>& rows) {
  const std::vector<std::string> there = accelerators_of(rows);
  if (options.accelerators.empty()) return there;
  std::vector<std::string> once;
  for (const std::string& name : options.accelerators) {
    if (std::find(there.begin(), there.end(), name) == there.end())
      throw UsageError("--accelerator: no measured kernel of " + quote_unknown(name, there));
    if (std::find(once.begin(), once.end(), name) == once.end()) once.push_back(name);
  }
  return once;
}

// Collectives and training steps of the records, predicted.
std::vector<ValidatedRow> validated_rows(const CalibrateOptions& options, const Library& library) {
  std::vector<MeasuredRow> rows;
  for (const auto& file : measured_files(options.records))
    for (MeasuredRow& row : read_measured(file).rows)
      if (row.kind == "collective" || row.kind == "training") rows.push_back(std::move(row));
  return validate(std::move(rows), Fidelity::analytic, library, options.jobs, [](std::size_t) {}).rows;
}

Json coverage_json(const BandFit& fit) {
  Json all = Json::array();
  for (const Coverage& c : fit.coverage)
    all.push_back({{"of", c.of},
                   {"rows", c.rows},
                   {"sources", c.sources},
                   {"share_in_band", c.share},
                   {"share_in_band_by_source", c.share_by_source},
                   {"median_band_width", c.median_width}});
  return all;
}

// A model that is off by half on the very samples it was fitted to says nothing of that device.
void warn_of_misfits(const std::vector<DeviceFit>& fits) {
  constexpr double worst = 0.4;  // |ln(predicted / measured)|
  const auto look = [](const DeviceFit& fit, const std::string& what, const Fit& entry) {
    if (entry.median_error > worst)
      print_error(fmt::format(
          "warning: {}, {}: median residual {:.0f} % on the fitted samples: wrong sizes or times, another device, or "
          "kernels that are not what the model computes\n",
          fit.device.name, what, 100 * entry.median_error));
  };
  for (const DeviceFit& fit : fits) {
    for (const GemmParameters& g : fit.calibration.gemm) look(fit, what_of(g), g.fit);
    for (const AttentionParameters& a : fit.calibration.attention) look(fit, what_of(a), a.fit);
    if (fit.calibration.memory) look(fit, "memory-bound", fit.calibration.memory->fit);
  }
}

// Nobody's files are to be lost, least of all the measurements: what is there must read as what replaces it.
template <class T>
void check_replaced(const std::filesystem::path& file, const std::string& option, const Library& library) {
  std::error_code error;
  if (std::filesystem::is_directory(file, error))
    throw UsageError(fmt::format("{}: expected a file to write, found the folder {}", option, quote(file.string())));
  if (!std::filesystem::is_regular_file(file, error) || std::filesystem::is_empty(file, error)) return;
  try {
    read_spec<T>(read_json(file), file.string(), library);
  } catch (const SpecError&) {
    throw UsageError(
        fmt::format("{}: {} exists and is no earlier output of this kind: remove it, or name another place", option,
                    quote(file.string())));
  }
}

std::filesystem::path calibration_file(const CalibrateOptions& options, const std::string& accelerator) {
  return std::filesystem::path(options.out) / (accelerator + ".json");
}

void check_outputs(const CalibrateOptions& options, const std::vector<std::string>& accelerators,
                   const Library& library) {
  if (!options.out.empty())
    for (const std::string& name : accelerators)
      check_replaced<Calibration>(calibration_file(options, name), "--out", library);
  check_different({options.bands, options.collectives});
  if (!options.out.empty())
    for (const std::string& name : accelerators)
      check_different({calibration_file(options, name).string(), options.bands, options.collectives});
  if (!options.bands.empty()) check_replaced<ErrorBands>(options.bands, "--bands", library);
  if (!options.collectives.empty())
    check_replaced<CollectiveCalibration>(options.collectives, "--collectives", library);
}

int calibrate(const CalibrateOptions& options) {
  const Library library = options.library.find_library();
  const Samples samples = read_samples(options, library);
  const std::vector<measured::Row>& rows = samples.rows;
  const std::vector<std::string> accelerators = chosen(options, rows);
  check_outputs(options, accelerators, library);
  std::vector<DeviceFit> fits;
  {
    const Progress progress("orrery: fitting");
    for (const std::string& name : accelerators) fits.push_back(fit_device(name, rows, library));
  }
  std::vector<OutputFile> files;
  if (!options.out.empty()) {
    for (const DeviceFit& fit : fits)
      files.push_back({calibration_file(options, fit.device.name), [&fit, &library](std::ostream& out) {
                         out << document_text(write_spec(complete(fit, library)));
                       }});
  }
  std::optional<BandFit> bands;
  if (!options.bands.empty()) {
    const Progress progress("orrery: predicting collectives and training steps");
    bands = fit_bands(load_error_bands(library), left_out_errors(rows, fits, library),
                      left_out_shapes(rows, fits, library), validated_rows(options, library));
    files.push_back({options.bands, [&](std::ostream& out) { out << document_text(write_spec(bands->bands)); }});
  }
  std::optional<CollectiveCalibrationRun> collectives;
  if (!options.collectives.empty()) {
    const Progress progress("orrery: fitting collectives");
    collectives = calibrate_collectives(measured_files(options.records), options.leave_out, library);
    files.push_back({options.collectives,
                     [&](std::ostream& out) { out << document_text(write_spec(collectives->fit.calibration)); }});
  }
  std::vector<LeftOutRow> left_out;
  if (options.leave_out && !fits.empty()) left_out = left_out_rows(rows, fits, library);
  write_files(files);
  warn_of_misfits(fits);
  if (options.json) {
    Json json = {{"orrery", version()}, {"calibrations", Json::array()}};
    json["samples"] = samples_json(samples);
    for (const DeviceFit& fit : as_written(fits, library)) json["calibrations"].push_back(write_spec(fit.calibration));
    if (!left_out.empty()) json["left_out"] = left_out_json(left_out);
    if (bands) {
      json["bands"] = write_spec(bands->bands);
      json["coverage"] = coverage_json(*bands);
    }
    if (collectives) json["collectives"] = collectives_json(*collectives);
    print(document_text(json));
  } else {
    print((fits.empty() ? "" : fits_text(as_written(fits, library)) + "\n" + samples_text(samples)) +
          (left_out.empty() ? "" : "\n" + left_out_text(left_out)) + (bands ? "\n" + bands_text(*bands) : "") +
          (collectives ? (fits.empty() ? "" : "\n") + collectives_text(*collectives) : ""));
  }
  return exit_done;
}

}  // namespace

CommandAction declare_calibrate(CLI::App& app, const Invocation&) {
  auto options = std::make_shared<CalibrateOptions>();
  app.description(
      "Fits the few physical parameters of the kernel models to measured kernels, per accelerator and data type, never "
      "per shape, and says how well they fit. With --collectives also six numbers per generation of links to measured "
      "collectives. With --bands also the error bands that results carry, from devices left "
      "out of the fit and from measured collectives and training steps of the same records.");
  app.add_option("RECORDS", options->records, "Files of measured runs (format orrery/measured/1), or folders of them")
      ->required()
      ->option_text("...");
  app.add_option("--accelerator", options->accelerators, "Only this one (may be repeated; default: all measured)")
      ->type_name("NAME");
  app.add_option("--pool", options->pool, "Fit measurements of these accelerators, of one chip, as the first's (A,B)")
      ->type_name("NAMES")
      ->delimiter(',');
  app.add_option("--out", options->out,
                 "Write one calibration file per accelerator into this folder; what is not fitted is kept as it was")
      ->type_name("DIR");
  app.add_option("--bands", options->bands, "Write the error bands to this file")->type_name("FILE");
  app.add_option(
         "--collectives", options->collectives,
         "Fit the costs of collectives too, and write them to this file; what no sample crosses is kept as it was")
      ->type_name("FILE");
  app.add_flag(
      "--leave-out", options->leave_out,
      "Also predict every accelerator by what the others fit, and with --collectives every source by a fit that "
      "has not seen it");
  app.add_option("--jobs", options->jobs, "Worker processes for --bands (default: one per processor)")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  app.add_flag("--json", options->json, "Print one JSON document, and nothing else");
  declare_library(app, options->library);
  app.footer(
      "A calibration is used once it stands in a folder kernels/calibration of a library (--library DIR), under the "
      "accelerator's name.\n\n"
      "Examples:\n"
      "  orrery calibrate tests/validation/measured/kernels --accelerator nvidia-a40 --out my/kernels/calibration\n"
      "  orrery calibrate tests/validation/measured/kernels --pool nvidia-h100-sxm5-80gb,nvidia-h800-sxm5-80gb\n"
      "  orrery calibrate tests/validation/measured/kernels --leave-out\n"
      "  orrery calibrate tests/validation/measured --bands kernels/calibration/bands.json\n"
      "  orrery calibrate tests/validation/measured/collectives tests/validation/measured/cc-by-sa-4.0/collectives "
      "--collectives kernels/calibration/collectives.json --leave-out");
  return [options] { return calibrate(*options); };
}

}  // namespace orrery
