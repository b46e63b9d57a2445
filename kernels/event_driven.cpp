#include "kernels/event_driven.hpp"

#include <cmath>

#include "kernels/device_rates.hpp"
#include "kernels/energy.hpp"
#include "kernels/roofline.hpp"

namespace orrery {

KernelTerms event_driven(const Kernel& kernel, const DeviceContext& context) {
  if (kernel.kind != KernelKind::spiking_step) return roofline(kernel, context);
  const EventParameters& events = context.calibration.events;
  const double cores = core_count(context.device);
  const double neurons = static_cast<double>(kernel.n), arriving = static_cast<double>(kernel.k);
  constexpr double pico = 1e-12;
  KernelTerms terms;
  terms.launch_s = events.barrier.value * kernel.launches;
  terms.compute_s = std::ceil(neurons / cores) * events.neuron_update.value +
                    std::ceil(arriving / cores) * events.synaptic_event.value;
  terms.compute_name = arriving * events.synaptic_event.value > neurons * events.neuron_update.value ? "synaptic events"
                                                                                                     : "neuron updates";
  terms.compute_J = pico * (neurons * events.neuron_update_pJ + arriving * events.synaptic_event_pJ);
  terms.power_cap_W = power_cap_W(context);
  return terms;
}

}  // namespace orrery
