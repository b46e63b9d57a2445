#include "kernels/collectives/calibrate.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "sim/error.hpp"

namespace orrery {

RoutedCollectives::RoutedCollectives(std::span<const CollectiveSample> plain) {
  std::map<std::tuple<const Cluster*, CollectiveKind, std::vector<DeviceId>, std::string, std::string>, std::size_t>
      seen;
  for (const CollectiveSample& sample : plain) {
    ORRERY_CHECK(sample.time.value > 0, "a sample took {} s", sample.time.value);
    const auto [slot, fresh] = seen.try_emplace(
        {sample.cluster, sample.kind, sample.members, sample.algorithm, sample.protocol}, options.size());
    if (fresh) {
      options.push_back(collective_options(make_group(*sample.cluster, sample.members), sample.kind, sample.algorithm));
      if (sample.protocol != "auto")
        std::erase_if(options.back(), [&](const CollectiveOption& o) { return o.protocol != sample.protocol; });
    }
    samples.push_back({slot->second, sample.bytes.value, sample.time.value, sample.source});
  }
}

namespace {

double predict(const std::vector<CollectiveOption>& options, const CollectiveCalibration& calibration, double bytes) {
  double least = std::numeric_limits<double>::infinity();
  for (const CollectiveOption& option : options)
    if (const OptionPrice priced = price(option, calibration, bytes); priced.known)
      least = std::min(least, priced.seconds);
  return least;
}

// How far parameters of one kind are thought to lie from their prior, as a factor exp(spread).
constexpr std::array<std::optional<double> LinkParameters::*, 8> link_parameters = {
    &LinkParameters::launch_us,
    &LinkParameters::scale,
    &LinkParameters::added_us,
    &LinkParameters::efficiency,
    &LinkParameters::pipeline,
    &LinkParameters::local_ps_per_byte,
    &LinkParameters::in_switch_efficiency,
    &LinkParameters::tree_efficiency};
constexpr std::array<double, 8> class_spreads = {.3, .5, 1, .1, .7, 1, .3, .1},
                                family_spreads = {.2, .5, 2, .1, .3, .7, .2, .5},
                                spreads_of_link = {.2, .3, .3, .1, .3, .7, .15, .2};
constexpr std::array<std::optional<double> StepParameters::*, 3> step_parameters = {
    &StepParameters::step_us, &StepParameters::efficiency, &StepParameters::launch};
constexpr std::array<double, 3> step_spreads = {.4, .3, .5};
// Shares of a rate, which nothing exceeds.
constexpr std::array<std::optional<double> LinkParameters::*, 3> shares_of_link = {
    &LinkParameters::efficiency, &LinkParameters::in_switch_efficiency, &LinkParameters::tree_efficiency};
constexpr double price_of_moving = 0.02;
constexpr double smoothing = 0.03;  // |ln| below this counts by its square: that close, samples need not be chased

constexpr double unbounded = std::numeric_limits<double>::infinity();

bool is_class(std::string_view link) { return link == "scale-up" || link == "host" || link == "scale-out"; }

// A parameter to fit: its distance from the prior is ln(value / above) or ln(value / start).
struct Knob {
  double* value;
  const double* above;
  double start, spread;
  double most;                 // that it can be
  std::vector<double*> moved;  // itself and, of a class or family, the values that start from it

  double distance() const { return std::log(*value / (above ? *above : start)) / spread; }
};

// The parameters that some samples depend on, brought to their priors.
class Parameters {
 public:
  Parameters(CollectiveCalibration& calibration, const RoutedCollectives& routed, std::span<const double> weights)
      : calibration_(calibration) {
    for (std::size_t i = 0; i < routed.samples.size(); ++i)
      if (weights[i] > 0)
        for (const CollectiveOption& option : routed.options[routed.samples[i].options]) {
          add_link(option.outer_link, option.outer_is_node);
          if (!option.inner_link.empty()) add_link(option.inner_link, true);
          add_link(option.start_link, option.start_is_node);
        }
    bring_to_priors();
    for (LinkCosts& row : calibration_.links)
      if (crossed_.contains(row.link)) add_knobs(row);
    for (StepCosts& row : calibration_.steps)
      for (std::size_t p = 0; p < step_parameters.size(); ++p)
        if (row.prior.*step_parameters[p]) {
          double* value = &*(row.value.*step_parameters[p]);
          const bool share = step_parameters[p] == &StepParameters::efficiency;
          knobs.push_back({value, nullptr, *value, step_spreads[p], share ? 1 : unbounded, {value}});
        }
  }

  std::vector<Knob> knobs;

 private:
  void add_link(const std::string& link, bool scale_up) {
    const std::string over = calibration_.class_of(link, scale_up);
    above_[link] = {link_family(link), over};
    above_[link_family(link)] = {over};
    crossed_.insert({link, link_family(link), over});
  }

  LinkCosts* row(std::string_view link) {
    const auto at = std::find_if(calibration_.links.begin(), calibration_.links.end(),
                                 [&](const LinkCosts& candidate) { return candidate.link == link; });
    return at == calibration_.links.end() ? nullptr : &*at;
  }

  // What earlier fits made goes; links that are crossed get rows of their own. Classes first, then families.
  void bring_to_priors() {
    std::set<std::string> dropped;
    for (LinkCosts& r : calibration_.links)
      if (r.fit) {
        r.value = {};
        r.fit.reset();
        if (!has_prior(r) && r.over.empty()) dropped.insert(r.link);
      }
    std::erase_if(calibration_.links, [&](const LinkCosts& r) { return dropped.contains(r.link); });
    for (const std::string& link : crossed_)
      if (!row(link)) calibration_.links.push_back({link, "", {}, {}, std::nullopt, ""});
    for (LinkCosts& r : calibration_.links)
      if (has_prior(r)) r.value = r.prior;
    const auto rank = [](const LinkCosts& r) { return is_class(r.link) ? 0 : link_family(r.link) == r.link ? 1 : 2; };
    std::stable_sort(calibration_.links.begin(), calibration_.links.end(), [&](const auto& a, const auto& b) {
      return rank(a) != rank(b) ? rank(a) < rank(b) : rank(a) > 0 && a.link < b.link;
    });
    for (StepCosts& s : calibration_.steps)
      for (const auto parameter : step_parameters)
        if (s.prior.*parameter) s.value.*parameter = s.prior.*parameter;
  }

  static bool has_prior(const LinkCosts& r) {
    return std::any_of(link_parameters.begin(), link_parameters.end(),
                       [&](auto parameter) { return (r.prior.*parameter).has_value(); });
  }

  void add_knobs(LinkCosts& r) {
    const auto& spreads = is_class(r.link)                ? class_spreads
                          : link_family(r.link) == r.link ? family_spreads
                                                          : spreads_of_link;
    for (std::size_t p = 0; p < link_parameters.size(); ++p) {
      std::optional<double>& value = r.value.*link_parameters[p];
      double* above = value ? nullptr : value_above(r.link, link_parameters[p]);
      if (!value && !above) continue;
      if (!value) value = *above;
      if (!(*value > 0)) continue;  // a cost that does not exist over this link, such as steps of hardware
      const bool share = std::find(shares_of_link.begin(), shares_of_link.end(), link_parameters[p]) !=
                         shares_of_link.end();
      knobs.push_back({&*value, above, *value, spreads[p], share ? 1 : unbounded, {&*value}});
      for (std::size_t i = 0; i + 1 < knobs.size(); ++i)
        for (const double* ancestor = above; ancestor; ancestor = above_of(ancestor))
          if (knobs[i].value == ancestor) knobs[i].moved.push_back(&*value);
    }
  }

  double* value_above(const std::string& link, std::optional<double> LinkParameters::*parameter) {
    for (const std::string& wanted : above_[link])
      if (LinkCosts* r = wanted == link ? nullptr : row(wanted); r && r->value.*parameter)
        return &*(r->value.*parameter);
    return nullptr;
  }

  const double* above_of(const double* value) const {
    for (const Knob& knob : knobs)
      if (knob.value == value) return knob.above;
    return nullptr;
  }

  CollectiveCalibration& calibration_;
  std::set<std::string> crossed_;
  std::map<std::string, std::vector<std::string>> above_;
};

// Predictions of all samples, kept up to date as knobs turn: only what depends on a knob is priced again.
class Predictions {
 public:
  Predictions(const CollectiveCalibration& calibration, const RoutedCollectives& routed, std::vector<double> weights)
      : calibration_(calibration),
        routed_(routed),
        weights_(std::move(weights)),
        groups_(routed.options.size()),
        errors_(routed.samples.size(), 0) {
    for (std::size_t i = 0; i < routed.samples.size(); ++i)
      if (weights_[i] > 0) groups_[routed.samples[i].options].samples.push_back(i);
    for (std::size_t g = 0; g < groups_.size(); ++g)
      for (const CollectiveOption& option : routed.options[g]) {
        const std::size_t outer = use_of(option.outer_link, option.outer_is_node, option);
        const std::size_t inner = option.inner_link.empty() ? outer : use_of(option.inner_link, true, option);
        groups_[g].uses.push_back({outer, inner, use_of(option.start_link, option.start_is_node, option)});
      }
    for (std::size_t u = 0; u < uses_.size(); ++u) look_up(u);
    for (std::size_t g = 0; g < groups_.size(); ++g) predict(g);
  }

  // The groups whose predictions move with a knob.
  std::vector<std::size_t> dependants(const Knob& knob) {
    std::set<std::size_t> moved, launched;
    const std::vector<Use> before = uses_;
    std::vector<double> values;
    for (double* value : knob.moved) {
      values.push_back(*value);
      *value *= 1.5;
    }
    for (std::size_t u = 0; u < uses_.size(); ++u) {
      look_up(u);
      if (!uses_[u].cost) continue;
      if (!same(*uses_[u].cost, *before[u].cost)) moved.insert(u);
      if (uses_[u].cost->launch.value != before[u].cost->launch.value) launched.insert(u);
    }
    for (std::size_t i = 0; i < values.size(); ++i) *knob.moved[i] = values[i];
    uses_ = before;
    std::vector<std::size_t> groups;
    for (std::size_t g = 0; g < groups_.size(); ++g)
      if (!groups_[g].samples.empty() &&
          std::any_of(groups_[g].uses.begin(), groups_[g].uses.end(), [&](const OptionUses& u) {
            return moved.contains(u.outer) || moved.contains(u.inner) || launched.contains(u.start);
          }))
        groups.push_back(g);
    return groups;
  }

  void update(std::span<const std::size_t> groups) {
    for (const std::size_t g : groups)
      for (const auto& [outer, inner, start] : groups_[g].uses) {
        look_up(outer);
        look_up(inner);
        look_up(start);
      }
    for (const std::size_t g : groups) predict(g);
  }

  double loss() const {
    double sum = 0;
    for (std::size_t i = 0; i < errors_.size(); ++i)
      sum += weights_[i] * (std::sqrt(errors_[i] * errors_[i] + smoothing * smoothing) - smoothing);
    return sum;
  }

  double mean_error() const {
    double sum = 0, weight = 0;
    for (std::size_t i = 0; i < errors_.size(); ++i) {
      sum += weights_[i] * std::abs(errors_[i]);
      weight += weights_[i];
    }
    return weight > 0 ? sum / weight : 0;
  }

 private:
  struct Use {  // the costs of one (link, algorithm, protocol), which options share
    std::string link, algorithm, protocol;
    bool scale_up;
    std::optional<CollectiveCost> cost;
  };
  struct OptionUses {
    std::size_t outer, inner, start;
  };
  struct Group {
    std::vector<std::size_t> samples;
    std::vector<OptionUses> uses;  // by option
  };

  // But for the launch: only that of the start link counts.
  static bool same(const CollectiveCost& a, const CollectiveCost& b) {
    return a.step.value == b.step.value && a.efficiency == b.efficiency && a.pipeline == b.pipeline &&
           a.local == b.local;
  }

  std::size_t use_of(const std::string& link, bool scale_up, const CollectiveOption& option) {
    const auto [slot, fresh] = index_.try_emplace({link, scale_up, option.costs, option.protocol}, uses_.size());
    if (fresh) uses_.push_back({link, option.costs, option.protocol, scale_up, {}});
    return slot->second;
  }

  void look_up(std::size_t u) {
    Use& use = uses_[u];
    use.cost = calibration_.find(use.link, use.scale_up, use.algorithm, use.protocol);
  }

  void predict(std::size_t g) {
    const auto& options = routed_.options[g];
    for (const std::size_t i : groups_[g].samples) {
      double least = std::numeric_limits<double>::infinity();
      for (std::size_t o = 0; o < options.size(); ++o) {
        const auto& outer = uses_[groups_[g].uses[o].outer].cost;
        const auto& inner = uses_[groups_[g].uses[o].inner].cost;
        const auto& start = uses_[groups_[g].uses[o].start].cost;
        if (!outer || !inner) continue;
        least = std::min(least, price_seconds(options[o], *outer, options[o].inner_link.empty() ? nullptr : &*inner,
                                              start ? start->launch : outer->launch, routed_.samples[i].bytes));
      }
      errors_[i] = std::log(least / routed_.samples[i].seconds);
    }
  }

  const CollectiveCalibration& calibration_;
  const RoutedCollectives& routed_;
  std::vector<double> weights_;
  std::map<std::tuple<std::string, bool, std::string, std::string>, std::size_t> index_;
  std::vector<Use> uses_;
  std::vector<Group> groups_;
  std::vector<double> errors_;
};

void search(std::vector<Knob>& knobs, Predictions& predictions) {
  std::vector<std::vector<std::size_t>> groups;
  for (const Knob& knob : knobs) groups.push_back(predictions.dependants(knob));
  const auto objective = [&] {
    double moved = 0;
    for (const Knob& knob : knobs) moved += knob.distance() * knob.distance();
    return predictions.loss() + price_of_moving * moved;
  };
  double best = objective();
  const auto turn = [&](std::size_t k, double factor) {
    const double most = knobs[k].most;
    if (factor > 1 && *knobs[k].value >= most) return false;
    std::vector<double> old;
    for (double* value : knobs[k].moved) {
      old.push_back(*value);
      *value = std::min(*value * factor, most);
    }
    predictions.update(groups[k]);
    if (const double now = objective(); now < best - 1e-9) {
      best = now;
      return true;
    }
    for (std::size_t i = 0; i < old.size(); ++i) *knobs[k].moved[i] = old[i];
    predictions.update(groups[k]);
    return false;
  };
  for (double factor = 1.5; factor > 1.004; factor = std::sqrt(factor))
    for (int pass = 0; pass < 40; ++pass) {
      const double before = best;
      for (std::size_t k = 0; k < knobs.size(); ++k)
        if (!groups[k].empty() && !turn(k, factor)) turn(k, 1 / factor);
      if (before - best < 1e-4 * before) break;
    }
}

// Samples, residuals and range of every link that samples cross.
void describe(CollectiveCalibration& calibration, const RoutedCollectives& routed, std::span<const double> weights) {
  const std::vector<double> errors = collective_errors(calibration, routed);
  for (LinkCosts& row : calibration.links) {
    std::vector<double> off;
    CollectiveFitRange range{0, 0, 0, std::numeric_limits<double>::infinity(), 0};
    for (std::size_t i = 0; i < errors.size(); ++i) {
      const auto& options = routed.options[routed.samples[i].options];
      if (weights[i] <= 0 || options.empty()) continue;
      const CollectiveOption& option = options.front();
      const auto is = [&](const std::string& link, bool scale_up) {
        return link == row.link || link_family(link) == row.link || calibration.class_of(link, scale_up) == row.link;
      };
      if (!is(option.outer_link, option.outer_is_node) && !(option.inner_link != "" && is(option.inner_link, true)))
        continue;
      off.push_back(std::abs(errors[i]));
      range.smallest = std::min(range.smallest, routed.samples[i].bytes);
      range.largest = std::max(range.largest, routed.samples[i].bytes);
    }
    if (off.empty()) continue;
    std::sort(off.begin(), off.end());
    range.samples = static_cast<int>(off.size());
    range.median_error = off[off.size() / 2];
    range.p90_error = off[off.size() * 9 / 10];
    row.fit = range;
  }
}

// Four digits: what a file can hold for people to read, and more than the samples can tell.
void round_values(CollectiveCalibration& calibration) {
  const auto rounded = [](std::optional<double>& value) {
    if (value) value = std::stod(fmt::format("{:.4g}", *value));
  };
  for (LinkCosts& row : calibration.links)
    for (const auto parameter : link_parameters) rounded(row.value.*parameter);
  for (StepCosts& row : calibration.steps)
    for (const auto parameter : step_parameters) rounded(row.value.*parameter);
}

// Parameters that no sample moves stay with the rows above.
void drop_untouched(CollectiveCalibration& calibration, const Parameters& parameters, Predictions& predictions) {
  std::set<const double*> idle;
  for (const Knob& knob : parameters.knobs)
    if (knob.above && predictions.dependants(knob).empty()) idle.insert(knob.value);
  for (LinkCosts& row : calibration.links)
    for (const auto parameter : link_parameters)
      if (row.value.*parameter && idle.contains(&*(row.value.*parameter))) (row.value.*parameter).reset();
}

}  // namespace

std::vector<double> collective_errors(const CollectiveCalibration& calibration, const RoutedCollectives& routed) {
  std::vector<double> errors;
  for (const auto& sample : routed.samples)
    errors.push_back(std::log(predict(routed.options[sample.options], calibration, sample.bytes) / sample.seconds));
  return errors;
}

CollectiveFit fit_collectives(CollectiveCalibration start, const RoutedCollectives& routed,
                              const std::string& left_out) {
  std::map<std::string, double> rows;
  for (const auto& sample : routed.samples) ++rows[sample.source];
  std::vector<double> weights;
  for (const auto& sample : routed.samples)
    weights.push_back(sample.source == left_out ? 0 : 1 / std::sqrt(rows[sample.source]));
  CollectiveFit fit{std::move(start), 0, 0};
  Parameters parameters(fit.calibration, routed, weights);
  Predictions predictions(fit.calibration, routed, weights);
  fit.error_before = predictions.mean_error();
  search(parameters.knobs, predictions);
  fit.error_after = predictions.mean_error();
  drop_untouched(fit.calibration, parameters, predictions);
  round_values(fit.calibration);
  describe(fit.calibration, routed, weights);
  return fit;
}

}  // namespace orrery
