// Names of a measured row that the library does not have, replaced by their nearest relatives: an accelerator by another
// board of the same product, a link by the same technology at that rate, a wiring by its family, a data type by the one its
// spelling contains; what the row leaves out about wiring inside the node follows from the accelerator. Every replacement
// is noted as a rule that was used. A name without a relative stays, so that the row is listed with the library's complaint.
#pragma once

#include "scenarios/measured_rules.hpp"
#include "sim/spec.hpp"

namespace orrery {

MeasuredRow with_known_names(const MeasuredRow&, const Library&, RulesUsed&);

// A kernel's row: its accelerator as the library has it, with the facts of it that rules ask for.
MeasuredRow with_known_accelerator(const MeasuredRow&, const std::string& accelerator, const Library&, RulesUsed&);

// "fp16", "FP8", "bfloat16", "half", "bf16-mixed", "fp16 inputs, fp32 accumulate"; nothing when no type is meant.
std::optional<DataType> data_type_of(std::string_view spelling);

}  // namespace orrery
