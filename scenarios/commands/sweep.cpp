#include "scenarios/commands/sweep.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <map>
#include <memory>
#include <ostream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "scenarios/commands/scenario_options.hpp"
#include "scenarios/console.hpp"
#include "scenarios/output_files.hpp"
#include "scenarios/store_export.hpp"
#include "scenarios/sweep.hpp"
#include "scenarios/sweep_progress.hpp"
#include "sim/catalog.hpp"

namespace orrery {

namespace fs = std::filesystem;

namespace {

struct SweepOptions {
  ScenarioOptions library;
  std::string name, out, shard;
  int jobs = 0;
  double limit = 0;
  bool yes = false, resume = false, dry_run = false, retry_failed = false, accept_binary = false;
};

volatile std::sig_atomic_t stop_signal = 0;
extern "C" void note_signal(int signal) { stop_signal = signal; }

// From here on a signal ends the sweep between two points instead of the program at once.
void stop_between_points() {
  struct sigaction action {};
  action.sa_handler = note_signal;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) handle_unless_ignored(signal, action);
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is then a failed write, which we report
}

Shard read_shard(const std::string& text) {
  Shard shard;
  if (text.empty()) return shard;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, shard.index);
  const bool slash = first.ec == std::errc() && first.ptr != end && *first.ptr == '/';
  const auto second = slash ? std::from_chars(first.ptr + 1, end, shard.count) : first;
  if (!slash || second.ec != std::errc() || second.ptr != end || shard.index < 1 || shard.index > shard.count ||
      shard.count > 100'000)
    throw UsageError(fmt::format("--shard: expected I/N with I from 1 to N, such as 3/10, found {}", quote(text)));
  return shard;
}

fs::path store_file(const fs::path& folder, Shard shard) {
  if (shard.count == 1) return folder / "sweep.sqlite";
  return folder / fmt::format("shard-{:04}-of-{:04}.sqlite", shard.index, shard.count);
}

// A folder is ours when it is new, empty, or holds stores of sweeps.
void check_folder(const fs::path& folder) {
  make_result_folder(folder);
  std::error_code error;
  if (fs::is_empty(folder, error)) return;
  const bool ours = std::ranges::any_of(fs::directory_iterator(folder, error), [](const auto& entry) {
    const std::string file = entry.path().filename().string();
    const bool store = file.ends_with(".sqlite") || file.ends_with(".sqlite.lock");
    return store && (file.starts_with("sweep.") || file.starts_with("shard-"));
  });
  if (ours) return check_result_tables(folder);
  throw UsageError(
      fmt::format("--out: {} is not empty and holds no sweep; name a new or an empty folder", quote(folder.string())));
}

// A store that exists is only gone on with on request, and only when it is of this very sweep and program.
Store open_store(const SweepOptions& options, const Sweep& sweep, Shard shard) {
  const fs::path file = store_file(options.out, shard);
  StoreIdentity identity = identify(sweep);
  identity.shard = shard.text();
  Store store = Store::open_to_write(file, identity);
  const StoreIdentity& found = store.identity();
  if (store.size() > 0 && !options.resume)
    throw UsageError(fmt::format("{} holds {} points already; --resume goes on with them, another --out begins anew",
                                 quote(file.string()), store.size()));
  if (found.sweep_sha256 != identity.sweep_sha256 || found.points != identity.points ||
      found.metrics != identity.metrics)
    throw SpecError(file.string(), "", "a store of this sweep",
                    fmt::format("one of {}: the sweep file, its base scenario or the calibration has changed since; "
                                "name another --out folder",
                                quote(found.name)));
  if (found.binary_sha256 != identity.binary_sha256) {
    if (!options.accept_binary)
      throw SpecError(file.string(), "", fmt::format("a store of this program, orrery {}", identity.orrery),
                      fmt::format("one of another build, orrery {}: its results may differ; --accept-binary goes on "
                                  "nevertheless, another --out begins anew",
                                  found.orrery));
  }
  check_stored_data(sweep, store);
  // Not touched before nothing can refuse it any more.
  if (found.binary_sha256 != identity.binary_sha256) store.adopt(identity);
  if (options.retry_failed) store.remove_with_status("failed");
  return store;
}

std::string summary(const SweepCounts& counts, Store& store, double seconds, int jobs) {
  const std::string before = counts.before > 0 ? fmt::format(", {} were stored before", counts.before) : "";
  std::string text = fmt::format("{} of {} points simulated in {} ({:.3g} points/s{}){}\n", counts.done, counts.total,
                                 rough_duration(seconds), static_cast<double>(counts.done) / std::max(seconds, 1e-3),
                                 jobs > 0 ? fmt::format(", {} jobs", jobs) : "", before);
  const std::size_t ok = counts.done - counts.infeasible - counts.invalid - counts.failed;
  text += fmt::format("{} ok, {} infeasible, {} invalid, {} failed\n", ok, counts.infeasible, counts.invalid,
                      counts.failed);
  std::map<std::string, std::size_t> stored;
  std::vector<std::string> empty = store.identity().metrics;
  store.each([&](const StoredPoint& point) {
    ++stored[point.status];
    std::erase_if(empty, [&](const std::string& metric) {
      return point.metrics.contains(metric) && !point.metrics[metric].is_null();
    });
  });
  if (counts.before > 0)
    text += fmt::format("in the store: {} ok, {} infeasible, {} invalid, {} failed\n", stored["ok"],
                        stored["infeasible"], stored["invalid"], stored["failed"]);
  if (stored["ok"] > 0)
    for (const std::string& metric : empty) text += fmt::format("no point has a value for the metric {}\n", metric);
  if (stored["failed"] > 0) text += "--resume --retry-failed simulates the failed points again\n";
  return text + fmt::format("store: {}\n", store.path().string());
}

std::string description(const Sweep& sweep, Shard shard) {
  std::string text = fmt::format("{}: {} points", sweep.spec.name, sweep.size());
  if (shard.count > 1)
    text += fmt::format(", {} of them in shard {}", shard.points_of(sweep.size()).size(), shard.text());
  text += "\n";
  for (const std::string& note : sweep.points.notes) text += note + "\n";
  return text;
}

int sweep(const SweepOptions& options, const Invocation& invocation) {
  const Shard shard = read_shard(options.shard);
  const Sweep sweep = load_sweep(options.name, options.library.find_library(),
                                 options.yes ? highest_point_limit : options.limit);
  if (options.dry_run) return print(description(sweep, shard)), exit_done;
  if (options.out.empty()) throw UsageError("missing --out DIR, the folder for the results (or --dry-run)");
  check_folder(options.out);
  Store store = open_store(options, sweep, shard);
  print_error(description(sweep, shard));
  stop_between_points();
  SweepCounts counts;
  counts.before = store.size();  // should the first write fail
  {
    SweepProgress progress(sweep);
    const auto told = [&](const StoredPoint& point, const SweepCounts& now) {
      counts = now;
      progress.tell(point, now);
    };
    try {
      counts = run_sweep(
          sweep, store, shard, options.jobs, [] { return stop_signal != 0; }, told);
    } catch (const IoError& error) {
      throw IoError(fmt::format("{}\n{} points are stored in {}; the same command with --resume goes on", error.what(),
                                counts.before + counts.done, store.path().string()));
    }
  }
  if (counts.before + counts.done < counts.total) {
    print_error(fmt::format("stopped: {} of {} points are stored in {}; the same command with --resume goes on\n",
                            counts.before + counts.done, counts.total, store.path().string()));
    return exit_interrupted;
  }
  if (shard.count == 1) write_result_tables(store, options.out);
  try {
    store.make_single_file();  // so that those can read it who may not write there
  } catch (const SpecError&) {
  }  // somebody reads it at the moment: it stays as good a store
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - invocation.started;
  print(summary(counts, store, wall.count(), options.jobs));
  return exit_done;
}

void declare_running(CLI::App& app, SweepOptions& options) {
  app.add_option("--jobs", options.jobs,
                 "Points simulated at a time (default: one per processor); results do not depend on it")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  app.add_flag(
      "--resume", options.resume,
      "Go on with what the folder holds: points that are stored are not simulated again. Begins where there is "
      "nothing yet");
  app.add_option("--shard", options.shard, "Only part I of N, into a store of its own; `orrery merge` joins the parts")
      ->type_name("I/N");
  app.add_flag("--retry-failed", options.retry_failed,
               "With --resume: simulate points again whose process crashed or was killed");
  app.add_flag("--accept-binary", options.accept_binary,
               "With --resume: go on with a store that another build of orrery began");
}

}  // namespace

CommandAction declare_sweep(CLI::App& app, const Invocation& invocation) {
  auto options = std::make_shared<SweepOptions>();
  app.description(
      "Simulates a scenario at every point of a sweep: axes of values for any of its settings, crossed, zipped or "
      "sampled. "
      "Results are stored as they finish, in DIR/sweep.sqlite, and exported to DIR/results.csv and results.json at the "
      "end. "
      "A point that does not fit in memory or is not possible is a row with its reason.");
  app.add_option("SWEEP", options->name,
                 "A sweep file (docs/sweeps.md), or the name of a shipped one (`orrery list sweeps`)")
      ->required()
      ->option_text(" ");
  app.add_option("--out", options->out, "The folder for the store and the results")->type_name("DIR");
  declare_running(app, *options);
  app.add_option("--limit", options->limit, "Refuse more points than this (default: the file's \"limit\", else 10000)")
      ->type_name("N")
      ->check(CLI::Range(1.0, highest_point_limit));
  app.add_flag("--yes", options->yes, "However many points there are");
  app.add_flag("--dry-run", options->dry_run, "Only check the file and say how many points there are");
  declare_library(app, options->library);
  app.footer(
      "Examples:\n"
      "  orrery sweep gpt3-175b-parallelism --out runs/gpt3\n"
      "  orrery sweep my-sweep.json --out runs/mine --resume\n"
      "  sqlite3 runs/mine/sweep.sqlite \"SELECT * FROM results ORDER BY iteration_s LIMIT 5\"\n"
      "\n"
      "Exit codes: 0 every point has its row, 1 internal or I/O error, 2 bad input, 130 stopped (--resume goes on).");
  return [options, &invocation] { return sweep(*options, invocation); };
}

}  // namespace orrery
