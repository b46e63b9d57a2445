// Which collective a log of nccl-tests measured, by what its rows print: whether they reduce (sendrecv_perf prints a reduction
// that it does not make), whether they have a root (-1: none), the ratio of the two bandwidths (nccl-tests'
// doc/PERFORMANCE.md: a matter of the collective and the number of ranks) and the count of elements, of the whole buffer or
// of one rank's part. On two ranks several collectives print the same.
#pragma once

#include <string>
#include <vector>

#include "scenarios/nccl_log.hpp"

namespace orrery {

// The one collective that no row speaks against; a note of the log says that it was inferred. UsageError where several
// would fit, or none. `ranks` (0: unknown) counts where the log does not say.
CollectiveKind infer_kind(NcclLog&, std::int64_t ranks);

// What the rows say against their being of this collective over so many ranks; empty: nothing.
std::vector<std::string> kind_warnings(const NcclLog&, CollectiveKind, std::int64_t ranks);

std::string names_of(const std::vector<CollectiveKind>&);  // joined by commas

}  // namespace orrery
