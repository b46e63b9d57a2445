// An all-reduce in MSCCL's XML whose ranks do unlike things: sums go along a chain to rank 0 and come back along it, so that
// the ends of the chain send and receive half of what the ranks between them do.
#pragma once

#include <string>

#include "kernels/collectives/msccl.hpp"

namespace orrery::testing {

inline std::string chain_xml(int ranks, const std::string& protocol = "Simple") {
  const auto block = [](int id, int send, int receive, const char* type, const char* wait) {
    return "<tb id=\"" + std::to_string(id) + "\" send=\"" + std::to_string(send) + "\" recv=\"" +
           std::to_string(receive) + "\" chan=\"0\"><step s=\"0\" type=\"" + type +
           "\" srcbuf=\"i\" srcoff=\"0\" dstbuf=\"i\" dstoff=\"0\" cnt=\"1\" " + wait + "/></tb>";
  };
  const char *at_once = R"(depid="-1" deps="-1")", *after_sum = R"(depid="0" deps="0")";
  std::string xml = "<algo name=\"chain\" proto=\"" + protocol + "\" ngpus=\"" + std::to_string(ranks) +
                    R"(" coll="allreduce" inplace="1">)";
  for (int r = 0; r < ranks; ++r) {
    const bool first = r == 0, last = r + 1 == ranks;
    xml += "<gpu id=\"" + std::to_string(r) + R"(" i_chunks="1" o_chunks="1" s_chunks="0">)";
    xml += block(0, r - 1, last ? -1 : r + 1, first ? "rrc" : last ? "s" : "rrs", at_once);
    xml += block(1, last ? -1 : r + 1, r - 1, first ? "s" : last ? "r" : "rcs", first ? after_sum : at_once);
    xml += "</gpu>";
  }
  return xml + "</algo>";
}

inline UserSchedule chain_schedule(int ranks) { return parse_msccl(chain_xml(ranks), "chain.xml"); }

}  // namespace orrery::testing
