// The dispatcher that both evaluators share: fragments, queues, dependency counts, drivers, governor, energy, records.
// Time comes from its own event queue; only the bytes of Transfers that can meet others on a link are handed to a
// FlowNetwork (the flow model), which reports back when they have arrived. Without one, every Transfer takes its time
// alone. So both evaluators agree to the last bit wherever no Transfer can meet another.
//
// A queue (device, stream) is one for the whole run: fragments enter it in the order in which they become active, each
// with its operations in the order of its Program. A cancelled fragment counts as over for those that wait for it, but
// its driver is not told; what its running operations did so far is recorded (time and joules up to now).
// Operations are counted down in scopes: one for each fragment that is active, one for each Call that runs. A scope of a
// Call needs no queues (the Call holds them all) and is used again when the Call has ended.
// Where a governor looks at activity alone, passes that nothing disturbs are not walked event by event (engine_chains.cpp).
// The governor is asked once at the end of every instant in which the Activity of a device differs from what it was
// told last. Devices count from time 0, also when a Program names them later.
#pragma once

#include <deque>
#include <map>
#include <span>
#include <vector>

#include "sim/circuits.hpp"
#include "sim/engine.hpp"
#include "sim/engine_program.hpp"
#include "sim/record_lanes.hpp"

namespace orrery {

// Who carries bytes over shared links. `flow` is the engine's number of a running Transfer.
class FlowNetwork {
 public:
  virtual ~FlowNetwork() = default;
  // Called before any operation of the Program starts. May make running Transfers shared: answer those in `shared`.
  virtual void add(const IndexedProgram&) = 0;
  virtual bool shared(const IndexedProgram&, std::size_t op) const = 0;
  virtual void start(std::uint32_t flow, const IndexedProgram&, std::size_t op, double bytes) = 0;
  virtual double stop(std::uint32_t flow) = 0;  // returns the bytes that had not arrived
};

class EngineCore {
 public:
  EngineCore(const Cluster&, const CostModel&, Governor&, std::span<JobDriver* const>, FlowNetwork*);
  ~EngineCore();

  void start();               // lets every driver submit its first fragments
  bool over() const;          // all fragments have ended and no driver waits for a timer
  bool can_go_on() const;     // something runs, or a driver waits for a timer
  double next_date() const;   // of the next event of its own; infinity if there is none
  void advance(double date);  // handles every own event up to `date`
  void flow_arrived(std::uint32_t flow, double date);
  [[noreturn]] void stuck() const;  // throws StuckError
  Timeline take_timeline();

 private:
  enum class EventKind : std::uint8_t {
    operation_ends,
    latency_paid,
    circuits_set,
    chain_ends,
    driver_timer,
    governor_wakes
  };
  struct Event {
    double date;
    std::uint64_t order;
    EventKind kind;
    std::uint32_t index, generation;
    bool operator>(const Event& o) const { return date != o.date ? date > o.date : order > o.order; }
  };
  enum class Status : std::uint8_t { waiting, active, finished, cancelled };
  struct Fragment {
    const IndexedProgram* indexed = nullptr;
    Status status = Status::waiting;
    std::uint32_t scope = 0;                // of its own operations, while active
    std::uint32_t predecessors = 0;         // not yet over
    std::vector<std::uint32_t> dependents;  // fragments
    std::vector<bool> done;                 // by operation, while active
  };
  struct Chain {  // a body whose operations follow one another on one device
    struct Step {
      double seconds = 0, joules = 0;
      bool computes = false;
    };
    struct Costs {  // of all operations at one operating point of Computes
      OperatingPoint point;
      std::vector<Step> steps;
      bool usable = true;
    };
    std::uint32_t device = 0, begin = 0, length = 0;  // length 0: it is none
    std::size_t programs_known = 0;                   // when `alone` was found out
    bool alone = true;                                // its Transfers meet no others
    std::deque<Costs> costs;
  };
  struct Ahead {  // a chain on its way, without events
    bool live = false;
    std::uint32_t scope = 0, op = 0, generation = 0;  // op: the first
    const Chain::Costs* costs = nullptr;
    OperatingPoint sending;    // while a Transfer of the chain is on its way
    double start = 0;          // of the first
    std::vector<double> ends;  // of all but the last of the body
  };
  struct Scope {
    const IndexedProgram* indexed = nullptr;
    Chain* chain = nullptr;                 // if its operations can run ahead
    std::uint32_t fragment = 0, first = 0;  // number of its first operation
    OpId call;                              // none: of the fragment itself
    std::size_t unfinished = 0;             // operations
    std::vector<std::uint32_t> waits;       // by operation, from the first
  };
  struct Slice {  // the operations of one fragment in one queue
    std::uint32_t fragment;
    std::span<const std::uint32_t> operations;
  };
  struct QueueState {
    Queue queue;
    std::deque<Slice> slices;
  };
  struct Running {
    std::uint32_t scope = 0, op = 0, device = 0, generation = 0;
    bool live = false, flowing = false;
    bool has_circuits = false;  // Transfer: holds the ports that it needs
    bool under_way = false;     // Transfer: its circuits are set
    double start = 0;
    double since = 0, done = 0, energy = 0;  // Compute: up to `since`; Transfer: since it is under way
    Cost full;                               // Compute: of the whole of it at the present operating point
    double end = 0;                          // as scheduled
  };
  struct Device {
    DeviceId id;
    Setting setting;
    OperatingPoint point;  // the governor's, with the device's own speed
    Activity told;
    std::vector<std::uint32_t> computes;  // running
    int transfers = 0;
    bool changed = false;
    double since = 0, static_energy = 0;
    std::uint32_t wake_generation = 0;
    Ahead ahead;
  };
  struct Port {                            // of an optical circuit switch
    const PortSetting* setting = nullptr;  // none: not yet used
    std::uint32_t users = 0;
    bool alone = false;  // its user serves peers in turn
    double ready = 0;    // when the setting is in place
    // Of the one fragment that has a schedule for it: what is left of it. Several: whoever asks, as without schedules.
    std::uint32_t scheduled_by = 0;
    const PortSchedule* schedule = nullptr;
    std::vector<std::uint32_t> left;  // transfers, by use
    bool begun = false;
  };
  struct Timer {
    std::uint32_t job;
    std::uint64_t tag;
  };
  struct Ready {
    std::uint32_t scope, op;
  };
  class JobControls;

  // engine_fragments.cpp: what the drivers do
  FragmentId submit(std::uint32_t job, std::shared_ptr<const Program>, std::span<const FragmentId> after);
  void cancel(FragmentId);
  const IndexedProgram& index(const std::shared_ptr<const Program>&);
  std::uint32_t queue_number(const Queue&);
  std::uint32_t device_number(DeviceId);
  void share_running_transfers();
  void activate(std::uint32_t fragment);
  void release_dependents(std::uint32_t fragment);
  void drop(std::uint32_t running);
  void leave_queues(std::uint32_t fragment);

  // engine_core.cpp: operations and events
  void push(double date, EventKind, std::uint32_t index, std::uint32_t generation);
  void handle(const Event&);
  void drain();
  void settle();
  std::uint32_t new_scope(std::uint32_t fragment, OpId call, std::size_t first, std::size_t last);
  void count_down(std::uint32_t scope, std::uint32_t op);
  void start_operation(Ready);
  void start_call(Ready);
  void start_transfer(std::uint32_t running);
  void begin_transfer(std::uint32_t running);
  void latency_paid(std::uint32_t running);
  void operation_ends(std::uint32_t running);
  void finish_operation(std::uint32_t scope, std::uint32_t op, double start, double energy);
  void record(const Record&);
  void finish_in_queues(std::uint32_t scope, std::uint32_t op);
  void finish_scope(std::uint32_t scope);
  const IndexedProgram& indexed_of(const Running& r) const { return *scopes_[r.scope].indexed; }
  std::uint32_t new_running(Ready);
  void release_running(std::uint32_t);
  void promote(QueueState&);

  // engine_devices.cpp: what runs at which speed, and the governor
  void start_compute(std::uint32_t running);
  void progress(Running&) const;
  void mark_changed(std::uint32_t device);
  void busy(const Running&, int change);
  Activity activity_of(const Device&) const;
  void ask_governor(std::uint32_t device);
  void retime(std::uint32_t running);
  void integrate(Device&, double until) const;

  // engine_chains.cpp: bodies that run ahead of the events
  Chain* chain_of(const IndexedProgram&, BodyId);
  void find_chain(const IndexedProgram&, const Body&, Chain&) const;
  bool chain_is_alone(const IndexedProgram&, Chain&) const;
  const Chain::Costs& chain_costs(const IndexedProgram&, Chain&, const OperatingPoint&);
  OperatingPoint point_when(const Device&, bool computing, int transfers);
  void go_on_with_chains();
  bool run_ahead(Ready);
  void order_records();
  void record_ahead(std::uint32_t device, std::size_t count);
  void chain_ends(std::uint32_t device);
  void stop_ahead(std::uint32_t device);
  void run_by_events(std::uint32_t device, Ready, double start, double end);
  void begin_chains_of(std::uint32_t fragment);
  void forget_activity(std::uint32_t device);

  // engine_circuits.cpp: who may use which ports of optical switches, first come first served
  void serve_circuits();
  bool circuits_free(const CircuitPlan&) const;
  void take_circuits(std::uint32_t running);
  void release_circuits(std::uint32_t running);
  void begin_schedules(std::uint32_t fragment);
  void end_schedules(std::uint32_t fragment);
  void used_as_scheduled(Port&, const PortSetting&);
  void set_next(Port&);
  void set_ahead(Port&, const PortSetting&);

  std::string describe(std::uint32_t fragment, std::size_t op) const;  // engine_stuck.cpp

  const Cluster& cluster_;
  CostCache costs_;
  Governor& governor_;
  std::span<JobDriver* const> drivers_;
  FlowNetwork* network_;
  std::vector<std::unique_ptr<JobControls>> controls_;

  double now_ = 0;
  std::uint64_t order_ = 0;
  std::vector<Event> events_;  // a heap, earliest first
  std::size_t driver_timers_ = 0, live_fragments_ = 0, running_count_ = 0;
  std::vector<Timer> timers_;

  std::deque<IndexedProgram> programs_;
  std::unordered_map<const Program*, const IndexedProgram*> index_of_;
  std::vector<Fragment> fragments_;
  std::vector<Scope> scopes_;
  std::vector<std::uint32_t> free_scopes_;
  std::vector<QueueState> queues_;
  std::unordered_map<std::uint64_t, std::uint32_t> queue_numbers_;
  std::vector<Device> devices_;
  std::vector<std::uint32_t> device_numbers_;  // by DeviceId; no_value: not met yet
  std::deque<Running> running_;                // stays where it is while others start
  std::vector<std::uint32_t> free_running_;

  std::unique_ptr<CircuitBoard> board_;  // none: the fabric has no circuits
  std::unordered_map<std::uint32_t, Port> ports_;
  std::deque<std::pair<std::uint32_t, std::uint32_t>> waiting_;  // for circuits: Running, its generation
  double last_set_ahead_ = -1;  // all ports that are set at one instant are one setting
  std::unordered_map<const PortSchedule*, const PortSetting*> first_of_;  // what came first in the last execution

  std::map<std::pair<const Program*, std::uint32_t>, Chain> chains_;  // by body; only looked up
  std::vector<Ready> waiting_chains_;  // go on when all else of this instant has happened
  std::size_t most_in_lanes_ = 0;
  RecordLanes lanes_;  // 0: of events, while any device ran ahead; 1 + device number: what it did ahead

  std::vector<Ready> ready_;
  std::size_t ready_head_ = 0;
  std::deque<std::uint32_t> to_activate_, to_report_;
  std::vector<std::uint32_t> changed_devices_;
  Timeline timeline_;
};

}  // namespace orrery
