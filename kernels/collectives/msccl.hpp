// Collective schedules in the XML of MSCCL (Cowan et al., MSCCLang, ASPLOS 2023): <algo> holds one <gpu> per rank, each its
// thread blocks <tb> with one peer to send to and one to receive from, each its <step>s in order:
//   s send, r receive, cpy local copy, re local reduction, nop; rcs receive, copy, send on; rrc receive, reduce, keep;
//   rrs receive, reduce, send on; rrcs receive, reduce, keep, send on. depid and deps name a step to wait for.
// A message waits in a buffer of the connection (sender, receiver, channel) until it is received, in order, so that it
// becomes a send into a mailbox and a local step out of it. Sends that depend on as many messages before them share a
// round. Local work is taken to cost nothing: it is part of what the library's kernels reach. minBytes and maxBytes (inclusive;
// 0 or absent: any) say which buffers a library would run it for, as in RCCL.
// Refused, naming the place: XML that is not such a program, steps that wait for each other for ever, messages without a
// counterpart, two steps that touch a chunk in no defined order, a wrong result on some rank (interpreter.hpp), and more chunks
// and messages than can be proved in 2 GB.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "kernels/collectives/user_schedule.hpp"

namespace orrery {

// SpecError with `file` for whatever is wrong.
UserSchedule parse_msccl(std::string_view xml, const std::string& file);
std::shared_ptr<const UserSchedule> read_msccl(const std::filesystem::path&);

}  // namespace orrery
