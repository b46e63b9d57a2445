// The source of truth of every collective: who sends which part of the buffer to whom, round by round. What the simulator
// moves is derived from it, and tests run it on real integers.
// The buffer of `bytes` (see collective.hpp) is cut into equal chunks; participants 0 .. ranks-1 are the members in rank
// order, further participants are switches that add or multicast. In a round all sends read what their senders held
// before the round. Chunk meaning: reduce-scatter, all-gather: chunk r x (chunks/ranks) + i belongs to rank r;
// all-to-all: chunk s x ranks + d goes from rank s to rank d; gather, scatter: as all-gather, the root is rank 0.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/collectives/group.hpp"
#include "sim/program.hpp"

namespace orrery {

enum class SendAction : std::uint8_t { copy, reduce };

struct Send {
  std::uint32_t from = 0, to = 0;
  std::uint32_t chunk = 0, chunks = 1;  // chunk, chunk + 1, ...
  SendAction action = SendAction::copy;
  std::uint32_t into = same;  // the first of the receiver's slots, where it is not `chunk`

  static constexpr std::uint32_t same = ~0u;
  std::uint32_t target() const { return into == same ? chunk : into; }
  bool local() const { return from == to; }  // within a rank's memory: nothing crosses a link
};

struct Round {
  std::vector<Send> sends;
  std::uint32_t phase = 0;  // rounds of one phase overlap when pipelined; phases follow each other
  // Messages that a rank posts one after the other in this round, each at a software cost, and those of them that leave
  // the node. One for algorithms that store into all peers at once.
  std::uint32_t posts = 1, node_posts = 1;
  // Where several parts of a rank post at once, each to one peer: the most of any part, by its peer. `posts` is the most of
  // all, and those that leave the node are known with the group alone.
  struct PostsTo {
    std::uint32_t from = 0, to = 0, posts = 0;
  };
  std::vector<PostsTo> posts_by_part = {};
};

struct CollectiveSchedule {
  std::uint32_t ranks = 0;
  std::uint32_t switches = 0;  // participants beyond the ranks
  std::uint32_t chunks = 1;
  double chunk_share = 1;      // of `bytes`
  std::uint32_t extra = 0;     // slots of every participant beyond the chunks, each as large as one; empty at the start
  std::vector<double> uneven;  // by chunk, of `bytes`; empty: all are chunk_share
  bool lockstep = false;  // a round starts when all sends of the one before are done; else rounds overlap in pieces
  std::vector<Round> rounds;

  double share_of(const Send&) const;
};

// The same sends the other way, last round first: turns all-gather into reduce-scatter, broadcast into reduce, scatter into
// gather. For schedules of one phase.
CollectiveSchedule mirrored(CollectiveSchedule, SendAction);

// Of uneven chunks: what sends nothing is left out, and a round posts as many messages as its busiest rank sends or receives
// (PyTorch's uneven all-to-all skips empty ones). For schedules whose posts are messages between ranks.
void drop_empty_sends(CollectiveSchedule&, const Group&);

// The traffic of one phase in closed form: bytes from each participant to each, over all its rounds.
struct PairTraffic {
  std::uint32_t from = 0, to = 0;
  double share = 0;   // of `bytes`
  double copies = 1;  // equal flows along paths that load the same links, for which this one stands
  friend bool operator==(const PairTraffic&, const PairTraffic&) = default;
};

struct RoundTraffic {
  std::vector<PairTraffic> pairs;
  double times = 1;  // rounds that load the links alike, for which this one stands
};

// What a hop between two participants adds, in seconds; the longest sum of it over hops that wait for each other.
using HopDelay = std::function<double(std::uint32_t from, std::uint32_t to)>;
using LongestWay = std::function<double(const HopDelay&)>;

// Of pieces that go `hops` hops round rings, less than two laps, from everywhere at once.
LongestWay way_round(std::vector<RankList> rings, std::uint32_t hops);

struct TrafficPhase {
  std::vector<PairTraffic> pairs;  // sorted by (from, to), each pair once
  std::vector<RoundTraffic> each;  // round by round, where they are in lockstep and differ; empty: all are alike
  LongestWay longest;              // where rounds overlap: what distance costs if hops are not alike; may be empty
  bool lockstep = false;           // likewise of the schedule
  std::uint32_t rounds = 0;        // path latencies paid one after the other
  std::uint32_t node_rounds = 0;   // of these, how many the longest chain of dependent sends spends between nodes
  std::uint32_t posts = 0;         // messages whose software cost is paid one after the other
  std::uint32_t node_posts = 0;    // of these, how many leave the node
};

// Counts every round with a send between nodes as a node round.
std::vector<TrafficPhase> aggregate(const CollectiveSchedule&, const Group&);
// Sorts and merges equal pairs.
void merge_pairs(std::vector<PairTraffic>&);
// Of a phase whose rounds post one message each.
void post_once_a_round(TrafficPhase&);

}  // namespace orrery
