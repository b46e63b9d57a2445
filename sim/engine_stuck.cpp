// Says what waits for what in a program that cannot go on. When nothing runs, every unfinished operation waits for
// another unfinished one, so following the waits from any of them leads into a circle.
#include <algorithm>
#include <map>

#include "sim/engine_core.hpp"

namespace orrery {

std::string EngineCore::describe(std::uint32_t id, std::size_t op) const {
  static constexpr std::array<const char*, 4> kinds = {"Compute", "Transfer", "Join", "Call"};
  const IndexedProgram& indexed = *fragments_[id].indexed;
  const Operation& operation = indexed.operation(op);
  std::string text = fmt::format("{} {}", kinds[static_cast<std::size_t>(operation.kind)], op);
  if (fragments_.size() > 1) text += fmt::format(" of fragment {}", id);
  std::string details;
  const Label& label = operation.label;
  if (label.phase != Phase::none) details += fmt::format(", {}", phase_names[static_cast<std::size_t>(label.phase)]);
  if (label.collective != CollectiveKind::none)
    details += fmt::format(", {}", collective_names[static_cast<std::size_t>(label.collective)]);
  if (label.stage >= 0) details += fmt::format(", stage {}", label.stage);
  if (label.layer >= 0) details += fmt::format(", layer {}", label.layer);
  if (label.micro_batch >= 0) details += fmt::format(", micro-batch {}", label.micro_batch);
  return details.empty() ? text : fmt::format("{} ({})", text, details.substr(2));
}

void EngineCore::stuck() const {
  std::string text;
  for (const Running& r : running_)
    if (r.live)
      throw StuckError(fmt::format("the run cannot end: {} never finishes (it runs at speed zero)",
                                   describe(scopes_[r.scope].fragment, r.op)));

  std::uint32_t at = 0;
  while (at < fragments_.size() && fragments_[at].status != Status::active) ++at;
  if (at == fragments_.size())
    throw StuckError("the run cannot end: fragments wait for each other, and none of them is active");

  const auto first_unfinished = [&](std::uint32_t id) {
    const auto& done = fragments_[id].done;
    return static_cast<std::uint32_t>(std::find(done.begin(), done.end(), false) - done.begin());
  };
  std::vector<std::string> chain;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> seen;
  std::pair<std::uint32_t, std::uint32_t> next{at, first_unfinished(at)};
  while (seen.try_emplace(next, chain.size()).second) {
    const auto [id, op] = next;
    const Fragment& fragment = fragments_[id];
    const Program& program = *fragment.indexed->program;
    const auto dependencies = program.dependencies_of(op);
    const auto missing = std::find_if(dependencies.begin(), dependencies.end(),
                                      [&](OpId on) { return !fragment.done[on.index()]; });
    if (missing != dependencies.end()) {
      next.second = missing->value;
      chain.push_back(fmt::format("{} waits for {}", describe(id, op), describe(id, next.second)));
      continue;
    }
    for (QueueId q : program.queues_of(program.operations[op])) {
      const QueueState& queue = queues_[fragment.indexed->queues[q.index()]];
      const Slice& first = queue.slices.front();
      if (first.fragment == id && first.operations.front() == op) continue;
      next = {first.fragment, first.operations.front()};
      chain.push_back(fmt::format(
          "{} waits for {} in the {} queue of device {}", describe(id, op), describe(next.first, next.second),
          stream_names[static_cast<std::size_t>(queue.queue.stream)], queue.queue.device.value));
      break;
    }
  }
  text = "the run cannot end; a circle of waits:";
  for (std::size_t i = seen[next]; i < chain.size(); ++i) text += "\n  " + chain[i];
  throw StuckError(text);
}

}  // namespace orrery
