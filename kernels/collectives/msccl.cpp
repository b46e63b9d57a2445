#include "kernels/collectives/msccl.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include <fmt/format.h>

#include "kernels/collectives/interpreter.hpp"
#include "kernels/collectives/msccl_program.hpp"
#include "sim/error.hpp"
#include "sim/whole_file.hpp"

namespace orrery {

namespace {

using msccl::Block;
using msccl::Gpu;
using msccl::Place;
using msccl::Step;

// When something happens: after so many messages one after the other, and so many local operations since.
struct When {
  std::uint32_t depth = 0, local = 0;
  friend auto operator<=>(const When&, const When&) = default;
};

// Steps done, by thread block of all ranks; those that one knows nothing of are left out, as most blocks of most schedules
// know few.
class Clock {
 public:
  std::uint32_t at(std::size_t block) const {
    const auto found = std::lower_bound(steps_.begin(), steps_.end(), of(block));
    return found != steps_.end() && found->first == block ? found->second : 0;
  }
  void advance(std::size_t block) {
    const auto found = std::lower_bound(steps_.begin(), steps_.end(), of(block));
    if (found != steps_.end() && found->first == block)
      ++found->second;
    else
      steps_.insert(found, of(block, 1));
  }
  void join(const Clock& other) {
    std::vector<Entry> all;
    all.reserve(steps_.size() + other.steps_.size());
    std::merge(steps_.begin(), steps_.end(), other.steps_.begin(), other.steps_.end(), std::back_inserter(all));
    std::size_t kept = 0;  // of a block in both the later, larger one
    for (const Entry& entry : all)
      if (kept > 0 && all[kept - 1].first == entry.first)
        all[kept - 1] = entry;
      else
        all[kept++] = entry;
    all.resize(kept);
    steps_ = std::move(all);
  }

 private:
  using Entry = std::pair<std::uint32_t, std::uint32_t>;
  static Entry of(std::size_t block, std::uint32_t steps = 0) { return {static_cast<std::uint32_t>(block), steps}; }
  std::vector<Entry> steps_;  // by block
};

struct Message {
  When when;
  std::uint32_t mailbox = 0, count = 0;
  Clock clock;
};

// Last uses of a chunk, to find two that nothing orders.
struct Touched {
  std::pair<std::size_t, std::uint32_t> writer{0, 0};  // block and its step; 0: at the start
  std::vector<std::pair<std::size_t, std::uint32_t>> readers;
};

class Executor {
 public:
  Executor(const msccl::Program& program, const std::string& file) : program_(program), file_(file) {
    ranks_ = static_cast<std::uint32_t>(program.gpus.size());
    schedule_.ranks = ranks_;
    lay_out();
    for (std::uint32_t g = 0; g < ranks_; ++g) {
      first_block_.push_back(blocks_.size());
      for (const Block& block : program.gpus[g].blocks) {
        blocks_.push_back({&block, g, 0, {}, {}, 0, {}, {}});
        for (const Step& step : block.steps)
          if (step.wait_block >= 0) waited_for_.insert({g, step.wait_block, step.wait_step});
      }
    }
    free_slot_.assign(ranks_, schedule_.chunks + longest_own_);
    touched_.resize(ranks_);
  }

  CollectiveSchedule run() {
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t b = 0; b < blocks_.size(); ++b)
        while (step(b)) moved = true;
    }
    for (const Running& running : blocks_)
      if (running.at < running.block->steps.size())
        fail(running, "steps that can all run", "a wait for a step or message that never comes");
    for (const auto& [connection, queue] : waiting_)
      if (!queue.empty())
        throw SpecError(file_, "", "messages that are all received",
                        fmt::format("{} from rank {} to {} that {} not", queue.size(), std::get<0>(connection),
                                    std::get<1>(connection), queue.size() == 1 ? "is" : "are"));
    return write();
  }

 private:
  struct Running {
    const Block* block;
    std::uint32_t gpu;
    std::size_t at;
    When when, before_sends;
    std::uint32_t last_send;
    Clock clock;
    std::vector<When> done;
  };

  // Buffers as slots: the chunks of schedule.hpp, then the input where it is a buffer of its own, then scratch.
  void lay_out() {
    const Gpu& first = program_.gpus.front();
    for (const Gpu& gpu : program_.gpus)
      if (gpu.inputs != first.inputs || gpu.outputs != first.outputs)
        throw SpecError(file_, "", "the same i_chunks and o_chunks on every gpu", "different ones");
    const bool parts = program_.kind == CollectiveKind::all_to_all;
    const bool gathers = program_.kind == CollectiveKind::all_gather,
               scatters = program_.kind == CollectiveKind::reduce_scatter;
    larger_ = gathers ? first.outputs : first.inputs;
    const std::uint32_t smaller = gathers ? first.inputs : first.outputs;
    if (larger_ == 0 || ((parts || gathers || scatters) && larger_ % ranks_ != 0))
      throw SpecError(file_, "", fmt::format("chunks that divide by the {} ranks", ranks_), std::to_string(larger_));
    per_rank_ = larger_ / ranks_;
    if (!program_.in_place && smaller != (gathers || scatters ? per_rank_ : larger_))
      throw SpecError(file_, "", "i_chunks and o_chunks of this collective",
                      fmt::format("{} and {}", first.inputs, first.outputs));
    if (parts && program_.in_place) throw SpecError(file_, "", "an alltoall with inplace=\"0\"", "one in place");
    schedule_.chunks = parts ? larger_ * ranks_ : larger_;
    schedule_.chunk_share = 1.0 / larger_;
    own_input_ = !program_.in_place && !parts ? first.inputs : 0;
    for (const Gpu& gpu : program_.gpus) longest_own_ = std::max(longest_own_, own_input_ + gpu.scratch);
  }

  std::uint32_t slot(std::uint32_t rank, Place place, std::uint32_t offset, const Running& running) const {
    const std::uint32_t at = place.at + offset;
    const Gpu& gpu = program_.gpus[rank];
    const bool gathers = program_.kind == CollectiveKind::all_gather,
               scatters = program_.kind == CollectiveKind::reduce_scatter;
    std::uint32_t limit = place.buffer == 's' ? gpu.scratch : place.buffer == 'i' ? gpu.inputs : gpu.outputs;
    if (at >= limit)
      fail(running, fmt::format("chunks below {} of buffer {}", limit, place.buffer), std::to_string(at));
    if (place.buffer == 's') return schedule_.chunks + own_input_ + at;
    if (program_.kind == CollectiveKind::all_to_all) {
      const std::uint32_t peer = at / per_rank_, part = at % per_rank_;
      return (place.buffer == 'i' ? rank * ranks_ + peer : peer * ranks_ + rank) * per_rank_ + part;
    }
    const bool own_part = (gathers && place.buffer == 'i' && limit < larger_) ||
                          (scatters && place.buffer == 'o' && limit < larger_);
    if (place.buffer == 'i' && own_input_ > 0) return schedule_.chunks + at;
    return own_part ? rank * per_rank_ + at : at;
  }

  [[noreturn]] void fail(const Running& running, const std::string& expected, const std::string& found) const {
    throw SpecError(file_, "",
                    fmt::format("gpu {}, tb {}, step {}: {}", running.gpu, running.block->id, running.at, expected),
                    found);
  }

  bool step(std::size_t b) {
    Running& running = blocks_[b];
    if (running.at >= running.block->steps.size()) return false;
    const Step& step = running.block->steps[running.at];
    When ready;
    if (step.wait_block >= 0) {
      const auto& blocks = program_.gpus[running.gpu].blocks;
      if (step.wait_block >= static_cast<int>(blocks.size()) ||
          step.wait_step >= static_cast<int>(blocks[static_cast<std::size_t>(step.wait_block)].steps.size()))
        fail(running, "a depid and deps that exist", fmt::format("tb {}, step {}", step.wait_block, step.wait_step));
      const Running& other = blocks_[first_block_[running.gpu] + static_cast<std::size_t>(step.wait_block)];
      if (static_cast<int>(other.at) <= step.wait_step) return false;
      ready = other.done[static_cast<std::size_t>(step.wait_step)];
      running.clock.join(clocks_.at({running.gpu, step.wait_block, step.wait_step}));
    }
    Message received;
    if (step.receives) {
      auto& queue = waiting_[{running.block->receive_from, running.gpu, running.block->channel}];
      if (queue.empty()) return false;
      received = std::move(queue.front());
      queue.pop_front();
      if (received.count != step.count)
        fail(running, fmt::format("the {} chunks that come next", received.count), std::to_string(step.count));
      running.clock.join(received.clock);
      ready = std::max(ready, received.when);
    }
    running.clock.advance(b);
    execute(b, step, ready, received);
    running.done.push_back(running.when);
    if (const auto key = std::tuple(running.gpu, static_cast<int>(running.block->id), static_cast<int>(running.at));
        waited_for_.contains(key))
      clocks_[key] = running.clock;
    ++running.at;
    return true;
  }

  void execute(std::size_t b, const Step& step, When ready, const Message& received) {
    Running& running = blocks_[b];
    const bool only_sends = step.sends && !step.receives;
    When when = std::max(ready, only_sends ? running.before_sends : running.when);
    const auto act = [&](bool from_mailbox, Place from, bool to_mailbox, Place to, SendAction action) {
      ++when.local;
      for (std::uint32_t c = 0; c < step.count; ++c) {
        const std::uint32_t source = from_mailbox ? received.mailbox + c : slot(running.gpu, from, c, running);
        const std::uint32_t target = to_mailbox ? received.mailbox + c : slot(running.gpu, to, c, running);
        if (!from_mailbox) touch(b, source, false);
        if (!to_mailbox) touch(b, target, true);
        if (source != target) rounds_[when].sends.push_back({running.gpu, running.gpu, source, 1, action, target});
      }
    };
    if (step.receives && step.stores) {
      const bool apart = step.reduces && (step.source.buffer != step.target.buffer || step.source.at != step.target.at);
      if (apart) act(false, step.source, false, step.target, SendAction::copy);
      act(true, {}, false, step.target, step.reduces ? SendAction::reduce : SendAction::copy);
    } else if (step.receives) {
      act(false, step.source, true, {}, SendAction::reduce);
    } else if (step.local) {
      act(false, step.source, false, step.target, step.reduces ? SendAction::reduce : SendAction::copy);
    }
    if (!step.sends) {
      running.when = running.before_sends = std::max(running.when, when);
      return;
    }
    const auto peer = static_cast<std::uint32_t>(running.block->send_to);
    Message message{{std::max(when.depth + 1, running.last_send), 0}, free_slot_[peer], step.count, running.clock};
    free_slot_[peer] += step.count;
    Round& round = rounds_[message.when];
    for (std::uint32_t c = 0; c < step.count; ++c) {
      std::uint32_t source = received.mailbox + c;
      if (!step.receives || step.stores) {
        source = slot(running.gpu, step.receives ? step.target : step.source, c, running);
        touch(b, source, false);
      }
      round.sends.push_back({running.gpu, peer, source, 1, SendAction::copy, message.mailbox + c});
    }
    ++posts_[{message.when.depth, b}];
    running.last_send = message.when.depth;
    if (!only_sends) running.before_sends = when;
    running.when = std::max(running.when, message.when);
    waiting_[{static_cast<int>(running.gpu), peer, running.block->channel}].push_back(std::move(message));
  }

  void touch(std::size_t b, std::uint32_t slot, bool writes) {
    Running& running = blocks_[b];
    Touched& touched = touched_[running.gpu][slot];
    const auto after = [&](const std::pair<std::size_t, std::uint32_t>& use) {
      return use.second == 0 || running.clock.at(use.first) >= use.second;
    };
    const bool ordered = after(touched.writer) &&
                         (!writes || std::all_of(touched.readers.begin(), touched.readers.end(), after));
    if (!ordered)
      fail(running, "a dependency on the other thread block that uses this chunk",
           fmt::format("none, so that either may come first ({} {})", writes ? "writing" : "reading",
                       running.block->steps[running.at].type));
    const std::pair<std::size_t, std::uint32_t> use{b, running.clock.at(b)};
    if (writes) {
      touched.writer = use;
      touched.readers.clear();
    } else {
      touched.readers.push_back(use);
    }
  }

  // The input where it is a buffer of its own is filled first, and what is not input holds nothing.
  CollectiveSchedule write() {
    std::uint32_t slots = 0;
    for (const std::uint32_t used : free_slot_) slots = std::max(slots, used);
    schedule_.extra = slots + 1 - schedule_.chunks;
    if (own_input_ > 0) {
      Round fill, clear;
      const bool gathers = program_.kind == CollectiveKind::all_gather;
      for (std::uint32_t r = 0; r < ranks_; ++r) {
        for (std::uint32_t c = 0; c < own_input_; ++c)
          fill.sends.push_back({r, r, gathers ? r * per_rank_ + c : c, 1, SendAction::copy, schedule_.chunks + c});
        for (std::uint32_t c = 0; c < schedule_.chunks; ++c)
          clear.sends.push_back({r, r, slots, 1, SendAction::copy, c});
      }
      schedule_.rounds = {std::move(fill), std::move(clear)};
    }
    for (const auto& [post, count] : posts_) {
      const auto& [depth, b] = post;
      Round& round = rounds_[{depth, 0}];
      round.posts = std::max(round.posts, count);
      round.posts_by_part.push_back({blocks_[b].gpu, static_cast<std::uint32_t>(blocks_[b].block->send_to), count});
    }
    for (auto& [when, round] : rounds_) schedule_.rounds.push_back(std::move(round));
    return std::move(schedule_);
  }

  const msccl::Program& program_;
  const std::string& file_;
  std::uint32_t ranks_ = 0, larger_ = 0, per_rank_ = 0, own_input_ = 0, longest_own_ = 0;
  CollectiveSchedule schedule_;
  std::vector<Running> blocks_;
  std::vector<std::size_t> first_block_;
  std::set<std::tuple<std::uint32_t, int, int>> waited_for_;
  std::map<std::tuple<std::uint32_t, int, int>, Clock> clocks_;
  std::map<std::tuple<int, std::uint32_t, int>, std::deque<Message>> waiting_;
  std::vector<std::uint32_t> free_slot_;
  std::map<When, Round> rounds_;
  std::map<std::pair<std::uint32_t, std::size_t>, std::uint32_t> posts_;
  std::vector<std::map<std::uint32_t, Touched>> touched_;
};

}  // namespace

UserSchedule parse_msccl(std::string_view xml, const std::string& file) {
  const msccl::Program program = msccl::read_program(xml, file);
  UserSchedule user{program.name, program.kind, program.protocol, Executor(program, file).run()};
  constexpr std::uint64_t most_slots = 1 << 26;  // 1.6 GB of elements
  const std::uint64_t slots = std::uint64_t{user.schedule.ranks} * (user.schedule.chunks + user.schedule.extra);
  if (slots > most_slots)
    throw SpecError(file, "", fmt::format("at most {} chunks of all ranks and messages, to be proved", most_slots),
                    std::to_string(slots));
  user.least_bytes = static_cast<double>(program.least_bytes);
  if (program.most_bytes > 0) user.most_bytes = static_cast<double>(program.most_bytes);
  if (const auto wrong = wrong_result(user.kind, user.schedule, std::size_t{3} * user.schedule.chunks))
    throw SpecError(file, "", fmt::format("a schedule of {}", collective_names[static_cast<std::size_t>(user.kind)]),
                    "one where " + *wrong);
  return user;
}

std::shared_ptr<const UserSchedule> read_msccl(const std::filesystem::path& path) {
  const auto text = whole_file(path);
  if (!text) throw SpecError(path.string(), "", "a file with a schedule in MSCCL's XML", "none");
  return std::make_shared<const UserSchedule>(parse_msccl(*text, path.string()));
}

}  // namespace orrery
