// The accelerator of the library that a publication's name means ("NVIDIA H100 80GB HBM3", "H100 SXM", "A100 PCIe 80 GB"): a
// board of the same product in the form that is named. Boards of another form have other clocks, memories and limits: they
// are no relatives.
#pragma once

#include <string>
#include <vector>

namespace orrery {

struct NearestBoard {
  std::string name;           // "" = none
  bool form_assumed = false;  // the name does not say it
};

// `slots`: the boards of a row whose name says no form sit in PCIe slots. `known`: names of the library, sorted.
// CannotSimulate where the library has boards of that product in other forms only.
NearestBoard nearest_board(const std::string& name, bool slots, const std::vector<std::string>& known);

}  // namespace orrery
