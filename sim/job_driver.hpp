// The narrow door for behaviour that depends on time: a driver submits Programs (fragments) when the run starts, when
// fragments finish, and on events. Synchronous training submits one fragment per iteration.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "sim/ids.hpp"
#include "sim/program.hpp"
#include "sim/units.hpp"

namespace orrery {

struct Event {
  enum class Kind : std::uint8_t { timer, device_failed, device_recovered, link_changed } kind = Kind::timer;
  std::uint64_t tag = 0;
  DeviceId device;
  LinkId link;
};

class Controls {
 public:
  virtual ~Controls() = default;
  virtual Seconds now() const = 0;
  // Runs once all fragments in `after` have finished.
  virtual FragmentId submit(std::shared_ptr<const Program>, std::span<const FragmentId> after = {}) = 0;
  virtual void cancel(FragmentId) = 0;  // operations not yet started never run; running ones are dropped
  virtual void timer(Seconds at, std::uint64_t tag) = 0;  // answered with on_event(timer, tag)
};

class JobDriver {
 public:
  virtual ~JobDriver() = default;
  virtual void start(Controls&) = 0;
  virtual void on_finished(FragmentId, Controls&) {}
  virtual void on_event(const Event&, Controls&) {}
};

// `iterations` fragments of the same Program, one after the other.
class SynchronousDriver : public JobDriver {
 public:
  SynchronousDriver(std::shared_ptr<const Program> program, int iterations)
      : program_(std::move(program)), remaining_(iterations) {}
  void start(Controls& controls) override { submit_next(controls); }
  void on_finished(FragmentId, Controls& controls) override { submit_next(controls); }

 private:
  void submit_next(Controls& controls) {
    if (remaining_-- > 0) controls.submit(program_);
  }
  std::shared_ptr<const Program> program_;
  int remaining_;
};

}  // namespace orrery
