// How long the records of a job would take if no device and no link were slow (see analysis/even_pace.hpp): at the fastest clock
// of the job's devices, over whole links, and no longer than where a device of the same stage does the same. Assumed: a slow
// clock, link or kind of device stretches a record in proportion to what it takes alone. What devices that are alike take from
// each other on shared links stays as it was.
#pragma once

#include <vector>

#include "analysis/job_view.hpp"
#include "analysis/kernel_profile.hpp"

namespace orrery {

// By record; empty where nothing would be quicker than it was.
std::vector<double> even_lengths(const JobView&, const Cluster&, KernelProfiles&);

}  // namespace orrery
