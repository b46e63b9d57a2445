#include "scenarios/validate_baselines.hpp"

#include <cmath>
#include <map>

namespace orrery {

namespace {

struct Sample {
  double model_s, flops_s, memory_s, measured_s;
};

double mean_log_error(const std::vector<Sample>& samples, double a, double b) {
  double sum = 0;
  for (const Sample& s : samples) sum += std::abs(std::log((s.flops_s / a + s.memory_s / b) / s.measured_s));
  return sum / static_cast<double>(samples.size());
}

// Zero where the rows are too few for the numbers to be wrong on them: one number fits one row, two fit two.
struct Fit {
  double mfu = 0, compute = 0, memory = 0;
};

Fit fit(const std::vector<Sample>& samples) {
  Fit f;
  double sum = 0;
  int rated = 0;
  for (const Sample& s : samples) {
    if (!(s.model_s > 0)) continue;
    sum += std::log(s.model_s / s.measured_s);
    ++rated;
  }
  if (rated > 1) f.mfu = std::exp(sum / rated);
  if (samples.size() <= 2) return f;
  // A coarse grid in equal ratios: two numbers need no better.
  double best = 0;
  for (double a = 0.02; a < 1.3; a *= 1.08)
    for (double b = 0.02; b < 1.3; b *= 1.08) {
      const double error = mean_log_error(samples, a, b);
      if (f.compute > 0 && error >= best) continue;
      best = error;
      f.compute = a;
      f.memory = b;
    }
  return f;
}

}  // namespace

std::vector<Baselines> fit_baselines(const std::vector<Prediction>& rows, const std::vector<bool>& counts) {
  std::map<std::string, std::vector<Sample>> groups;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Prediction& p = rows[i];
    if (counts[i] && !p.group.empty() && p.measured && p.hardware_flops_s + p.memory_s > 0)
      groups[p.metric + "/" + p.group].push_back({p.model_flops_s, p.hardware_flops_s, p.memory_s, *p.measured});
  }
  std::map<std::string, Fit> fits;
  for (const auto& [group, samples] : groups) fits[group] = fit(samples);
  std::vector<Baselines> all(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Prediction& p = rows[i];
    if (p.predicted) all[i].power_limit = p.power_limit;
    const auto found = fits.find(p.metric + "/" + p.group);
    if (p.group.empty() || !p.predicted || found == fits.end()) continue;
    if (found->second.mfu > 0 && p.model_flops_s > 0) all[i].constant_mfu = p.model_flops_s / found->second.mfu;
    if (found->second.compute > 0)
      all[i].roofline = p.hardware_flops_s / found->second.compute + p.memory_s / found->second.memory;
  }
  return all;
}

}  // namespace orrery
