#include "models/parallelism/reconfiguration.hpp"

#include "sim/error.hpp"

namespace orrery {

namespace {

Phase phase_of(Bitstream bitstream) {
  switch (bitstream) {
    case Bitstream::forward:
      return Phase::forward;
    case Bitstream::backward:
      return Phase::backward;
    default:
      return Phase::optimizer;
  }
}

}  // namespace

BitstreamLoads::BitstreamLoads(StepLowering& lowering)
    : lowering_(lowering), loaded_(static_cast<std::size_t>(lowering.job.plan.pipeline), Bitstream::optimizer) {}

void BitstreamLoads::load(int stage, Bitstream wanted, std::int32_t micro_batch) {
  const std::optional<Seconds>& time = lowering_.job.software.bitstream_load;
  Bitstream& loaded = loaded_[static_cast<std::size_t>(stage)];
  if (!time || wanted == loaded) return;
  loaded = wanted;
  Emitter& emitter = lowering_.emitter;
  Label label;
  label.phase = phase_of(wanted);
  label.micro_batch = micro_batch;
  emitter.wait_for(emitter.host_work(Stream::copy, std::vector<Seconds>(emitter.current().size(), *time), label));
}

}  // namespace orrery
