// Names of a measured row that the library does not have, replaced by their nearest relatives: an accelerator by another
// board of the same product, a link by the same technology at that rate, a wiring by its family, a data type by the one its
// spelling contains; what the row leaves out about wiring inside the node follows from the accelerator. Every replacement
// is noted as a rule that was used. A name without a relative stays, so that the row is listed with the library's complaint.
#pragma once

#include "scenarios/measured_rules.hpp"
#include "sim/spec.hpp"

namespace orrery {

MeasuredRow with_known_names(const MeasuredRow&, const Library&, RulesUsed&);

}  // namespace orrery
