// The shipped error bands (kernels/calibration/bands.json) applied to what commands predict: kernels carry the band of
// their class; a training step the combination over its critical path (see analysis/error_band.hpp). Collectives are of
// the class of the links they cross. A collective
// by itself whose rounds take longer than its bytes is of a class of its own; those of training steps are mostly long.
#pragma once

#include <span>

#include "analysis/error_band.hpp"
#include "analysis/metrics.hpp"
#include "sim/kernel.hpp"
#include "sim/routes.hpp"

namespace orrery {

struct PlacedJob;

// Of the library, else of the installed data.
ErrorBands load_error_bands(const Library&);

// Time by class: kernels inside and outside the range that was measured of them, exposed communication by whether it left
// a node or was a copy over the host's bus.
ClassShares step_shares(const ErrorBands&, const JobMetrics&);
void add_share(ClassShares&, const ErrorBands&, KernelKind, double seconds, bool measured);
ClassShares link_shares(std::string_view link_class, bool latency_bound);
// "scale-up", "scale-out", "host-bus" where the fullest link of a pattern is PCIe, or "bridged-pair" where scale-up links
// join two devices only.
std::string_view link_class_of(const Cluster&, const RoutedPattern&);

// Writes iteration_s_low and iteration_s_high of every job that completed an iteration, on devices of families that were
// compared with measurements: errors of other kinds of silicon say nothing of the others. What its software gives as a
// constant (loads of bitstreams) does not err.
void add_error_bands(Metrics&, const Cluster&, std::span<const PlacedJob>, const Library&);

}  // namespace orrery
