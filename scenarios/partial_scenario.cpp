#include "scenarios/partial_scenario.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "scenarios/placement.hpp"
#include "topologies/cluster_spec.hpp"

namespace orrery {

namespace {

bool within(std::string_view pointer, std::string_view part) {
  return pointer.starts_with(part) && (pointer.size() == part.size() || pointer[part.size()] == '/');
}

class Known {
 public:
  explicit Known(const std::vector<Fault>& faults) : faults_(faults) {}

  // Whether a fault lies in `part` or makes all of it doubtful.
  bool touches(std::string_view part) const {
    return std::any_of(faults_.begin(), faults_.end(),
                       [&](const Fault& f) { return within(f.pointer, part) || within(part, f.pointer); });
  }

  // A plan is judged by the model, the batch and the devices; a key that nobody knows may be any of them misspelt.
  bool touches_plan_of(std::size_t job) const {
    const std::string whole = fmt::format("/jobs/{}", job);
    return std::any_of(faults_.begin(), faults_.end(), [&](const Fault& f) {
      if (within(whole, f.pointer)) return true;
      if (!within(f.pointer, whole)) return false;
      const std::string_view inside = std::string_view(f.pointer).substr(whole.size());
      return !within(inside, "/name") && !within(inside, "/precision") && !within(inside, "/software") &&
             !within(inside, "/collectives") && !within(inside, "/training_tokens");
    });
  }

 private:
  const std::vector<Fault>& faults_;
};

}  // namespace

std::vector<Fault> faults_of_readable_parts(const Scenario& partial, const std::string& file,
                                            const std::vector<Fault>& known) {
  // A fault in a file of its own does not tell which parts name that file.
  if (std::any_of(known.begin(), known.end(), [&](const Fault& f) { return f.file != file; })) return {};
  const Known faulty(known);
  std::vector<Fault> more;
  if (faulty.touches("/cluster")) return more;
  try {
    build_cluster(partial.cluster);
  } catch (const SpecError& error) {
    for (const Fault& f : error.faults())
      more.push_back(f.file.empty() ? Fault{file, "/cluster" + f.pointer, f.expected, f.found} : f);
  }
  std::vector<bool> judged(partial.jobs.size());
  for (std::size_t j = 0; j < judged.size(); ++j) {
    judged[j] = !faulty.touches_plan_of(j);
    if (faulty.touches(fmt::format("/jobs/{}/placement", j))) return more;  // whose devices are whose is not known
  }
  std::vector<Fault> of_jobs;
  place_jobs(partial, file, of_jobs, judged);
  for (Fault& f : of_jobs)
    if (!faulty.touches(f.pointer)) more.push_back(std::move(f));
  return more;
}

}  // namespace orrery
