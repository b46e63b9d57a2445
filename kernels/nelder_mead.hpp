// Minimizes a function of a few variables without derivatives: the simplex of Nelder and Mead (Computer Journal, 1965) with
// the usual coefficients (1, 2, 1/2, 1/2), restarted around its best point until a restart gains nothing. Deterministic.
// For a handful of variables of comparable scale; finds a local minimum.
#pragma once

#include <functional>
#include <vector>

namespace orrery {

struct Minimum {
  std::vector<double> at;
  double value = 0;
  int evaluations = 0;
};

Minimum nelder_mead(const std::function<double(const std::vector<double>&)>& function, std::vector<double> start,
                    double step, int max_evaluations);

}  // namespace orrery
