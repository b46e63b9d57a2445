// What happened when, and what it cost in joules: the one record stream that every report reads.
// Plain data, written by the engine only; metrics and reports derive from it and never add to it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/ids.hpp"
#include "sim/program.hpp"
#include "sim/units.hpp"

namespace orrery {

struct Record {  // a Call has none of its own
  std::uint32_t fragment = 0;
  OpId op;  // in the fragment's Program
  double start_s = 0, end_s = 0;
  double energy_J =
      0;      // dynamic energy of the operation on one representative device (Compute) or of all its flows (Transfer)
  OpId call;  // which Call ran it, for an operation of a body
};

struct FragmentRecord {
  std::uint16_t job = 0;  // index of the driver that submitted it
  std::shared_ptr<const Program> program;
  double start_s = 0, end_s = 0;  // submitted (after its predecessors), last operation finished
  bool cancelled = false;
};

struct DeviceRecord {
  DeviceId device;
  double static_energy_J = 0;  // idle and leakage power, integrated by the engine
};

struct Timeline {
  std::vector<Record> records;  // by end time, then fragment, then operation
  std::vector<FragmentRecord> fragments;
  std::vector<DeviceRecord> devices;  // every device that a Program names
  double end_s = 0;
  std::uint64_t events = 0;           // operations started and finished, re-timings, timers
  std::uint64_t flows_simulated = 0;  // transfers that really shared links in the flow model
  std::uint64_t circuit_changes = 0;  // settings anew of optical switches: for a transfer, or ahead of the next
  double circuit_wait_s = 0;          // time that transfers were ready and waited for their circuits, summed
  std::uint64_t approximated_links =
      0;  // flow model: links whose weights have no small common unit (each off by <= 1/256)
};

}  // namespace orrery
