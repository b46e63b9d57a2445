#include "sim/simgrid/settings.hpp"

#include <simgrid/s4u/Engine.hpp>
#include <xbt/log.h>

namespace orrery {

void pin_simgrid_settings() {
  xbt_log_control_set("root.thresh:critical");  // what matters reaches us as exceptions or signals
  using simgrid::s4u::Engine;
  Engine::set_config("network/model:CM02");
  Engine::set_config("network/optim:Lazy");
  Engine::set_config("network/crosstraffic:0");  // else each flow also loads 5 % of the way back
  Engine::set_config("network/TCP-gamma:0");     // no window, hence no limit from latency
  Engine::set_config("network/weight-S:0");
  // The latency of a route is 1 and its factor 0: SimGrid takes the latency for the sharing weight of a flow (so it must be
  // the same for all and not 0), and pays latency x factor (we pay latencies ourselves).
  Engine::set_config("network/latency-factor:0");
  Engine::set_config("maxmin/precision:1e-12");  // relative to a capacity
  Engine::set_config("maxmin/concurrency-limit:-1");
  // How close two dates must be to be one. The default (1 ns) would end flows early; with an exact clock (see
  // network.cpp) every date is met exactly, so any positive number will do.
  Engine::set_config("surf/precision:1e-300");
}

}  // namespace orrery
