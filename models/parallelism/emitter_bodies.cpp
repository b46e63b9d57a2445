// Layer passes as bodies that are written once and called often. A Call occupies the queues of its whole gang from start to
// end, so it may only stand where the operations in its place would all have waited for each other too: it begins with
// all its classes at one point (there is one class, or a collective of all of them) and so it ends, with nothing left in
// flight on its queues.
#include <algorithm>

#include "models/parallelism/emitter.hpp"

namespace orrery {

void Emitter::run(const std::vector<Step>& steps, Label label, double bytes_at_start, double bytes_at_end) {
  if (!collected_.empty() && collected_.front().label.micro_batch != label.micro_batch) flush();
  collected_.push_back({&steps, label, bytes_at_start, bytes_at_end});
}

void Emitter::flush() {
  if (collected_.empty()) return;
  const std::vector<CollectedUnit> units = std::exchange(collected_, {});  // writing flushes too
  const std::int32_t micro_batch = units.front().label.micro_batch;
  const auto [at, fresh] = passages_.try_emplace({stage_, units});
  Passage& passage = at->second;
  if (fresh) passage = make_passage(units);
  const std::span<const CollectedStep> steps(passage.steps);
  for (Gang& gang : passage.gangs) {
    written_ = gang.classes;
    write_steps(steps.first(gang.body_begin), micro_batch);
    if (gang.body_begin < gang.body_end) call_body(steps, gang, micro_batch);
    write_steps(steps.subspan(gang.body_end), micro_batch);
  }
  written_ = current();
}

Emitter::Passage Emitter::make_passage(const std::vector<CollectedUnit>& units) {
  const auto is_compute = [](const Step& s) { return s.kind == LayerStep::Kind::compute; };
  Passage passage;
  for (const CollectedUnit& unit : units) {
    const auto first = std::find_if(unit.steps->begin(), unit.steps->end(), is_compute);
    const auto last = std::find_if(unit.steps->rbegin(), unit.steps->rend(), is_compute).base();
    for (auto step = unit.steps->begin(); step != unit.steps->end(); ++step) {
      CollectedStep collected{&*step, unit.label, {}};
      collected.label.phase = step->phase;
      const MemoryDelta delta{MemoryCategory::activations, step == first ? unit.bytes_at_start : 0,
                              step + 1 == last ? unit.bytes_at_end : 0};
      if (delta.at_start != 0 || delta.at_end != 0) collected.memory = delta;
      passage.steps.push_back(collected);
    }
  }
  for (std::vector<int>& classes : gangs_of(passage.steps)) {
    Gang gang;
    gang.classes = std::move(classes);
    choose_body(passage.steps, gang);
    passage.gangs.push_back(std::move(gang));
  }
  return passage;
}

// The classes of the stage, tied together by the collectives of the steps.
std::vector<std::vector<int>> Emitter::gangs_of(std::span<const CollectedStep> steps) {
  const std::vector<int>& classes = current();
  std::map<int, int> root;
  for (int c : classes) root[c] = c;
  const auto root_of = [&](int c) {
    while (root.at(c) != c) c = root.at(c);
    return c;
  };
  for (const CollectedStep& s : steps) {
    if (s.step->kind != LayerStep::Kind::collective) continue;
    const Family& f = family(s.step->family);
    for (std::size_t b : f.by_stage[static_cast<std::size_t>(stage_)])
      for (int c : f.bundles[b].classes) {
        const int x = root_of(c), y = root_of(f.bundles[b].classes.front());
        root[std::max(x, y)] = std::min(x, y);
      }
  }
  std::map<int, std::vector<int>> gangs;
  for (int c : classes) gangs[root_of(c)].push_back(c);
  std::vector<std::vector<int>> all;
  for (auto& [first, members] : gangs) all.push_back(std::move(members));
  return all;
}

// Finds the longest run of steps that may be called, see the head of this file.
void Emitter::choose_body(std::span<const CollectedStep> steps, Gang& gang) {
  gang.body_begin = gang.body_end = 0;
  const bool one = gang.classes.size() == 1;
  const auto ties_all = [&](const Step& step) {
    if (step.kind != LayerStep::Kind::collective || step.asynchronous || step.bytes <= 0) return false;
    const Family& f = family(step.family);
    return std::any_of(f.bundles.begin(), f.bundles.end(), [&](const Bundle& b) { return b.classes == gang.classes; });
  };
  std::size_t begin = 0, in_flight = 0;
  while (begin < steps.size() && !one && !ties_all(*steps[begin].step)) {
    if (steps[begin].step->asynchronous) return;
    ++begin;
  }
  std::size_t end = begin;
  for (std::size_t i = begin; i < steps.size(); ++i) {
    const Step& step = *steps[i].step;
    if (step.kind == LayerStep::Kind::collective && step.asynchronous) ++in_flight;
    if (step.kind == LayerStep::Kind::wait) in_flight = 0;
    if (step.kind != LayerStep::Kind::wait && in_flight == 0 && (one || ties_all(step))) end = i + 1;
  }
  if (end - begin < 2) return;
  gang.body_begin = begin;
  gang.body_end = end;
}

void Emitter::write_steps(std::span<const CollectedStep> steps, std::int32_t micro_batch) {
  for (const CollectedStep& s : steps) {
    Label label = s.label;
    label.micro_batch = micro_batch;
    switch (s.step->kind) {
      case LayerStep::Kind::wait:
        wait_for_asynchronous();
        break;
      case LayerStep::Kind::compute:
        compute(s.step->sequences, label, s.memory);
        break;
      case LayerStep::Kind::collective:
        label.collective = s.step->collective;
        collective(s.step->family, s.step->stream, s.step->collective, s.step->bytes, label,
                   s.step->asynchronous ? Wait::asynchronous : Wait::next);
        break;
    }
  }
}

void Emitter::call_body(std::span<const CollectedStep> steps, Gang& gang, std::int32_t micro_batch) {
  const auto called = steps.subspan(gang.body_begin, gang.body_end - gang.body_begin);
  const bool in_flight = std::any_of(gang.classes.begin(), gang.classes.end(),
                                     [&](int c) { return !state_[static_cast<std::size_t>(c)].asynchronous.empty(); });
  if (in_flight) return write_steps(called, micro_batch);
  if (!gang.body.valid()) {
    std::vector<ClassState> kept;
    for (int c : gang.classes) kept.push_back(std::exchange(state_[static_cast<std::size_t>(c)], {}));
    gang.body = builder_.begin_body();
    write_steps(called, -1);
    builder_.end_body();
    for (std::size_t i = 0; i < kept.size(); ++i)
      state_[static_cast<std::size_t>(gang.classes[i])] = std::move(kept[i]);
  }
  Label label;
  label.job = settings_.job;
  label.stage = static_cast<std::int16_t>(stage_);
  label.chunk = called.front().label.chunk;
  label.micro_batch = micro_batch;
  const OpId call = builder_.call(gang.body, label);
  for (int c : gang.classes) {
    ClassState& state = state_[static_cast<std::size_t>(c)];
    for (OpId before : state.pending) builder_.depend(call, before);
    state.pending.clear();
    state.last = call;
    note_first(c, call);
  }
}

}  // namespace orrery
