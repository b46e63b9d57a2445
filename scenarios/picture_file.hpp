// A picture that a command is to write: as any result file (output_files.hpp), and with a name that says what it holds, since
// a viewer goes by the name.
#pragma once

#include <filesystem>

namespace orrery {

// UsageError before anything is computed: the name does not end with .svg, or the file cannot or must not be written.
void check_svg_file(const std::filesystem::path&, const std::filesystem::path& input);

}  // namespace orrery
