// What a message of a given size gets of one link, library included: the time of a send and receive between two devices
// that only this link joins, from the cost model that collectives use (`orrery collective send_recv` on such a machine
// says the same). Scale-up and host links join two devices of a node; ports of a network two nodes under one switch, as
// their messages cross a port on either side; wide-area links the two nodes at their ends. Links to memory are read and
// written without a library: latency and the bytes at the payload rate. Nothing else is on the link.
#pragma once

#include <optional>
#include <string>

#include "topologies/cluster_spec.hpp"

namespace orrery {

inline constexpr double ramp_message_bytes = 65536;

struct MessageTime {
  double seconds = 0;
  double rate = 0;          // bytes per second
  double of_line_rate = 0;  // its share of the line rate, one direction
};

class LinkRamp {
 public:
  explicit LinkRamp(const LinkModel&);
  MessageTime at(double bytes) const;
  // From which size a message gets half of the payload rate; none up to 1 TiB: software costs more than the wires ever do.
  std::optional<double> half_rate_bytes() const;
  std::string text() const;  // one line on the message of 64 KiB

 private:
  double seconds(double bytes) const;

  LinkModel link_;
  std::optional<Cluster> machine_;  // none: memory
};

}  // namespace orrery
