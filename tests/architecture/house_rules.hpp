// What a reader may rely on in every file: a header opens by saying what it models, no file is too long to read, and
// nothing written into the repository holds only on the machine it was written on.
#pragma once

#include <vector>

#include "tests/architecture/source_tree.hpp"

namespace orrery::architecture {

// Every .hpp starts with a comment of at least two lines (#pragma once may stand before it).
std::vector<Finding> check_opening_comments(const std::vector<SourceFile>& files);

// No C++, CMake, shell or Python file is over 600 lines.
std::vector<Finding> check_lengths(const std::vector<SourceFile>& files);

// No text names an absolute path below somebody's home or working folder.
std::vector<Finding> check_machine_paths(const std::vector<SourceFile>& files);

}  // namespace orrery::architecture
