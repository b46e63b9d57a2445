// Names of places in a cluster, as scenarios and reports spell them: "device 3", "nic 12", "switch 0" (of the fabric),
// "node-switch 5", "host 1", "memory 0". Each kind is numbered over the whole cluster in the order of wiring.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/fabric.hpp"

namespace orrery {

class Places {
 public:
  explicit Places(const Fabric&);
  std::optional<VertexId> find(const std::string& name) const;
  // "device 0 to 63, nic 0 to 63, switch 0 to 8": for messages.
  std::string known() const;

 private:
  struct Kind {
    std::string name;
    std::vector<VertexId> all;
  };
  std::vector<Kind> kinds_;
};

}  // namespace orrery
