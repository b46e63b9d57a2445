// A file as one string, for what is parsed or hashed whole and is small. What may be large or has a cause to tell (JSON,
// logs) reads by itself.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace orrery {

// Nothing where no file can be read there (absent, a folder, no permission).
std::optional<std::string> whole_file(const std::filesystem::path&);

}  // namespace orrery
