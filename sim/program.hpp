// The operation graph that a job is lowered into, and the only thing the engine executes.
//   Compute   a sequence of kernels on one device
//   Transfer  bytes moved by a pattern of flows that start and finish together (a point-to-point message is a pattern of
//             one flow, a ring all-reduce one flow per neighbour); pays `rounds` latencies
//   Join      no work: a barrier of n at n edges
//   Call      runs a body: operations that are written once and called often (a pass of one stage, once per micro-batch)
// An operation occupies one or more queues (device, stream) from its start to its end. A queue runs one operation at a
// time, in the order in which operations were added to the Program, never in order of readiness. An operation starts when
// it is first in all its queues and everything it depends on has finished. A Call occupies every queue that its body uses
// from the start of the first operation of the body to the end of the last; inside, operations of one queue run in the
// order in which they were written. So a Call equals its body written in its place wherever all its queues are free when
// it starts and nothing outside waits for a part of it only.
// All tables hold plain values, so a Program can be copied, hashed and sent through a pipe.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sim/ids.hpp"
#include "sim/kernel.hpp"
#include "sim/units.hpp"

namespace orrery {

enum class OpKind : std::uint8_t { compute, transfer, join, call };

using BodyId = Id<struct BodyTag>;  // operations that Calls run

// Streams of one device run together. Their names appear in traces.
// A point-to-point message occupies the sender's send stream and the receiver's receive stream.
enum class Stream : std::uint8_t {
  compute,
  tensor,
  context,
  data,
  data_gather,
  send_forward,
  receive_forward,
  send_backward,
  receive_backward,
  copy,
  expert,
  copy_back,
  host
};
inline constexpr std::array<std::string_view, 13> stream_names = {"compute",
                                                                  "tensor-parallel",
                                                                  "context-parallel",
                                                                  "data-parallel",
                                                                  "parameter-gather",
                                                                  "send-forward",
                                                                  "receive-forward",
                                                                  "send-backward",
                                                                  "receive-backward",
                                                                  "copy",
                                                                  "expert-parallel",
                                                                  "copy-back",
                                                                  "host"};

enum class Phase : std::uint8_t {
  none,
  forward,
  backward,
  recompute,
  gradient_sync,
  parameter_gather,
  pipeline,
  optimizer,
  other
};
inline constexpr std::array<std::string_view, 9> phase_names = {
    "none", "forward", "backward", "recompute", "gradient-sync", "parameter-gather", "pipeline", "optimizer", "other"};

enum class CollectiveKind : std::uint8_t {
  none,
  all_reduce,
  reduce_scatter,
  all_gather,
  broadcast,
  reduce,
  all_to_all,
  gather,
  scatter,
  send_receive,
  barrier
};
inline constexpr std::array<std::string_view, 11> collective_names = {
    "none",       "all_reduce", "reduce_scatter", "all_gather", "broadcast", "reduce",
    "all_to_all", "gather",     "scatter",        "send_recv",  "barrier"};

struct Label {  // what reports group by
  std::uint16_t job = 0;
  Phase phase = Phase::none;
  CollectiveKind collective = CollectiveKind::none;
  std::int16_t stage = -1, chunk = -1;
  std::int32_t layer = -1, micro_batch = -1;
  friend bool operator==(const Label&, const Label&) = default;
};

struct Queue {
  DeviceId device;
  Stream stream = Stream::compute;
  friend bool operator==(const Queue&, const Queue&) = default;
};

struct Flow {
  VertexId from, to;
  double share = 1;       // bytes of this flow per byte of the Transfer
  std::uint64_t key = 0;  // picks among equal-cost paths under hashed ECMP
  double copies = 1;      // identical flows it stands for (same path, counted this many times on every link)
};

enum class MemoryCategory : std::uint8_t { weights, gradients, optimizer, activations, buffers };
inline constexpr std::array<std::string_view, 5> memory_category_names = {"weights", "gradients", "optimizer",
                                                                          "activations", "buffers"};

struct MemoryDelta {
  MemoryCategory category = MemoryCategory::activations;
  double at_start = 0, at_end = 0;  // bytes added on each device of the operation
  friend bool operator==(const MemoryDelta&, const MemoryDelta&) = default;
};

struct Operation {
  OpKind kind = OpKind::join;
  QueueSetId queues;    // none for a Join; of a point-to-point Transfer the first is the sender's
  SequenceId sequence;  // Compute
  PatternId pattern;    // Transfer
  MemoryEffectId memory;
  BodyId body;               // Call
  std::uint32_t rounds = 0;  // Transfer: path latencies paid one after the other
  double bytes = 0;          // Transfer: multiplied by each flow's share
  double efficiency = 1;     // Transfer: rate that the algorithm reaches over what its links could carry
  double setup_s = 0;        // Transfer: fixed time before bytes move (launch, protocol steps)
  Label label;               // of an operation of a body: without a micro-batch, the Call has it
  double moving_bytes() const { return bytes / efficiency; }  // at the links' full rate this takes as long
};

// Operations begin .. end - 1 of the Program, run by Calls only; no Calls among them, and no dependency leaves or enters.
struct Body {
  std::uint32_t begin = 0, end = 0;
  QueueSetId queues;  // all that its operations use
};

// One device the Program runs on, and for how many like it stands (folding).
struct Representative {
  DeviceId device;
  double multiplicity = 1;
  std::int32_t stage = 0;
};

// Bytes that a pattern moves at the links' full rate, beside those of others that start at the same time.
struct MovingPart {
  PatternId pattern;
  double moving = 1;
};

struct PersistentMemory {
  DeviceId device;
  MemoryCategory category = MemoryCategory::weights;
  double bytes = 0;
};

struct Program {
  std::vector<Operation> operations;
  std::vector<Body> bodies;
  std::vector<std::uint32_t> dependency_begin;  // operations.size() + 1 offsets into `dependencies`
  std::vector<OpId> dependencies;               // operation i waits for dependencies[begin[i] .. begin[i+1])
  std::vector<Queue> queues;
  std::vector<std::uint32_t> queue_set_begin;
  std::vector<QueueId> queue_sets;
  std::vector<std::uint32_t> sequence_begin;
  std::vector<Kernel> kernels;  // all sequences, concatenated
  std::vector<std::uint32_t> pattern_begin;
  std::vector<Flow> flows;  // all patterns, concatenated
  // By pattern: how many of its flows, from the first, are those of one group; it may lay several alike ones together.
  std::vector<std::uint32_t> pattern_group;
  // Sets of patterns whose Transfers start at the same time; no pattern is in two. The analytic evaluator, in which Transfers
  // never meet, gives each the time that it needs beside the others of its set.
  std::vector<std::uint32_t> together_begin;
  std::vector<MovingPart> together;  // all sets, concatenated
  std::vector<MemoryDelta> memory_effects;
  std::vector<Representative> devices;
  std::vector<PersistentMemory> persistent;

  std::span<const OpId> dependencies_of(std::size_t op) const {
    return {dependencies.data() + dependency_begin[op], dependencies.data() + dependency_begin[op + 1]};
  }
  std::span<const QueueId> queues_of(const Operation& op) const {
    if (!op.queues.valid()) return {};
    auto i = op.queues.index();
    return {queue_sets.data() + queue_set_begin[i], queue_sets.data() + queue_set_begin[i + 1]};
  }
  std::span<const Kernel> sequence(SequenceId s) const {
    return {kernels.data() + sequence_begin[s.index()], kernels.data() + sequence_begin[s.index() + 1]};
  }
  std::span<const Flow> pattern(PatternId p) const {
    return {flows.data() + pattern_begin[p.index()], flows.data() + pattern_begin[p.index() + 1]};
  }
  // How often one execution of the Program runs each operation (a Call itself: 0), and how many it runs in all.
  std::vector<std::uint32_t> executions() const;
  std::size_t executed_operations() const;
  std::size_t sequence_count() const { return sequence_begin.empty() ? 0 : sequence_begin.size() - 1; }
  std::size_t pattern_count() const { return pattern_begin.empty() ? 0 : pattern_begin.size() - 1; }
  std::size_t together_count() const { return together_begin.empty() ? 0 : together_begin.size() - 1; }
  std::span<const MovingPart> together_set(std::size_t set) const {
    return {together.data() + together_begin[set], together.data() + together_begin[set + 1]};
  }
};

// Writes a Program. Tables are interned: asking twice for the same queue, queue set or memory effect gives the same id;
// sequences and patterns are interned by the caller, who knows when they repeat.
class ProgramBuilder {
 public:
  QueueId queue(DeviceId, Stream);
  QueueSetId queue_set(std::span<const QueueId>);
  QueueSetId on(DeviceId device, Stream stream) {
    QueueId q = queue(device, stream);
    return queue_set({&q, 1});
  }
  SequenceId sequence(std::span<const Kernel>);
  PatternId pattern(std::span<const Flow> flows) { return pattern(flows, flows.size()); }
  PatternId pattern(std::span<const Flow>, std::size_t of_one_group);  // see Program::pattern_group
  void move_together(std::span<const MovingPart>);
  MemoryEffectId memory(MemoryDelta);

  OpId compute(QueueSetId, SequenceId, Label, MemoryEffectId = {});
  OpId transfer(QueueSetId, PatternId, double bytes, std::uint32_t rounds, Seconds setup, Label, MemoryEffectId = {});
  OpId join(Label);
  // What is written from begin_body to end_body runs when it is called.
  BodyId begin_body();
  void end_body();
  OpId call(BodyId, Label);
  void depend(OpId op, OpId on);  // `op` waits for `on`; any order, duplicates and invalid ids are ignored

  void device(Representative r) { program_.devices.push_back(r); }
  void persistent(PersistentMemory m) { program_.persistent.push_back(m); }
  std::size_t size() const { return program_.operations.size(); }
  Operation& operation(OpId op) { return program_.operations[op.index()]; }
  Program finish() &&;

 private:
  Program program_;
  bool in_body_ = false;
  std::vector<std::pair<OpId, OpId>> edges_;
  std::unordered_map<std::uint64_t, QueueId> queue_ids_;
  std::unordered_map<std::string, QueueSetId> queue_set_ids_;
  std::unordered_map<std::string, MemoryEffectId> memory_ids_;
};

}  // namespace orrery
