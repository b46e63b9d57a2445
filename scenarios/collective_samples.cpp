#include "scenarios/collective_samples.hpp"

#include <cmath>
#include <set>

#include "scenarios/measured_kernels.hpp"
#include "scenarios/measured_names.hpp"
#include "scenarios/measured_scenario.hpp"
#include "sim/error.hpp"
#include "topologies/cluster_spec.hpp"

namespace orrery {

CollectiveSamples read_collective_samples(std::span<const std::filesystem::path> files, const Library& library) {
  CollectiveSamples all;
  for (const std::filesystem::path& file : files)
    for (const MeasuredRow& row : read_measured(file).rows) {
      if (row.kind != "collective") continue;
      RulesUsed used;
      try {
        if (!row.exclude.empty()) throw CannotSimulate(row.exclude);
        const CollectiveCase work = collective_case(with_known_names(row, library, used), used);
        const auto time = measured_collective_time(row);
        if (!time) throw CannotSimulate("no time or rate is stated");
        if (!(*time > 0)) throw CannotSimulate("a measured time of 0 or less");
        auto& cluster = all.clusters[work.cluster.dump()];
        if (!cluster)
          cluster = std::make_unique<Cluster>(
              build_cluster(read_spec<ClusterSpec>(work.cluster, file.string(), library)));
        CollectiveSample sample;
        sample.cluster = cluster.get();
        sample.kind = work.kind;
        sample.members = work.members;
        sample.bytes = Bytes(work.bytes);
        sample.time = Seconds(*time);
        if (collective_algorithm_known(work.algorithm)) {
          sample.algorithm = work.algorithm;
          sample.protocol = work.protocol;
        }
        sample.source = file.stem().string();
        all.samples.push_back(std::move(sample));
      } catch (const CannotSimulate& reason) {
        ++all.left_out[reason.what()];
      } catch (const SpecError& fault) {  // of a machine that the row describes
        ++all.left_out[fault.what()];
      }
    }
  return all;
}

bool leave_out_impossible(CollectiveSamples& read, std::span<const double> errors) {
  std::vector<CollectiveSample> possible;
  for (std::size_t i = 0; i < errors.size(); ++i)
    if (std::isfinite(errors[i]))
      possible.push_back(read.samples[i]);
    else
      ++read.left_out["no such algorithm and protocol for it on its machine"];
  const bool any = possible.size() < read.samples.size();
  read.samples = std::move(possible);
  return any;
}

std::vector<LeftOutSource> leave_out_sources(const CollectiveCalibration& start, const RoutedCollectives& routed) {
  std::set<std::string> names;
  for (const auto& sample : routed.samples) names.insert(sample.source);
  const std::vector<double> fitted = collective_errors(fit_collectives(start, routed).calibration, routed);
  std::vector<LeftOutSource> study;
  for (const std::string& name : names) {
    const std::vector<double> unseen = collective_errors(fit_collectives(start, routed, name).calibration, routed);
    LeftOutSource source{name, {}, {}, {}};
    for (std::size_t i = 0; i < routed.samples.size(); ++i) {
      if (routed.samples[i].source != name) continue;
      source.fitted.push_back(fitted[i]);
      source.left_out.push_back(unseen[i]);
      source.bytes.push_back(routed.samples[i].bytes);
    }
    study.push_back(std::move(source));
  }
  return study;
}

double geomean_error(std::span<const double> logs) {
  double sum = 0;
  for (const double x : logs) sum += std::abs(x);
  return logs.empty() ? 0 : std::expm1(sum / static_cast<double>(logs.size()));
}

}  // namespace orrery
