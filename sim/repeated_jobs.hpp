// Jobs that keep a cluster loaded until every one of them has been measured. A job that ended would leave the links to the
// others, so its iterations go on for as long as any job still has some to measure; what is under way then is cancelled.
// Each job first runs `warm_up` iterations (all start at once, which is nobody's steady state), then at least `measured`.
// Assumes one Program per iteration, ending in a barrier. Where the slowest job's window is shorter than the beat between
// the jobs' periods, its iterations still depend on how they happened to meet: more of them average that out.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include "sim/job_driver.hpp"

namespace orrery {

struct RepeatedIterations {
  int warm_up = 0, measured = 1;
  // A job that has done its part is not repeated past so many operations: it then ends before the others.
  std::size_t most_operations = 4'000'000;
};

class RepeatedJobs {
 public:
  explicit RepeatedJobs(RepeatedIterations iterations) : iterations_(iterations) {}
  RepeatedJobs(const RepeatedJobs&) = delete;
  RepeatedJobs& operator=(const RepeatedJobs&) = delete;

  void add(std::shared_ptr<const Program>);
  std::vector<JobDriver*> drivers();  // in the order of `add`; valid as long as this lives

 private:
  class Driver : public JobDriver {
   public:
    Driver(RepeatedJobs& all, std::shared_ptr<const Program> program) : all_(all), program_(std::move(program)) {}
    void start(Controls& controls) override { submit(controls); }
    void on_finished(FragmentId, Controls&) override;
    void stop(Controls& controls);

   private:
    void submit(Controls& controls) { under_way_ = controls.submit(program_); }
    RepeatedJobs& all_;
    std::shared_ptr<const Program> program_;
    FragmentId under_way_;
    int done_ = 0;
  };

  RepeatedIterations iterations_;
  std::deque<Driver> drivers_;
  std::size_t to_measure_ = 0;  // jobs whose window is still open
};

}  // namespace orrery
