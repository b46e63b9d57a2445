// Typed indices. Every table in Orrery is a vector; an id is a position in one of them, and the type says which, so that a
// link number is never used as a device number. A default-constructed id is "none".
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>

namespace orrery {

template <class Tag> struct Id {
  static constexpr std::uint32_t no_value = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t value = no_value;

  constexpr Id() = default;
  constexpr explicit Id(std::size_t v) : value(static_cast<std::uint32_t>(v)) {}
  constexpr bool valid() const { return value != no_value; }
  constexpr std::size_t index() const { return value; }
  friend constexpr auto operator<=>(Id, Id) = default;
};

using VertexId = Id<struct VertexTag>;          // a place in the fabric: device, NIC, switch, memory pool
using LinkId = Id<struct LinkTag>;              // one direction of one cable or bundle of cables
using LinkClassId = Id<struct LinkClassTag>;    // "nvlink3", "infiniband-hdr-200"
using DeviceId = Id<struct DeviceTag>;          // an accelerator, numbered over the whole cluster
using DeviceTypeId = Id<struct DeviceTypeTag>;  // "nvidia-a100-sxm4-80gb"
using DomainId = Id<struct DomainTag>;          // a set of devices that share one network level
using QueueId = Id<struct QueueTag>;            // (device, stream)
using QueueSetId = Id<struct QueueSetTag>;      // the queues that one operation occupies
using SequenceId = Id<struct SequenceTag>;      // kernels launched back to back
using PatternId = Id<struct PatternTag>;        // flows that move together
using MemoryEffectId = Id<struct MemoryEffectTag>;
using OpId = Id<struct OpTag>;              // an operation inside one Program
using FragmentId = Id<struct FragmentTag>;  // a Program handed to the engine

}  // namespace orrery

template <class Tag> struct std::hash<orrery::Id<Tag>> {
  std::size_t operator()(orrery::Id<Tag> id) const noexcept { return std::hash<std::uint32_t>{}(id.value); }
};
