#include "analysis/record_index.hpp"

#include <algorithm>

namespace orrery {

std::uint32_t RecordIndex::outside(std::uint32_t fragment, OpId op) {
  const OfFragment& all = of(fragment);
  return op.index() < all.outside.size() ? all.outside[op.index()] : no_record;
}

std::uint32_t RecordIndex::called(std::uint32_t fragment, OpId call, OpId op) {
  const auto& records = view_->timeline().records;
  const auto all = all_called(fragment, call);
  const auto at = std::lower_bound(all.begin(), all.end(), op.index(),
                                   [&](std::uint32_t r, std::size_t wanted) { return records[r].op.index() < wanted; });
  return at != all.end() && records[*at].op == op ? *at : no_record;
}

std::span<const std::uint32_t> RecordIndex::all_called(std::uint32_t fragment, OpId call) {
  const OfFragment& all = of(fragment);
  if (call.index() + 1 >= all.call_begin.size()) return {};
  return {all.called.data() + all.call_begin[call.index()], all.called.data() + all.call_begin[call.index() + 1]};
}

double RecordIndex::call_end_s(std::uint32_t fragment, OpId call) {
  const OfFragment& all = of(fragment);
  return call.index() < all.call_end.size() ? all.call_end[call.index()] : 0;
}

const RecordIndex::OfFragment& RecordIndex::of(std::uint32_t fragment) {
  if (fragments_.empty()) fill();
  return fragments_[fragment];
}

void RecordIndex::fill() {
  const auto& records = view_->timeline().records;
  fragments_.resize(view_->timeline().fragments.size());
  const auto for_each = [&](auto&& visit) {
    for (std::size_t r = 0; r < records.size(); ++r)
      if (view_->has(records[r]) && records[r].end_s >= view_->window_start_s())
        visit(static_cast<std::uint32_t>(r), records[r], fragments_[records[r].fragment]);
  };
  for_each([&](std::uint32_t r, const Record& record, OfFragment& of) {
    if (of.outside.empty()) {
      const std::size_t operations = view_->program_of(record).operations.size();
      of.outside.resize(operations, no_record);
      of.call_begin.resize(operations + 1, 0);
      of.call_end.resize(operations, 0);
    }
    if (!record.call.valid()) {
      of.outside[record.op.index()] = r;
      return;
    }
    ++of.call_begin[record.call.index() + 1];
    of.call_end[record.call.index()] = record.end_s;
  });
  for (OfFragment& of : fragments_) {
    for (std::size_t c = 1; c < of.call_begin.size(); ++c) of.call_begin[c] += of.call_begin[c - 1];
    of.called.resize(of.call_begin.empty() ? 0 : of.call_begin.back());
  }
  std::vector<std::vector<std::uint32_t>> next(fragments_.size());
  for (std::size_t f = 0; f < fragments_.size(); ++f) next[f] = fragments_[f].call_begin;
  for_each([&](std::uint32_t r, const Record& record, OfFragment& of) {
    if (record.call.valid()) of.called[next[record.fragment][record.call.index()]++] = r;
  });
  const auto in_order = [&](std::uint32_t a, std::uint32_t b) { return records[a].op.index() < records[b].op.index(); };
  for (OfFragment& of : fragments_)
    for (std::size_t c = 0; c + 1 < of.call_begin.size(); ++c) {
      const auto first = of.called.begin() + of.call_begin[c], last = of.called.begin() + of.call_begin[c + 1];
      if (!std::is_sorted(first, last, in_order)) std::sort(first, last, in_order);
    }
}

}  // namespace orrery
