#include "scenarios/commands/commands.hpp"

#include "scenarios/commands/run.hpp"

namespace orrery {

static constexpr CatalogEntry<DeclareCommand> table[] = {
    {"run", "simulate a scenario and report time, efficiency, memory and energy", declare_run},
};

std::span<const CatalogEntry<DeclareCommand>> commands() { return table; }

}  // namespace orrery
