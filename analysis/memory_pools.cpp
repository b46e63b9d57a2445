#include "analysis/memory_pools.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace orrery {

namespace {

struct Change {
  double time_s = 0, bytes = 0;
};

struct PoolTraffic {  // of one byte of a Transfer, by pool
  std::map<std::size_t, double> in, out;
};

class Pools {
 public:
  Pools(const Timeline& timeline, const Cluster& cluster) : timeline_(timeline), changes_(cluster.memory_pools.size()) {
    std::size_t jobs = 0;
    for (const FragmentRecord& fragment : timeline.fragments) jobs = std::max<std::size_t>(jobs, fragment.job + 1u);
    for (std::size_t p = 0; p < cluster.memory_pools.size(); ++p) {
      const MemoryPool& pool = cluster.memory_pools[p];
      pool_at_[pool.place] = p;
      use_.push_back({pool.name, pool.capacity.value, 0, std::vector<bool>(jobs, false)});
    }
    resident_.assign(use_.size(), 0);
  }

  std::vector<MemoryPoolUse> run() && {
    for (const Record& record : timeline_.records) add(record);
    for (std::size_t p = 0; p < use_.size(); ++p) use_[p].peak_bytes = resident_[p] + peak(changes_[p]);
    return std::move(use_);
  }

 private:
  void add(const Record& record) {
    const FragmentRecord& fragment = timeline_.fragments[record.fragment];
    const Program& program = *fragment.program;
    const Operation& op = program.operations[record.op.index()];
    if (op.kind != OpKind::transfer || !op.pattern.valid()) return;
    const PoolTraffic& traffic = traffic_of(program, op.pattern);
    const bool first = kept_.insert({&program, record.op.value}).second;  // what stays is there once
    for (const auto& [pool, share] : traffic.in) {
      use_[pool].jobs[fragment.job] = true;
      if (!traffic.out.contains(pool))
        changes_[pool].push_back({record.start_s, share * op.bytes});
      else if (first)
        resident_[pool] += share * op.bytes;
    }
    for (const auto& [pool, share] : traffic.out) {
      use_[pool].jobs[fragment.job] = true;
      if (!traffic.in.contains(pool)) changes_[pool].push_back({record.end_s, -share * op.bytes});
    }
  }

  const PoolTraffic& traffic_of(const Program& program, PatternId pattern) {
    const auto [known, fresh] = traffic_.try_emplace({&program, pattern.value});
    if (fresh)
      for (const Flow& flow : program.pattern(pattern)) {
        if (const auto to = pool_at_.find(flow.to); to != pool_at_.end())
          known->second.in[to->second] += flow.share * flow.copies;
        if (const auto from = pool_at_.find(flow.from); from != pool_at_.end())
          known->second.out[from->second] += flow.share * flow.copies;
      }
    return known->second;
  }

  // What leaves at an instant makes room for what comes.
  static double peak(std::vector<Change>& changes) {
    std::stable_sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) {
      return a.time_s != b.time_s ? a.time_s < b.time_s : a.bytes < b.bytes;
    });
    double held = 0, most = 0;
    for (const Change& change : changes) most = std::max(most, held += change.bytes);
    return most;
  }

  const Timeline& timeline_;
  std::map<VertexId, std::size_t> pool_at_;
  std::vector<MemoryPoolUse> use_;
  std::vector<double> resident_;
  std::vector<std::vector<Change>> changes_;
  std::map<std::pair<const Program*, std::uint32_t>, PoolTraffic> traffic_;  // only looked up
  std::set<std::pair<const Program*, std::uint32_t>> kept_;                  // only looked up
};

}  // namespace

std::vector<MemoryPoolUse> memory_pool_use(const Timeline& timeline, const Cluster& cluster) {
  if (cluster.memory_pools.empty()) return {};
  return Pools(timeline, cluster).run();
}

std::optional<MemoryPoolMetrics> memory_pools_of(const std::vector<MemoryPoolUse>& pools, std::size_t job) {
  std::optional<MemoryPoolMetrics> all;
  for (const MemoryPoolUse& pool : pools) {
    if (job >= pool.jobs.size() || !pool.jobs[job]) continue;
    if (!all) all = MemoryPoolMetrics{pool.name, 0, 0, pool.capacity_bytes, pool.peak_bytes};
    ++all->pools;
    all->too_small += pool.peak_bytes > pool.capacity_bytes;
    if (pool.peak_bytes - pool.capacity_bytes <= all->peak_bytes - all->capacity_bytes) continue;
    all->name = pool.name;
    all->capacity_bytes = pool.capacity_bytes;
    all->peak_bytes = pool.peak_bytes;
  }
  return all;
}

}  // namespace orrery
