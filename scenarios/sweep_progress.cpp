#include "scenarios/sweep_progress.hpp"

#include <cmath>

#include <fmt/format.h>
#include <unistd.h>

#include "scenarios/console.hpp"

namespace orrery {

namespace {

std::string troubles(const SweepCounts& counts) {
  std::string text;
  if (counts.infeasible > 0) text += fmt::format("  {} infeasible", counts.infeasible);
  if (counts.invalid > 0) text += fmt::format("  {} invalid", counts.invalid);
  if (counts.failed > 0) text += fmt::format("  {} failed", counts.failed);
  return text;
}

}  // namespace

std::string rough_duration(double seconds) {
  if (seconds < 9.95) return fmt::format("{:.1f} s", seconds);
  const long all = std::lround(seconds);
  if (all >= 3600) return fmt::format("{} h {:02} min", all / 3600, all % 3600 / 60);
  if (all >= 60) return fmt::format("{} min {:02} s", all / 60, all % 60);
  return fmt::format("{} s", all);
}

SweepProgress::SweepProgress(const Sweep& sweep) : sweep_(sweep), terminal_(::isatty(STDERR_FILENO) == 1) {}

SweepProgress::~SweepProgress() {
  if (terminal_ && drawn_ != Clock::time_point{}) print_error("\r\033[K");
}

void SweepProgress::draw(const SweepCounts& counts) {
  constexpr std::size_t width = 24;
  const std::size_t stored = counts.before + counts.done;
  const std::size_t full = width * stored / counts.total;
  const double elapsed = std::chrono::duration<double>(Clock::now() - started_).count();
  const double rate = static_cast<double>(counts.done) / std::max(elapsed, 1e-3);
  const double left = static_cast<double>(counts.total - stored) / rate;
  print_error(fmt::format("\r[{}{}] {}/{}  {:.3g} points/s  {} left{}\033[K", std::string(full, '#'),
                          std::string(width - full, '.'), stored, counts.total, rate, rough_duration(left),
                          troubles(counts)));
}

void SweepProgress::tell(const StoredPoint& point, const SweepCounts& counts) {
  if (terminal_) {
    const bool last = counts.before + counts.done == counts.total;
    if (!last && Clock::now() - drawn_ < std::chrono::milliseconds(100)) return;
    drawn_ = Clock::now();
    return draw(counts);
  }
  std::string text = fmt::format("{}/{} point {}:", counts.before + counts.done, counts.total, point.point);
  for (const auto& entry : point.inputs.items())
    text += fmt::format(" {}={}", entry.key(),
                        entry.value().is_string() ? entry.value().get<std::string>() : entry.value().dump());
  text += ": " + point.status;
  if (!point.reason.empty()) text += ": " + point.reason;
  if (point.status == "ok" && !sweep_.metrics.empty()) {
    const std::string& first = sweep_.metrics.front();
    const Json value = point.metrics.value(first, Json());
    text += fmt::format(" {}={}", first, value.is_number() ? fmt::format("{:.5g}", value.get<double>()) : value.dump());
  }
  print_error(text + "\n");
}

}  // namespace orrery
