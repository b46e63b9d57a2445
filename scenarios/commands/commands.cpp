#include "scenarios/commands/commands.hpp"

#include "scenarios/commands/calibrate.hpp"
#include "scenarios/commands/check.hpp"
#include "scenarios/commands/collective.hpp"
#include "scenarios/commands/compare.hpp"
#include "scenarios/commands/export.hpp"
#include "scenarios/commands/kernel.hpp"
#include "scenarios/commands/list.hpp"
#include "scenarios/commands/measure.hpp"
#include "scenarios/commands/merge.hpp"
#include "scenarios/commands/report.hpp"
#include "scenarios/commands/run.hpp"
#include "scenarios/commands/scale.hpp"
#include "scenarios/commands/show.hpp"
#include "scenarios/commands/sweep.hpp"
#include "scenarios/commands/topology.hpp"
#include "scenarios/commands/validate.hpp"

namespace orrery {

static constexpr CatalogEntry<DeclareCommand> table[] = {
    {"run", "simulate a scenario and report time, efficiency, memory and energy", declare_run},
    {"check", "validate scenarios without simulating, all faults at once", declare_check},
    {"scale", "simulate a scenario at other numbers of devices: efficiency, and what limits it", declare_scale},
    {"compare", "compare two results: what differs, what moved, what explains it", declare_compare},
    {"sweep", "simulate a scenario along axes of settings, on all cores, into a database", declare_sweep},
    {"merge", "join the stores of a sweep's shards", declare_merge},
    {"export", "print the results of a sweep as CSV or JSON", declare_export},
    {"report", "write a self-contained HTML page of one or several results", declare_report},
    {"list", "show the names that scenarios can use: hardware, models, topologies, ...", declare_list},
    {"show", "show what a name stands for, with the sources of its figures", declare_show},
    {"calibrate", "fit the kernel models to measured kernels, and error bands to what they miss", declare_calibrate},
    {"kernel", "answer what one kernel costs on one accelerator", declare_kernel},
    {"topology", "what the wiring of a machine is worth: levels, diameter, bisection, diversity", declare_topology},
    {"collective", "time a collective over sizes, as nccl-tests would, beside its log if there is one",
     declare_collective},
    {"measure", "time real kernels on this machine, and compare a device model of it", declare_measure},
    {"validate", "compare predictions with measured runs", declare_validate},
};

std::span<const CatalogEntry<DeclareCommand>> commands() { return table; }

}  // namespace orrery
