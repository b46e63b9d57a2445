// Which record an operation of a fragment left: the way from a record to those of the operations that it depends on. Of
// records that end in the measured window or later. Filled when first asked, as few timelines need it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "analysis/job_view.hpp"

namespace orrery {

inline constexpr std::uint32_t no_record = ~std::uint32_t{0};

class RecordIndex {
 public:
  explicit RecordIndex(const JobView& view) : view_(&view) {}
  // Of an operation that no Call ran; none: no_record.
  std::uint32_t outside(std::uint32_t fragment, OpId op);
  // Of an operation of the body that `call` ran.
  std::uint32_t called(std::uint32_t fragment, OpId call, OpId op);
  // Of all that `call` ran, in order of their operations, and when the last of them ended.
  std::span<const std::uint32_t> all_called(std::uint32_t fragment, OpId call);
  double call_end_s(std::uint32_t fragment, OpId call);

 private:
  struct OfFragment {
    std::vector<std::uint32_t> outside;     // by operation, of those that no Call ran
    std::vector<std::uint32_t> call_begin;  // by Call: where its records begin in
    std::vector<std::uint32_t> called;      // ... in order of their operations
    std::vector<double> call_end;           // by Call
  };
  const OfFragment& of(std::uint32_t fragment);
  void fill();

  const JobView* view_;
  std::vector<OfFragment> fragments_;
};

}  // namespace orrery
