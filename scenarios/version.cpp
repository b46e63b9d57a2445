#include "scenarios/version.hpp"

namespace orrery {

std::string version() { return ORRERY_VERSION; }

}  // namespace orrery
