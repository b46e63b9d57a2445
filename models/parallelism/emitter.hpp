// Writes the operations of one job, stage by stage, for the representatives of a folding. A collective among groups whose
// ranks fall into the same classes is one Transfer whose flows are those of all the groups, on the queues of all the classes:
// the actual load of every member on the real fabric, folded or not.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "kernels/collectives/collective.hpp"
#include "models/layer_steps.hpp"
#include "models/parallelism/folding.hpp"
#include "models/parallelism/rank_grid.hpp"
#include "sim/program.hpp"

namespace orrery {

struct EmitterSettings {
  CollectiveDetail detail = CollectiveDetail::flow;
  std::uint16_t job = 0;
  // Experts that a token chooses, of how many, when it crosses only once to a device or node that holds several of them.
  int chosen_experts = 0, all_experts = 0;
};

class Emitter {
 public:
  Emitter(const Cluster&, std::vector<DeviceId> devices, const RankGrid&, const Folding&, EmitterSettings);

  // Classes of a stage; what follows is written for all of them.
  void stage(int s);
  const std::vector<int>& classes_of_stage(int s) const { return stage_classes_[static_cast<std::size_t>(s)]; }

  void compute(SequenceId, Label, std::optional<MemoryDelta> = {});
  // `steps` of a layer pass with their sequences; memory at the first and last Compute.
  struct Step {
    LayerStep::Kind kind;
    Phase phase;
    SequenceId sequence;
    CollectiveKind collective;
    GroupFamily family;
    Stream stream;
    double bytes;
    bool asynchronous;
  };
  std::vector<Step> prepare(LayerSteps);
  void run(const std::vector<Step>&, Label, double bytes_at_start, double bytes_at_end);

  // Who waits for a collective: the next Compute, the next Compute after wait_for_asynchronous(), or whoever the caller
  // tells to with wait_for().
  enum class Wait { next, asynchronous, detached };
  using OpOfClass = std::map<int, OpId>;
  // A collective of the current stage's groups (or of all groups of a family that spans stages), after everything that its
  // classes have written to their compute queues so far. Returns its last operation for every class.
  OpOfClass collective(GroupFamily, Stream, CollectiveKind, double bytes, Label, Wait);
  // Bytes over the host link of each class's device of the current stage, or work of its host, as the time it takes: on
  // the copy stream, after what the class has computed so far when `after_compute`.
  OpOfClass host_work(const std::vector<Seconds>& time_of_class, Label, bool after_compute,
                      std::optional<MemoryDelta> memory = {});
  // Of each class of the stage: what its host link carries in a second, and devices that share its host.
  BytesPerSecond host_link(int cls) const;
  double devices_per_host(int cls) const;
  // Forward (or backward) activations of the current stage to its neighbour; returns one operation per receiving class.
  OpOfClass send(bool forward, double bytes, Label, bool blocking);
  void wait_for(const OpOfClass& ops) {
    for (auto [cls, op] : ops) state_[static_cast<std::size_t>(cls)].pending.push_back(op);
  }
  void wait_for_asynchronous();

  // Remembers the first operation that each class of the stage writes from now on (for dependencies added later).
  void capture_first() {
    for (int c : current()) state_[static_cast<std::size_t>(c)].first = OpId();
  }
  OpId first(int cls) const { return state_[static_cast<std::size_t>(cls)].first; }
  OpId last_compute(int cls) const { return state_[static_cast<std::size_t>(cls)].last; }

  ProgramBuilder& builder() { return builder_; }
  const std::vector<int>& current() const { return stage_classes_[static_cast<std::size_t>(stage_)]; }
  DeviceId representative(int cls) const;

 private:
  struct Bundle {  // groups whose members fall into the same classes
    std::vector<int> classes;
    std::vector<std::size_t> groups;
    int stage = 0;
  };
  struct Family {
    std::vector<std::vector<int>> groups;
    std::vector<Bundle> bundles;
  };
  struct ResolvedStep {
    PatternId pattern;
    double bytes, efficiency;
    std::uint32_t rounds;
    Seconds setup;
  };
  struct ClassState {
    OpId last, first;
    std::vector<OpId> pending;       // the next Compute waits for these
    std::vector<OpId> asynchronous;  // a `wait` makes them pending
  };

  Family& family(GroupFamily);
  LayerSteps cover_host_time(LayerSteps);
  double crossing_share(const std::vector<int>& group) const;
  double duration_alone(const std::vector<int>& group, CollectiveKind, double bytes) const;
  const std::vector<ResolvedStep>& resolve(GroupFamily, std::size_t bundle, CollectiveKind, double bytes, bool reverse);
  OpId transfer(GroupFamily, std::size_t bundle, const std::vector<QueueId>& queues, CollectiveKind, double bytes,
                Label, bool reverse, std::span<const OpId> after);
  void note_first(int cls, OpId op);

  const Cluster& cluster_;
  std::vector<DeviceId> devices_;
  const RankGrid& grid_;
  const Folding& folding_;
  EmitterSettings settings_;
  ProgramBuilder builder_;
  std::vector<std::vector<int>> stage_classes_;
  std::vector<ClassState> state_;
  std::array<std::unique_ptr<Family>, group_family_count> families_;
  std::map<std::tuple<GroupFamily, std::size_t, CollectiveKind, double, bool>, std::vector<ResolvedStep>> resolved_;
  std::map<std::tuple<GroupFamily, std::size_t, CollectiveKind, std::string, std::size_t, bool>, PatternId> patterns_;
  PatternId no_flows_;
  int stage_ = 0;
};

}  // namespace orrery
