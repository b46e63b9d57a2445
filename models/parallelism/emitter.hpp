// Writes the operations of one job, stage by stage, for the representatives of a folding. A collective among groups whose
// ranks fall into the same classes is one Transfer whose flows are those of all the groups, on the queues of all the classes:
// the actual load of every member on the real fabric, folded or not.
// Layer passes are collected until something else is written; what was collected becomes a body, written once for each gang
// (classes that these passes tie together) and called as often as the same passes return, once per micro-batch. A gang of
// several classes is called from one collective of all of them to another, the rest is written in place, so that a Call
// neither makes anybody wait nor hides an end. Where that cannot be had, everything is written in place.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "kernels/collectives/planner.hpp"
#include "models/layer_steps.hpp"
#include "models/parallelism/folding.hpp"
#include "models/parallelism/rank_grid.hpp"
#include "models/parallelism/token_dispatch.hpp"
#include "sim/program.hpp"

namespace orrery {

class CostModel;

struct EmitterSettings {
  CollectiveDetail detail = CollectiveDetail::flow;
  bool analytic = false;  // says which patterns move together
  std::uint16_t job = 0;
  TokenDispatch dispatch;
  bool survey = false;               // route nothing: only collectives() is wanted
  bool blocking_launches = false;    // the host waits for its device, so that nothing is launched ahead
  const CostModel* costs = nullptr;  // tells what of asynchronous collectives is exposed; null: nothing is taken to be
};

class Emitter {
 public:
  Emitter(const Cluster&, CollectivePlanner&, std::vector<DeviceId> devices, const RankGrid&, const Folding&,
          EmitterSettings);

  // Classes of a stage; what follows is written for all of them.
  void stage(int s);
  // Writes what run() has collected. Everything that looks at or adds to what was written before does so by itself.
  void flush();
  const std::vector<int>& classes_of_stage(int s) const { return stage_classes_[static_cast<std::size_t>(s)]; }

  void compute(SequenceId, Label, std::optional<MemoryDelta> = {});
  // `steps` of a layer pass with their sequences; memory at the first and last Compute. While a device waits in a
  // collective its host goes on launching, so kernels of classes whose groups take longer have more of their host time
  // covered.
  struct Step {
    LayerStep::Kind kind;
    Phase phase;
    std::vector<SequenceId> sequences;  // of a Compute, by class
    CollectiveKind collective;
    GroupFamily family;
    Stream stream;
    double bytes;
    bool asynchronous;
  };
  std::vector<Step> prepare(const LayerSteps&);
  // The steps must outlive the emitter.
  void run(const std::vector<Step>&, Label, double bytes_at_start, double bytes_at_end);

  // Who waits for a collective: the next Compute, the next Compute after wait_for_asynchronous(), or whoever the caller
  // tells to with wait_for().
  enum class Wait { next, asynchronous, detached };
  using OpOfClass = std::map<int, OpId>;
  // A collective of the current stage's groups (or of all groups of a family that spans stages), after everything that its
  // classes have written to their compute queues so far. Returns its last operation for every class.
  OpOfClass collective(GroupFamily, Stream, CollectiveKind, double bytes, Label, Wait);
  // Bytes over the host link of each class's device of the current stage (Stream::copy, copy_back), or work of its host
  // (Stream::host), as the time it takes, after what the class has computed so far.
  OpOfClass host_work(Stream, const std::vector<Seconds>& time_of_class, Label, std::optional<MemoryDelta> memory = {});
  // Bytes of every device of the current stage to the memory pool that it uses, or back; or between its host and the pool,
  // both ways at once. On the fabric, where devices and hosts that share links and expanders meet; after what the class has
  // computed so far.
  enum class PoolWay { out, back, host_both };
  OpOfClass pool_work(PoolWay, double bytes, Label, std::optional<MemoryDelta> memory = {});
  // Of each class of the stage: what its host link carries in a second, and devices of this job that share its host.
  BytesPerSecond host_link(int cls) const;
  int devices_per_host(int cls);
  // Forward (or backward) activations of the current stage to its neighbour; returns one operation per receiving class.
  OpOfClass send(bool forward, double bytes, Label, bool blocking);
  void wait_for(const OpOfClass& ops);
  void wait_for_asynchronous();

  // Remembers the first operation that each class of the stage writes from now on (for dependencies added later).
  void capture_first();
  OpId first(int cls);

  // Everything sent so far.
  const std::set<JobCollective>& collectives() const { return collectives_; }

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
    std::vector<std::vector<std::size_t>> by_stage;  // bundles, by the stage of their first member
  };
  struct PatternKey {
    GroupFamily family;
    std::size_t bundle;
    CollectiveKind collective;
    std::string algorithm;  // and protocol
    bool reverse;
    std::size_t companions;  // 0: none, else 1 + number of the set
    auto operator<=>(const PatternKey&) const = default;
  };
  struct Companion {  // a bundle that moves at the same time as others
    std::size_t bundle;
    float moving;                     // bytes at the links' full rate, per byte of the buffer
    std::string algorithm, protocol;  // as its library chooses
    bool operator==(const Companion&) const = default;
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

  struct CollectedUnit {  // one run()
    const std::vector<Step>* steps;
    Label label;
    double bytes_at_start, bytes_at_end;
    auto key() const {  // all but the micro-batch
      return std::tie(steps, label.phase, label.chunk, label.layer, bytes_at_start, bytes_at_end);
    }
    bool operator<(const CollectedUnit& other) const { return key() < other.key(); }
  };
  struct CollectedStep {
    const Step* step;
    Label label;
    std::optional<MemoryDelta> memory;
  };
  struct Gang {
    std::vector<int> classes;                  // sorted
    std::size_t body_begin = 0, body_end = 0;  // steps that are called; the others are written in place
    BodyId body;                               // none: nothing is called
  };
  struct Passage {  // units that were collected together
    std::vector<CollectedStep> steps;
    std::vector<Gang> gangs;
  };

  // emitter_bodies.cpp
  Passage make_passage(const std::vector<CollectedUnit>&);
  std::vector<std::vector<int>> gangs_of(std::span<const CollectedStep>);
  void choose_body(std::span<const CollectedStep>, Gang&);
  void call_body(std::span<const CollectedStep>, Gang&, std::int32_t micro_batch);
  void write_steps(std::span<const CollectedStep>, std::int32_t micro_batch);

  struct OneTransfer {
    PatternId pattern;
    double bytes = 0;
    std::uint32_t rounds = 0;
    Seconds setup{};
  };
  OpOfClass transfer_of_each(Stream, const std::vector<OneTransfer>& of_class, Label, std::optional<MemoryDelta>);
  PatternId pool_pattern(int cls, PoolWay);
  void add_pool_flows(int rank, PoolWay, std::vector<Flow>&) const;
  std::vector<DeviceId> members(const std::vector<int>& group, bool reverse = false) const;
  Family& family(GroupFamily);
  void compute(const std::vector<SequenceId>& of_class, Label, std::optional<MemoryDelta>);

  // emitter_host.cpp
  struct Overlap;
  std::vector<double> blocked_time(const LayerSteps&);  // by class
  std::vector<Overlap> overlaps_of(const LayerSteps&);
  std::vector<double> wire_time(const LayerStep&);
  std::vector<double> device_time(const LayerStep&) const;
  double duration_alone(GroupFamily, std::size_t bundle, CollectiveKind, double bytes);

  // emitter_patterns.cpp
  CollectiveRequest request_of(GroupFamily, std::size_t group, CollectiveKind, double bytes, bool reverse);
  std::vector<PatternId> make_patterns(const PatternKey&, const std::string& algorithm, double bytes);
  const std::vector<PatternId>& patterns_of(const PatternKey&, const std::string& algorithm, double bytes);
  std::size_t companions(GroupFamily, std::size_t bundle, CollectiveKind, double bytes, bool reverse);
  PatternId no_flows();
  const std::vector<ResolvedStep>& resolve(GroupFamily, std::size_t bundle, CollectiveKind, double bytes, bool reverse);
  OpId transfer(GroupFamily, std::size_t bundle, const std::vector<QueueId>& queues, CollectiveKind, double bytes,
                Label, bool reverse, std::span<const OpId> after);
  void note_first(int cls, OpId op);
  bool writes(int cls) const { return std::binary_search(written_.begin(), written_.end(), cls); }

  const Cluster& cluster_;
  CollectivePlanner& planner_;
  std::vector<DeviceId> devices_;
  const RankGrid& grid_;
  const Folding& folding_;
  EmitterSettings settings_;
  ProgramBuilder builder_;
  std::vector<std::vector<int>> stage_classes_;
  std::vector<ClassState> state_;
  std::vector<int> on_host_;  // ranks_on_host(), once asked for
  std::vector<int> written_;  // the classes, sorted, for which operations are written at present
  std::vector<CollectedUnit> collected_;
  std::map<std::pair<int, std::vector<CollectedUnit>>, Passage> passages_;  // by stage; only looked up
  std::array<std::unique_ptr<Family>, group_family_count> families_;
  std::map<std::tuple<GroupFamily, std::size_t, CollectiveKind, double, bool>, std::vector<ResolvedStep>> resolved_;
  std::map<std::tuple<GroupFamily, std::size_t, CollectiveKind, double>, double> alone_;  // duration_alone()
  std::map<PatternKey, std::vector<PatternId>> patterns_;                                 // by step
  // By family, stage, collective, bytes and direction: the set (as PatternKey has it) of each bundle that has companions.
  std::map<std::tuple<GroupFamily, int, CollectiveKind, double, bool>, std::map<std::size_t, std::size_t>>
      companions_of_;
  std::vector<std::vector<Companion>> companion_sets_;
  std::map<std::pair<int, PoolWay>, PatternId> pool_patterns_;
  PatternId no_flows_;
  std::set<JobCollective> collectives_;
  int stage_ = 0;
};

}  // namespace orrery
