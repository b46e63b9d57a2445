// The least bandwidth between two halves of the devices, one direction: by the formula of a regular network, else by
// maximum flow over a few halvings along nodes. See topology_facts.hpp for sources and validity.
#pragma once

#include "analysis/topology_facts.hpp"
#include "analysis/topology_facts_graph.hpp"

namespace orrery {

BisectionFacts bisection(const Fabric&, const FabricGraph&);

// By the formula of its family, for a machine that is one regular network; none for others.
std::optional<BisectionFacts> bisection_by_formula(const Fabric&);
// Cables of the least cut of a mesh of these sizes; a torus has twice as many.
double links_of_least_cut(std::vector<int> sizes);
// Of a twisted torus, and of a grid of an even side whose sides have links of several widths: the least of straight and diagonal
// cuts; none for others.
std::optional<BisectionFacts> bisection_by_cuts(const Fabric&);
// By maximum flow over several ways to halve the devices along nodes; the least counts.
BisectionFacts bisection_by_flow(const Fabric&, const FabricGraph&);

}  // namespace orrery
