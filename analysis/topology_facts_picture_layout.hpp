// Where the boxes of a picture stand, how large it is, and where its words go (topology_facts_picture.hpp): in rows by what
// they are, or as the single network that they form is wired. Nothing is drawn here.
#pragma once

#include "analysis/topology_facts_picture.hpp"

namespace orrery {

void assign_rows(TopologyPicture&);
// Boxes in their rows, or the devices of a single network as the grid or in the circle that they are wired in.
void place_rows(TopologyPicture&);
void place_grid(TopologyPicture&, const std::vector<int>& dimensions);
void place_circle(TopologyPicture&);
// Moves everything into a page that holds it, labels and legend included.
void fit(TopologyPicture&);

}  // namespace orrery
