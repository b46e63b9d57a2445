#include "kernels/nelder_mead.hpp"

#include <algorithm>
#include <cmath>

namespace orrery {

namespace {

struct Vertex {
  std::vector<double> at;
  double value = 0;
};

using Function = std::function<double(const std::vector<double>&)>;

class Simplex {
 public:
  Simplex(const Function& function, const std::vector<double>& start, double step, int& evaluations)
      : function_(function), evaluations_(evaluations) {
    vertices_.push_back(evaluate(start));
    for (std::size_t i = 0; i < start.size(); ++i) {
      auto moved = start;
      moved[i] += step;
      vertices_.push_back(evaluate(std::move(moved)));
    }
    order();
  }

  const Vertex& best() const { return vertices_.front(); }
  double spread() const { return vertices_.back().value - vertices_.front().value; }

  void advance() {
    Vertex& worst = vertices_.back();
    const Vertex reflected = along(-1);
    if (reflected.value < best().value) {
      Vertex expanded = along(-2);
      worst = expanded.value < reflected.value ? std::move(expanded) : reflected;
    } else if (reflected.value < vertices_[vertices_.size() - 2].value) {
      worst = reflected;
    } else {
      Vertex contracted = along(reflected.value < worst.value ? -0.5 : 0.5);
      if (contracted.value < std::min(reflected.value, worst.value))
        worst = std::move(contracted);
      else
        shrink();
    }
    order();
  }

 private:
  Vertex evaluate(std::vector<double> at) {
    ++evaluations_;
    const double value = function_(at);
    return {std::move(at), value};
  }

  // The point centroid + t (worst - centroid), the centroid taken without the worst vertex.
  Vertex along(double t) {
    const std::size_t n = vertices_.size() - 1;
    std::vector<double> point(n);
    for (std::size_t i = 0; i < n; ++i) {
      double centroid = 0;
      for (std::size_t v = 0; v < n; ++v) centroid += vertices_[v].at[i] / static_cast<double>(n);
      point[i] = centroid + t * (vertices_[n].at[i] - centroid);
    }
    return evaluate(std::move(point));
  }

  void shrink() {
    for (std::size_t v = 1; v < vertices_.size(); ++v) {
      auto at = vertices_[v].at;
      for (std::size_t i = 0; i < at.size(); ++i) at[i] = (at[i] + best().at[i]) / 2;
      vertices_[v] = evaluate(std::move(at));
    }
  }

  void order() {
    std::stable_sort(vertices_.begin(), vertices_.end(),
                     [](const Vertex& a, const Vertex& b) { return a.value < b.value; });
  }

  const Function& function_;
  int& evaluations_;
  std::vector<Vertex> vertices_;
};

}  // namespace

Minimum nelder_mead(const Function& function, std::vector<double> start, double step, int max_evaluations) {
  constexpr double tolerance = 1e-9;
  Minimum minimum{std::move(start), 0, 0};
  minimum.value = function(minimum.at);
  for (bool gaining = true; gaining && minimum.evaluations < max_evaluations; step /= 2) {
    Simplex simplex(function, minimum.at, step, minimum.evaluations);
    while (simplex.spread() > tolerance && minimum.evaluations < max_evaluations) simplex.advance();
    gaining = simplex.best().value < minimum.value - 1e-6;
    if (simplex.best().value <= minimum.value) {
      minimum.at = simplex.best().at;
      minimum.value = simplex.best().value;
    }
  }
  return minimum;
}

}  // namespace orrery
