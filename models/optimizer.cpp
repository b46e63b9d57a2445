#include "models/optimizer.hpp"

namespace orrery {

void fields(Fields& f, Optimizer& o) {
  f("name", o.name);
  f("title", o.title);
  f("state_bytes", o.state_bytes, Need::optional, non_negative);
  f("traffic_bytes", o.traffic_bytes, Need::optional, positive);
  f("master_weights", o.master_weights);
  f.raw("sources", o.sources);
}

}  // namespace orrery
