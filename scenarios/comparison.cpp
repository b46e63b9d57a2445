#include "scenarios/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "analysis/metrics_from_json.hpp"

namespace orrery {
namespace {

bool is_commentary(const std::string& key) {
  return key == "sources" || key == "description" || key == "notes" || key == "title" || key == "as_of";
}

void diff(const Json& before, const Json& after, const std::string& pointer, std::vector<InputChange>& into) {
  if (before == after) return;
  if (before.is_object() && after.is_object()) {
    for (const auto& [key, value] : before.items())
      if (!is_commentary(key))
        diff(value, after.contains(key) ? after.at(key) : Json(), pointer_to(pointer, key), into);
    for (const auto& [key, value] : after.items())
      if (!is_commentary(key) && !before.contains(key)) diff(Json(), value, pointer_to(pointer, key), into);
    return;
  }
  const auto of_structures = [](const Json& list) { return !list.empty() && list[0].is_structured(); };
  if (before.is_array() && after.is_array() && (of_structures(before) || of_structures(after))) {
    for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i)
      diff(i < before.size() ? before[i] : Json(), i < after.size() ? after[i] : Json(),
           pointer_to(pointer, std::to_string(i)), into);
    return;
  }
  into.push_back({pointer, before, after});
}

// The numbers of a metrics object by name; stages have tables of their own.
void collect(const Json& object, const std::string& prefix, std::map<std::string, double>& into) {
  for (const auto& [key, value] : object.items()) {
    if (key == "stages" || key == "iterations_s") continue;
    if (value.is_number()) into[prefix + key] = value.get<double>();
    if (value.is_object()) collect(value, prefix + key + "/", into);
  }
}

void compare_metrics(const Json& before, const Json& after, JobComparison& job) {
  std::map<std::string, double> a, b;
  collect(before, "", a);
  collect(after, "", b);
  std::vector<MetricChange>& all = job.metrics;
  for (const auto& [name, value] : a) {
    if (!b.contains(name))
      job.vanished.push_back({name, value, 0});
    else if (b[name] != value)
      all.push_back({name, value, b[name]});
  }
  for (const auto& [name, value] : b)
    if (!a.contains(name)) job.appeared.push_back({name, 0, value});
  const auto size = [](const MetricChange& m) { return std::abs(m.relative().value_or(HUGE_VAL)); };
  std::stable_sort(all.begin(), all.end(),
                   [&](const MetricChange& x, const MetricChange& y) { return size(x) > size(y); });
}

void add_shares(const std::string& kind, const std::map<std::string, double>& before,
                const std::map<std::string, double>& after, std::vector<TimeShare>& into) {
  std::map<std::string, TimeShare> all;
  for (const auto& [name, time] : before) all[name].before_s = time;
  for (const auto& [name, time] : after) all[name].after_s = time;
  for (auto& [name, share] : all) into.push_back({kind, name, share.before_s, share.after_s});
}

void sort_by_change(std::vector<TimeShare>& shares) {
  std::stable_sort(shares.begin(), shares.end(), [](const TimeShare& a, const TimeShare& b) {
    return std::abs(a.change_s()) > std::abs(b.change_s());
  });
}

JobComparison compare_job(const Json& before, const Json& after) {
  const std::string name_before = before.at("name").get<std::string>(),
                    name_after = after.at("name").get<std::string>();
  const JobMetrics a = job_metrics_from_json(name_before, before.at("metrics"));
  const JobMetrics b = job_metrics_from_json(name_after, after.at("metrics"));
  JobComparison job;
  job.name = name_before == name_after ? name_before : name_before + " -> " + name_after;
  compare_metrics(before.at("metrics"), after.at("metrics"), job);
  job.iteration = {"iteration_s", a.iteration_s, b.iteration_s};
  add_shares("kernel", a.mean.compute_by_kernel_s, b.mean.compute_by_kernel_s, job.parts);
  add_shares("exposed", a.mean.exposed_by_collective_s, b.mean.exposed_by_collective_s, job.parts);
  job.parts.push_back({"bubble", "", a.mean.bubble_s, b.mean.bubble_s});
  job.parts.push_back({"waiting for slower devices or links", "", a.mean.waiting_s, b.mean.waiting_s});
  job.parts.push_back({"other", "", a.mean.other_s - a.mean.waiting_s, b.mean.other_s - b.mean.waiting_s});
  sort_by_change(job.parts);
  add_shares("phase", a.mean.compute_by_phase_s, b.mean.compute_by_phase_s, job.phases);
  sort_by_change(job.phases);
  return job;
}

double shortfall_of(const Json& result) {
  double most = 0;
  for (const Json& job : result.at("jobs"))
    most = std::max(most, job_metrics_from_json("", job.at("metrics")).shortfall_bytes);
  return most;
}

const Json* job_named(const Json& result, const Json& name) {
  for (const Json& job : result.at("jobs"))
    if (job.at("name") == name) return &job;
  return nullptr;
}

}  // namespace

Comparison compare_results(const Json& before, const Json& after, std::string name_before, std::string name_after) {
  Comparison comparison;
  comparison.before = std::move(name_before);
  comparison.after = std::move(name_after);
  comparison.before_shortfall_bytes = shortfall_of(before);
  comparison.after_shortfall_bytes = shortfall_of(after);
  diff(before.at("scenario"), after.at("scenario"), "", comparison.inputs);
  const Json &a = before.at("jobs"), &b = after.at("jobs");
  if (a.size() == 1 && b.size() == 1) {
    comparison.jobs.push_back(compare_job(a[0], b[0]));
    return comparison;
  }
  for (const Json& job : a) {
    if (const Json* other = job_named(after, job.at("name")))
      comparison.jobs.push_back(compare_job(job, *other));
    else
      comparison.notes.push_back(
          fmt::format("job {} is only in {}", job.at("name").get<std::string>(), comparison.before));
  }
  for (const Json& job : b)
    if (!job_named(before, job.at("name")))
      comparison.notes.push_back(
          fmt::format("job {} is only in {}", job.at("name").get<std::string>(), comparison.after));
  return comparison;
}

Json comparison_json(const Comparison& comparison) {
  Json json;
  json["before"] = comparison.before;
  json["after"] = comparison.after;
  json["feasible"] = {{"before", comparison.before_shortfall_bytes == 0},
                      {"after", comparison.after_shortfall_bytes == 0}};
  json["inputs"] = Json::array();
  for (const InputChange& change : comparison.inputs)
    json["inputs"].push_back({{"pointer", change.pointer}, {"before", change.before}, {"after", change.after}});
  json["jobs"] = Json::array();
  for (const JobComparison& job : comparison.jobs) {
    Json one;
    one["name"] = job.name;
    one["iteration_s"] = {{"before", job.iteration.before},
                          {"after", job.iteration.after},
                          {"change_s", job.iteration.after - job.iteration.before}};
    one["metrics"] = Json::array();
    for (const MetricChange& m : job.metrics)
      one["metrics"].push_back({{"name", m.name},
                                {"before", m.before},
                                {"after", m.after},
                                {"change", m.after - m.before},
                                {"relative", m.relative() ? Json(*m.relative()) : Json(nullptr)}});
    for (const auto& [key, only] : {std::pair("vanished", &job.vanished), std::pair("appeared", &job.appeared)}) {
      one[key] = Json::array();
      for (const MetricChange& m : *only) one[key].push_back({{"name", m.name}, {"value", m.before + m.after}});
    }
    for (const auto& [key, shares] : {std::pair("attribution", &job.parts), std::pair("phases", &job.phases)}) {
      one[key] = Json::array();
      for (const TimeShare& s : *shares)
        one[key].push_back({{"kind", s.kind},
                            {"name", s.name},
                            {"before_s", s.before_s},
                            {"after_s", s.after_s},
                            {"change_s", s.change_s()}});
    }
    json["jobs"].push_back(std::move(one));
  }
  json["notes"] = comparison.notes;
  return json;
}

}  // namespace orrery
