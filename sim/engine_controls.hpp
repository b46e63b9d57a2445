// What one driver sees of the engine: its calls, marked with its number, so that answers find their way back.
// Valid only inside the calls the engine makes to the driver.
#pragma once

#include "sim/engine_core.hpp"

namespace orrery {

class EngineCore::JobControls : public Controls {
 public:
  JobControls(EngineCore& core, std::uint32_t job) : core_(core), job_(job) {}
  Seconds now() const override { return Seconds(core_.now_); }
  FragmentId submit(std::shared_ptr<const Program> program, std::span<const FragmentId> after) override {
    return core_.submit(job_, std::move(program), after);
  }
  void cancel(FragmentId fragment) override { core_.cancel(fragment); }
  void timer(Seconds at, std::uint64_t tag) override;

 private:
  EngineCore& core_;
  std::uint32_t job_;
};

}  // namespace orrery
