#include "sim/simgrid/timeline_bytes.hpp"

#include <unordered_map>

#include "sim/error.hpp"

namespace orrery {
namespace {

struct FragmentBytes {
  std::uint16_t job;
  bool cancelled;
  std::uint32_t program;
  double start_s, end_s;
};

// Names every table of a Program once, for writing and for reading.
template <class AProgram, class Visit> void each_table(AProgram& p, Visit visit) {
  visit(p.operations);
  visit(p.bodies);
  visit(p.dependency_begin);
  visit(p.dependencies);
  visit(p.queues);
  visit(p.queue_set_begin);
  visit(p.queue_sets);
  visit(p.sequence_begin);
  visit(p.kernels);
  visit(p.pattern_begin);
  visit(p.flows);
  visit(p.pattern_group);
  visit(p.together_begin);
  visit(p.together);
  visit(p.memory_effects);
  visit(p.devices);
  visit(p.persistent);
}

}  // namespace

void write(ByteWriter& writer, const Timeline& timeline) {
  std::vector<const Program*> programs;
  std::unordered_map<const Program*, std::uint32_t> numbers;
  std::vector<FragmentBytes> fragments;
  for (const FragmentRecord& f : timeline.fragments) {
    const auto [entry, added] = numbers.try_emplace(f.program.get(), static_cast<std::uint32_t>(programs.size()));
    if (added) programs.push_back(f.program.get());
    fragments.push_back({f.job, f.cancelled, entry->second, f.start_s, f.end_s});
  }
  writer.value(programs.size());
  for (const Program* program : programs) each_table(*program, [&](const auto& table) { writer.list(table); });
  writer.list(fragments);
  writer.list(timeline.records);
  writer.list(timeline.devices);
  writer.value(timeline.end_s);
  writer.value(timeline.events);
  writer.value(timeline.flows_simulated);
  writer.value(timeline.circuit_changes);
  writer.value(timeline.circuit_wait_s);
  writer.value(timeline.approximated_links);
}

Timeline read_timeline(ByteReader& reader) {
  std::vector<std::shared_ptr<const Program>> programs;
  for (auto left = reader.value<std::size_t>(); left > 0; --left) {
    auto program = std::make_shared<Program>();
    each_table(*program, [&]<class T>(std::vector<T>& table) { table = reader.list<T>(); });
    programs.push_back(std::move(program));
  }
  Timeline timeline;
  for (const FragmentBytes& f : reader.list<FragmentBytes>()) {
    ORRERY_CHECK(f.program < programs.size(), "fragment of program {} of {}", f.program, programs.size());
    timeline.fragments.push_back({f.job, programs[f.program], f.start_s, f.end_s, f.cancelled});
  }
  timeline.records = reader.list<Record>();
  timeline.devices = reader.list<DeviceRecord>();
  timeline.end_s = reader.value<double>();
  timeline.events = reader.value<std::uint64_t>();
  timeline.flows_simulated = reader.value<std::uint64_t>();
  timeline.circuit_changes = reader.value<std::uint64_t>();
  timeline.circuit_wait_s = reader.value<double>();
  timeline.approximated_links = reader.value<std::uint64_t>();
  return timeline;
}

}  // namespace orrery
