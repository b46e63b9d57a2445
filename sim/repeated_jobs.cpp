#include "sim/repeated_jobs.hpp"

#include <algorithm>

namespace orrery {

void RepeatedJobs::add(std::shared_ptr<const Program> program) {
  drivers_.emplace_back(*this, std::move(program));
  ++to_measure_;
}

std::vector<JobDriver*> RepeatedJobs::drivers() {
  std::vector<JobDriver*> all;
  for (Driver& driver : drivers_) all.push_back(&driver);
  return all;
}

void RepeatedJobs::Driver::on_finished(FragmentId, Controls& controls) {
  under_way_ = {};
  const RepeatedIterations& wanted = all_.iterations_;
  const int own = wanted.warm_up + wanted.measured;
  if (++done_ == own && --all_.to_measure_ == 0)
    for (Driver& driver : all_.drivers_) driver.stop(controls);
  if (all_.to_measure_ == 0) return;
  const std::size_t size = std::max<std::size_t>(1, program_->executed_operations());
  if (done_ < own || static_cast<std::size_t>(done_) < wanted.most_operations / size) submit(controls);
}

void RepeatedJobs::Driver::stop(Controls& controls) {
  if (under_way_.valid()) controls.cancel(under_way_);
  under_way_ = {};
}

}  // namespace orrery
