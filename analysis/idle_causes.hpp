// Why a device was idle: an operation starts the moment the last of what it waited for ends (the engine has no delays in
// between), so whoever ended at that moment on another device is whom the device waited for. Looked at are the operation's
// dependencies, the queues of the other devices that take part in it and, at the start of an iteration and at its end,
// whatever closed the iteration. Of a message that comes in while the device waits for something else only the device's
// own chain tells: from the Compute that ended the wait back over the transfers that it waited for.
// Waiting for a device of the own stage is waiting for a slower peer for as long as that peer was later with the same piece
// of work; with several stages, what is left was a wait of both, for another stage (peers that differ by a microsecond are
// not what a bubble of a second is due to). Waiting for another stage is pipeline bubble, but not for as long as a straggler
// held that stage up: what fast devices waited for slower peers along the chain of what was
// waited for counts as such, back to what the device had heard of before (or to where the chain comes from its own stage).
// The chain follows, of the members of a stage's last collective, the one that had to wait longest for it, and where that or
// whom was waited for leaves a choice, the one whose last wait was longest: never one for its place in a list, so that devices
// folded into one of them change nothing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "analysis/job_view.hpp"
#include "analysis/time_split.hpp"

namespace orrery {

class IdleCauses {
 public:
  explicit IdleCauses(const JobView& view);
  // Why `device` (position in JobView::devices()) was idle from `from` to `to`, where `record` started; `compute`: the next
  // on its compute stream. Either may be window_end. To be asked in order of time.
  IdleCauseTimes between(double from, double to, std::uint32_t record, std::uint32_t compute, std::size_t device);

 private:
  using Devices = std::vector<std::uint32_t>;  // positions of those waited for; each once or oftener
  enum class Cause : std::uint8_t { not_asked, unknown, slower_peer, pipeline };
  struct Gap {  // of one device, between all that it did
    double from = 0, to = 0;
    std::uint32_t record = 0, compute = 0;  // that ended it, and the next on the compute stream
    Cause cause = Cause::not_asked;
    std::uint32_t awaited = 0;                         // one of those waited for; of another stage if there is any
    std::optional<std::uint32_t> peer = std::nullopt;  // of the own stage, that was waited for as well
    double late = 0;  // seconds from the beginning that a peer of the own stage was late by
  };
  struct Chain {  // to what ended the wait that was asked about last
    std::uint32_t record = window_end;
    std::size_t device = ~std::size_t{0};  // none was asked about
    double held_up = 0;                    // seconds that are still to be told
  };
  struct Computed {  // by one device, in order of time
    std::uint32_t fragment = 0;
    double end = 0;
  };
  struct Message {  // that a device received, once for every stage that took part; in order of their ends
    double start = 0, end = 0;
    std::int32_t stage = 0;
  };
  struct OfFragment {
    std::vector<std::uint32_t> outside;     // by operation, of those that no Call ran
    std::vector<std::uint32_t> call_begin;  // by Call: where its records begin in
    std::vector<std::uint32_t> called;      // ... in order of their operations
    std::vector<double> call_end;           // by Call
    std::span<const std::uint32_t> of_call(std::size_t call) const {
      if (call + 1 >= call_begin.size()) return {};
      return {called.data() + call_begin[call], called.data() + call_begin[call + 1]};
    }
  };
  const JobView& view_;
  bool peers_differ_ = false;  // some stage has several devices in view
  bool several_stages_ = false;
  std::vector<OfFragment> fragments_;   // filled when first asked for
  std::map<double, Devices> closers_;   // by time
  std::vector<std::vector<Gap>> gaps_;  // by device, filled when first asked for
  std::vector<bool> has_gaps_;
  std::vector<std::vector<Computed>> computed_;  // by device, filled when first asked for
  std::vector<std::vector<Message>> received_;   // likewise
  Chain last_;

  // Whom it waited for.
  std::uint32_t waiting_record(std::uint32_t record, std::uint32_t compute, double until, std::size_t device);
  Devices awaited(std::uint32_t record, std::size_t device);
  std::vector<std::uint32_t> ended_dependencies(std::uint32_t record);
  void ended_with(const Record& waiting, OpId call, OpId awaited, std::vector<std::uint32_t>& ended);
  void add_partners(std::uint32_t record, std::size_t device, Devices&) const;
  Record entering(std::uint32_t record) const;
  std::uint32_t ended_in_queue(std::uint32_t record, std::size_t device) const;
  void add_devices(const Record&, std::size_t except, Devices&) const;
  const Devices& closers(double time);
  const OfFragment& of_fragment(std::uint32_t fragment);
  void index_fragments();

  // What held them up.
  void find_cause(Gap&, const Devices&, std::uint32_t device);
  double lateness(const Devices& peers, std::uint32_t device, const Gap&);
  const std::vector<Computed>& computed_by(std::uint32_t device);
  double held_up_after(const Gap&, std::uint32_t device);
  double held_up(std::uint32_t device, std::uint32_t awaited, double from, double to);
  double last_heard(std::uint32_t device, std::uint32_t from, double by);
  const std::vector<Message>& received_by(std::uint32_t device);
  std::uint32_t longest_waiting(std::uint32_t device, double time);
  bool waited_longer(std::uint32_t a, std::uint32_t b, double time);
  std::uint32_t longest_idle(const Devices&, double time);
  Gap* last_gap(std::uint32_t device, double time);
  const Gap* gap_before(std::uint32_t device, double time);
  std::vector<Gap>& gaps_of(std::uint32_t device);
};

}  // namespace orrery
