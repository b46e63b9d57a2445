// Whether a fault says that its reader does not know a key, by what the spec reader expects there (sim/spec_reader.cpp): a
// pointer of the user's that leads to such a key leads nowhere.
#pragma once

#include "sim/error.hpp"

namespace orrery {

inline bool is_unknown_key(const Fault& fault) {
  return fault.expected == "a known key" || fault.expected.starts_with("one of the keys ");
}

}  // namespace orrery
