// The one dependency rule, checked on every #include:
//   sim/ includes nothing of ours; kernels/, topologies/ and analysis/ include only sim/; models/ includes sim/ and
//   kernels/; scenarios/ composes everything; nobody but tests/ includes scenarios/, and nobody includes tests/.
// And one door per library: SimGrid, Boost.Graph, JSON and the others are each seen by few named files.
// Reads text, not the preprocessor's output: an #include inside a comment block or a string literal counts too.
#pragma once

#include <vector>

#include "tests/architecture/source_tree.hpp"

namespace orrery::architecture {

std::vector<Finding> check_includes(const std::vector<SourceFile>& files);

}  // namespace orrery::architecture
