#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "analysis/html_report.hpp"
#include "analysis/markup.hpp"
#include "analysis/text_style.hpp"
#include "sim/unit_text.hpp"

namespace orrery {
namespace {

using Kind = HtmlColumn::Kind;
constexpr std::string_view blue = "#0072B2", vermilion = "#D55E00", pale = "#CBD2DB";
constexpr std::string_view memory_colours[] = {"#0072B2", "#56B4E9", "#CC79A7", "#E69F00", "#009E73"};
constexpr std::size_t most_stages = 32;

std::string seconds(double s) { return s > 0 ? human(Seconds(s)) : "-"; }
std::string share(double part, double whole) { return part > 0 && whole > 0 ? percent_text(part / whole) : "-"; }

std::string devices_text(const JobMetrics& job) {
  std::string text;
  for (const auto& [model, count] : job.devices_by_model)
    text += fmt::format("{}{:.0f} × {}", text.empty() ? "" : " + ", count, model);
  return text.empty() ? fmt::format("{:.0f}", job.devices) : text;
}

std::string dollars(double value) { return count_text(value) + " USD"; }

void add_training_cards(const JobMetrics& job, std::vector<HtmlCard>& cards) {
  if (job.time_to_train_s)
    cards.push_back({"Time to train", fmt::format("{:.3g} days", *job.time_to_train_s / 86400),
                     job.energy_to_train_J ? fmt::format("{:.3g} MWh, without failures", *job.energy_to_train_J / 3.6e9)
                                           : "without failures"});
  if (job.reliability) {
    const GoodputMetrics& r = *job.reliability;
    cards.push_back(
        {"Goodput", percent_text(r.goodput),
         fmt::format("{}a failure every {}, a checkpoint every {}; {}",
                     r.time_to_train_s ? fmt::format("{:.3g} days with failures; ", *r.time_to_train_s / 86400) : "",
                     seconds(r.mtbf_s), seconds(r.checkpoint_interval_s), r.basis)});
  }
  if (!job.cost) return;
  const CostMetrics& cost = *job.cost;
  if (cost.training_USD) {
    const double low = cost.training_low_USD.value_or(0), high = cost.training_high_USD.value_or(0);
    cards.push_back(
        {"Cost to train", dollars(*cost.training_USD),
         (low < high ? fmt::format("{} to {}; ", dollars(low), dollars(high)) : std::string()) + cost.basis});
  } else if (cost.per_million_tokens_USD) {
    cards.push_back({"Cost per million tokens", fmt::format("{:.3g} USD", *cost.per_million_tokens_USD), cost.basis});
  }
}

std::string summary(const JobMetrics& job) {
  std::vector<HtmlCard> cards;
  const std::string band = job.iteration_s_low && job.iteration_s_high
                               ? fmt::format("90 % band {} to {}; ", seconds(*job.iteration_s_low),
                                             seconds(*job.iteration_s_high))
                               : "";
  cards.push_back({"Iteration", seconds(job.iteration_s), band + devices_text(job)});
  if (job.tokens_per_s > 0)
    cards.push_back({"Throughput", count_text(job.tokens_per_s) + " tokens/s",
                     fmt::format("{} per device; {} samples/s", count_text(job.tokens_per_s_per_device),
                                 count_text(job.samples_per_s))});
  if (job.mfu)
    cards.push_back(
        {"MFU", percent_text(*job.mfu),
         fmt::format("{} per device{}", human(FlopsPerSecond(job.model_tflops_per_device.value_or(0) * 1e12)),
                     job.hfu ? "; HFU " + percent_text(*job.hfu) : "")});
  const double capacity = job.mean.memory_capacity_bytes;
  const double peak = job.mean.memory_peak_bytes;  // of the device with least room, as its capacity is
  cards.push_back({"Memory, fullest device", human(Bytes(peak)),
                   job.feasible ? (capacity > 0 ? fmt::format("fits: {} of {}", percent_text(peak / capacity),
                                                              human(Bytes(capacity)))
                                                : "capacity unknown")
                                : fmt::format("{}does not fit: {} short", job.short_pool() ? "memory pool " : "",
                                              human(Bytes(job.shortfall_bytes))),
                   !job.feasible});
  if (job.energy_J > 0)
    cards.push_back({"Power", human(Watts(job.average_power_W)),
                     fmt::format("{} per device; {} per iteration",
                                 human(Watts(job.devices > 0 ? job.average_power_W / job.devices : 0)),
                                 human(Joules(job.energy_J)))});
  add_training_cards(job, cards);
  return html_cards(cards);
}

// All stages, or of very many an even choice that keeps the first and the last.
std::vector<const StageMetrics*> shown_stages(const JobMetrics& job) {
  std::vector<const StageMetrics*> shown;
  const std::size_t n = job.stages.size(), step = (n + most_stages - 1) / most_stages;
  for (std::size_t i = 0; i < n; ++i)
    if (i % std::max<std::size_t>(1, step) == 0 || i + 1 == n) shown.push_back(&job.stages[i]);
  return shown;
}

std::string time_section(const JobMetrics& job) {
  HtmlTable table;
  table.columns = {{"stage", Kind::text},     {"", Kind::bar},          {"compute", Kind::number},
                   {"exposed", Kind::number}, {"bubble", Kind::number}, {"other", Kind::number}};
  const auto row = [&](const std::string& name, const StageMetrics& s) {
    table.rows.push_back({name, html_bar(iteration_parts(s), job.iteration_s), seconds(s.compute_s),
                          seconds(s.exposed_communication_s), seconds(s.bubble_s), seconds(s.other_s)});
  };
  const auto stages = shown_stages(job);
  for (const StageMetrics* s : stages) row(fmt::format("{}", s->stage), *s);
  table.total = job.stages.size() > 1;
  if (table.total) row("mean", job.mean);
  const std::string which = stages.size() < job.stages.size()
                                ? fmt::format("{} of {} pipeline stages", stages.size(), job.stages.size())
                            : job.stages.size() > 1 ? fmt::format("{} pipeline stages", job.stages.size())
                                                    : "one stage";
  return html_section("Where the iteration goes",
                      fmt::format("{}; mean over the devices of a stage; the parts of a row sum to the iteration, {}",
                                  which, seconds(job.iteration_s)),
                      iteration_legend() + html_table(table));
}

std::vector<std::pair<std::string, double>> by_size(const std::map<std::string, double>& values) {
  std::vector<std::pair<std::string, double>> order(values.begin(), values.end());
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return order;
}

std::string kernel_section(const JobMetrics& job) {
  if (job.mean.compute_by_kernel_s.empty()) return "";
  HtmlTable table;
  table.columns = {{"kernel", Kind::text}, {"", Kind::bar}, {"time", Kind::number}, {"share", Kind::number}};
  const auto order = by_size(job.mean.compute_by_kernel_s);
  for (const auto& [name, time] : order)
    table.rows.push_back(
        {name, html_bar({{time, blue, ""}}, order.front().second), seconds(time), share(time, job.iteration_s)});
  std::string phases;
  for (const auto& [name, time] : by_size(job.mean.compute_by_phase_s))
    phases += fmt::format("{}{} {}", phases.empty() ? "" : ", ", name, share(time, job.iteration_s));
  return html_section(
      "Compute by kernel",
      fmt::format("mean over all devices, share of the iteration{}", phases.empty() ? "" : "; by phase: " + phases),
      html_table(table));
}

std::string communication_section(const JobMetrics& job) {
  if (job.mean.communication_by_collective_s.empty()) return "";
  HtmlTable table;
  table.columns = {{"collective", Kind::text},
                   {"", Kind::bar},
                   {"exposed", Kind::number},
                   {"share", Kind::number},
                   {"in flight", Kind::number}};
  const auto order = by_size(job.mean.communication_by_collective_s);
  for (const auto& [name, in_flight] : order) {
    const auto at = job.mean.exposed_by_collective_s.find(name);
    const double open = at == job.mean.exposed_by_collective_s.end() ? 0 : at->second;
    table.rows.push_back({name,
                          html_bar({{open, vermilion, "exposed"}, {std::max(0.0, in_flight - open), pale, "hidden"}},
                                   order.front().second),
                          seconds(open), share(open, job.iteration_s), seconds(in_flight)});
  }
  return html_section("Communication", "mean over all devices; exposed: nothing else runs on the device meanwhile",
                      html_legend({{"exposed", vermilion}, {"hidden behind compute", pale}}) + html_table(table));
}

std::string memory_section(const JobMetrics& job) {
  if (job.memory_peak_bytes <= 0) return "";
  HtmlTable table;
  table.columns = {{"stage", Kind::text}, {"", Kind::bar}};
  std::vector<HtmlLegendEntry> legend;
  for (std::size_t i = 0; i < memory_category_names.size(); ++i) {
    table.columns.push_back({std::string(memory_category_names[i]), Kind::number});
    legend.push_back({memory_category_names[i], memory_colours[i]});
  }
  table.columns.push_back({"peak", Kind::number});
  double capacity = 0, least = 0;
  for (const StageMetrics* s : shown_stages(job)) {
    capacity = std::max(capacity, s->memory_capacity_bytes);
    if (least == 0 || s->memory_capacity_bytes < least) least = s->memory_capacity_bytes;
  }
  const double full = std::max(capacity, job.memory_peak_bytes);
  for (const StageMetrics* s : shown_stages(job)) {
    std::vector<HtmlBarPart> parts;
    std::vector<std::string> row = {fmt::format("{}", s->stage), ""};
    for (std::size_t i = 0; i < s->memory_peak_by_category_bytes.size(); ++i) {
      const double held = s->memory_peak_by_category_bytes[i];
      parts.push_back({held, memory_colours[i], std::string(memory_category_names[i])});
      row.push_back(held > 0 ? human(Bytes(held)) : "-");
    }
    row[1] = html_bar(parts, full, s->memory_capacity_bytes > 0 ? s->memory_capacity_bytes : -1);
    row.push_back(human(Bytes(s->memory_peak_bytes)));
    table.rows.push_back(std::move(row));
  }
  const std::string range = least < capacity ? human(Bytes(least)) + " to " : "";
  const std::string of = capacity > 0 ? fmt::format("; the mark is the capacity, {}{}", range, human(Bytes(capacity)))
                                      : "";
  return html_section("Memory at its peak", "fullest device of each stage" + of,
                      html_legend(legend) + html_table(table));
}

std::string energy_section(const JobMetrics& job) {
  if (!(job.energy_J > 0)) return "";  // none, or unknown
  HtmlTable table;
  table.columns = {{"consumer", Kind::text},
                   {"", Kind::bar},
                   {"energy", Kind::number},
                   {"mean power", Kind::number},
                   {"share", Kind::number}};
  const std::pair<const char*, double> sources[] = {{"kernels (dynamic)", job.energy.compute_J},
                                                    {"links (dynamic)", job.energy.transfer_J},
                                                    {"idle and leakage", job.energy.static_J},
                                                    {"host, fans, NICs", job.energy.host_J},
                                                    {"switches, cables", job.energy.network_J}};
  for (const auto& [name, joules] : sources)
    if (joules > 0)
      table.rows.push_back({name, html_bar({{joules, "#009E73", ""}}, job.energy_J), human(Joules(joules)),
                            human(Watts(joules / job.iteration_s)), share(joules, job.energy_J)});
  return html_section("Energy per iteration", fmt::format("all devices: {}", human(Joules(job.energy_J))),
                      html_table(table));
}

}  // namespace

std::vector<HtmlBarPart> iteration_parts(const StageMetrics& s) {
  const std::pair<const char*, double> parts[] = {{"compute", s.compute_s},
                                                  {"exposed communication", s.exposed_communication_s},
                                                  {"bubble", s.bubble_s},
                                                  {"waiting and other", s.other_s}};
  std::vector<HtmlBarPart> all;
  for (std::size_t i = 0; i < 4; ++i)
    all.push_back({parts[i].second, part_colours[i], fmt::format("{} {}", parts[i].first, seconds(parts[i].second))});
  return all;
}

std::string iteration_legend() {
  return html_legend({{"compute", part_colours[0]},
                      {"exposed communication", part_colours[1]},
                      {"pipeline bubble", part_colours[2]},
                      {"waiting for slower devices or links, other", part_colours[3]}});
}

std::string html_job(const JobMetrics& job) {
  std::string html = summary(job);
  if (job.iteration_s > 0) html += time_section(job) + kernel_section(job) + communication_section(job);
  html += memory_section(job);
  if (job.iteration_s > 0) html += energy_section(job);
  return html;
}

}  // namespace orrery
