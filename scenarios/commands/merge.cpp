#include "scenarios/commands/merge.hpp"

#include <algorithm>
#include <memory>
#include <ostream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "scenarios/console.hpp"
#include "scenarios/output_files.hpp"
#include "scenarios/store_export.hpp"
#include "scenarios/store_merge.hpp"
#include "sim/catalog.hpp"

namespace orrery {

namespace fs = std::filesystem;

namespace {

struct MergeOptions {
  std::vector<std::string> parts;
  std::string out;
};

// Files as named; of a folder the stores of shards in it.
std::vector<fs::path> stores_of(const std::vector<std::string>& names) {
  std::vector<fs::path> stores;
  for (const std::string& name : names) {
    std::error_code error;
    if (!fs::is_directory(name, error)) {
      stores.emplace_back(name);
      continue;
    }
    std::vector<fs::path> inside;
    for (const auto& entry : fs::directory_iterator(name, error)) {
      const std::string file = entry.path().filename().string();
      if (file.starts_with("shard-") && file.ends_with(".sqlite")) inside.push_back(entry.path());
    }
    if (inside.empty()) throw UsageError(fmt::format("{} holds no store of a shard (shard-*.sqlite)", quote(name)));
    std::sort(inside.begin(), inside.end());
    stores.insert(stores.end(), inside.begin(), inside.end());
  }
  return stores;
}

// "3-5, 9, 12-40", the first few.
std::string ranges(const std::vector<std::size_t>& points) {
  std::string text;
  std::size_t pieces = 0;
  for (std::size_t i = 0; i < points.size();) {
    std::size_t end = i + 1;
    while (end < points.size() && points[end] == points[end - 1] + 1) ++end;
    if (++pieces > 8) return text + ", ...";
    text += (i > 0 ? ", " : "") + std::to_string(points[i]);
    if (end > i + 1) text += fmt::format("-{}", points[end - 1]);
    i = end;
  }
  return text;
}

int merge(const MergeOptions& options) {
  const std::vector<fs::path> parts = stores_of(options.parts);
  const fs::path folder = options.out, target = folder / "sweep.sqlite";
  for (const fs::path& part : parts) Store::open(part);  // before a folder is made for what is none
  const bool made = make_result_folder(folder);
  check_result_tables(folder);
  const MergeCounts counts = [&] {
    try {
      return merge_stores(parts, target);
    } catch (...) {
      std::error_code ignored;
      if (made) fs::remove(fs::weakly_canonical(folder, ignored), ignored);  // nothing was put there
      throw;
    }
  }();
  {
    Store store = Store::open(target);
    write_result_tables(store, folder);
  }
  print(
      fmt::format("{} of {} points from {} stores: {}\n", counts.points, counts.total, counts.stores, target.string()));
  if (!counts.missing.empty())
    print_error(fmt::format("{} points are missing: {}; `orrery sweep SWEEP --out {} --resume` simulates them\n",
                            counts.missing.size(), ranges(counts.missing), options.out));
  return counts.missing.empty() ? exit_done : exit_failed;
}

}  // namespace

CommandAction declare_merge(CLI::App& app, const Invocation&) {
  auto options = std::make_shared<MergeOptions>();
  app.description(
      "Joins the stores of one sweep that `orrery sweep --shard I/N` wrote, into DIR/sweep.sqlite with results.csv and "
      "results.json beside it. Stores of different sweeps or builds are refused, and so are stores that contradict "
      "each "
      "other. Merging again after more shards have run adds to what is there. Exits with 1 while points are missing, "
      "so "
      "that a script notices.");
  app.add_option("STORE", options->parts, "Stores, or folders with stores of shards")->required();
  app.add_option("--out", options->out, "The folder for the merged store; may be that of the shards")
      ->required()
      ->type_name("DIR");
  app.footer("Example:\n  orrery merge runs/gpt3 --out runs/gpt3");
  return [options] { return merge(*options); };
}

}  // namespace orrery
