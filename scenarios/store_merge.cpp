#include "scenarios/store_merge.hpp"

#include <algorithm>
#include <map>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "sim/catalog.hpp"
#include "sim/error.hpp"

namespace orrery {

namespace fs = std::filesystem;

namespace {

void check_same_sweep(const Store& first, const Store& other) {
  const StoreIdentity &a = first.identity(), &b = other.identity();
  const auto differ = [&](const std::string& what, const std::string& here, const std::string& there) {
    throw SpecError(other.path().string(), "", fmt::format("{} of {}: {}", what, first.path().string(), here), there);
  };
  if (a.sweep_sha256 != b.sweep_sha256 || a.points != b.points || a.inputs != b.inputs || a.metrics != b.metrics)
    differ("the sweep", fmt::format("{}, {:.12}", a.name, a.sweep_sha256),
           fmt::format("{}, {:.12}", b.name, b.sweep_sha256));
  if (a.binary_sha256 != b.binary_sha256)
    differ("the program", fmt::format("orrery {}, {:.12}", a.orrery, a.binary_sha256),
           fmt::format("orrery {}, {:.12}", b.orrery, b.binary_sha256));
}

// Points of several stores do not depend on different states of one file.
void check_same_data(const Store& part, std::map<std::string, std::pair<std::string, fs::path>>& known) {
  for (const auto& [name, hash] : part.data()) {
    const auto [before, is_new] = known.try_emplace(name, hash, part.path());
    if (is_new || before->second.first == hash) continue;
    const auto state = [](const std::string& h) { return h.empty() ? std::string("none") : h.substr(0, 12); };
    throw SpecError(part.path().string(), "",
                    fmt::format("{} as in {}: {}", name, before->second.second.string(), state(before->second.first)),
                    state(hash) + ": it has changed between the two; simulate one of them again");
  }
}

bool same_result(const StoredPoint& a, const StoredPoint& b) {
  return a.status == b.status && a.inputs == b.inputs && a.metrics == b.metrics &&
         a.scenario_sha256 == b.scenario_sha256;
}

void remove_store(const fs::path& path) {
  std::error_code ignored;
  for (const char* suffix : {"", "-wal", "-shm", "-journal", ".lock"}) fs::remove(path.string() + suffix, ignored);
}

// Takes over all points; those that are there already must agree, but a point that failed may have been tried again since.
// One transaction for each part.
void take_over(Store& into, Store& part, std::vector<bool>& there) {
  into.begin();
  into.add_data(part.data());
  part.each(
      [&](const StoredPoint& p) {
        if (p.point >= there.size())
          throw SpecError(part.path().string(), "", fmt::format("points below {}", there.size()),
                          std::to_string(p.point));
        if (!there[p.point]) {
          into.add(p);
          there[p.point] = true;
          return;
        }
        const auto before = into.find(p.point);
        if (before && p.status == "failed") return;
        if (before && before->status == "failed") {
          into.remove(p.point);
          return into.add(p);
        }
        if (!before || !same_result(*before, p))
          throw SpecError(part.path().string(), "",
                          fmt::format("the same result for point {} as in the other stores", p.point), "another");
      },
      true);
  into.commit();
}

}  // namespace

MergeCounts merge_stores(std::vector<fs::path> parts, const fs::path& target) {
  std::error_code ignored;
  // The lock of the target keeps a sweep from writing to what is about to be replaced.
  const StoreLock lock(target);
  const auto is_target = [&](const fs::path& p) { return fs::equivalent(p, target, ignored); };
  const bool known = std::any_of(parts.begin(), parts.end(), is_target);
  if (fs::exists(target, ignored) && !known) parts.push_back(target);
  StoreIdentity identity;
  {
    const Store first = Store::open(parts.front());
    identity = first.identity();
    std::map<std::string, std::pair<std::string, fs::path>> data;
    for (const fs::path& path : parts) {
      const Store part = Store::open(path);
      check_same_sweep(first, part);
      check_same_data(part, data);
    }
  }
  if (fs::exists(target.string() + "-wal", ignored))  // the new file must not meet the log of the old one
    throw SpecError(target.string(), "", "a store that no other program has open", "an open one");

  const fs::path temporary = target.string() + ".merging";
  remove_store(temporary);
  MergeCounts counts;
  identity.shard = "1/1";
  std::vector<bool> there(identity.points, false);
  try {
    Store merged = Store::open_to_write(temporary, identity);
    for (const fs::path& path : parts) {
      Store part = Store::open(path);
      take_over(merged, part, there);
    }
    merged.make_single_file();
  } catch (...) {
    remove_store(temporary);
    throw;
  }
  counts.stores = static_cast<std::size_t>(
      std::count_if(parts.begin(), parts.end(), [&](const fs::path& p) { return !is_target(p); }));
  std::error_code error;
  fs::rename(temporary, target, error);
  if (error) throw IoError(fmt::format("{}: cannot be written: {}", target.string(), error.message()));
  remove_store(temporary);
  counts.total = there.size();
  for (std::size_t point = 0; point < there.size(); ++point)
    if (!there[point]) counts.missing.push_back(point);
  counts.points = counts.total - counts.missing.size();
  return counts;
}

}  // namespace orrery
