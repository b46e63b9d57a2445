// What the parts of the lowering share: the job, the emitter, and the units (embedding, layers, head) of every chunk with
// their prepared steps and their parameters on one rank.
#pragma once

#include <vector>

#include "models/memory.hpp"
#include "models/parallelism/emitter.hpp"
#include "models/parallelism/lower.hpp"

namespace orrery {

struct Unit {  // what is computed, sharded and gathered together
  enum class Kind { embedding, layer, head } kind = Kind::layer;
  int layer = -1;         // number in the model, for layers
  double parameters = 0;  // on one rank, before ZeRO
  double experts = 0;     // of them, those of experts whose replicas are other ranks than the rest's
  LayerKind layer_kind;
  bool recomputed = false, offloaded = false;
};

struct UnitSteps {
  std::vector<Emitter::Step> forward, backward;
  double saved_bytes = 0, working_bytes = 0;  // activations kept until backward; more while recomputing
};

class StepLowering {
 public:
  // `survey`: only to learn which collectives there are.
  StepLowering(const Cluster&, CollectivePlanner&, const TrainingJob&, const std::vector<DeviceId>&, const RankGrid&,
               const Folding&, const LoweringOptions&, bool survey = false);

  const TrainingJob& job;
  StepContext context;
  Emitter emitter;
  std::vector<std::vector<Unit>> chunks;  // chunk number c x pipeline + stage
  const UnitSteps& steps(const Unit&) const;
  double chunk_parameters(int chunk) const;
  double stage_parameters(int stage) const;
  double stage_experts(int stage) const;
  int chunk_count() const { return static_cast<int>(chunks.size()); }

 private:
  void make_chunks();
  Unit layer_unit(int layer) const;
  struct LayerVariant {
    LayerKind kind;
    UnitSteps kept, recomputed;
  };
  UnitSteps embedding_, head_;
  std::vector<LayerVariant> layers_;
};

}  // namespace orrery
