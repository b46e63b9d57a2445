#include "scenarios/commands/show.hpp"

#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "analysis/text_style.hpp"
#include "scenarios/commands/scenario_options.hpp"
#include "scenarios/console.hpp"
#include "scenarios/output_files.hpp"
#include "scenarios/presets.hpp"

namespace orrery {

namespace {

struct ShowOptions {
  ScenarioOptions library;
  std::string name;
  bool json = false;
};

struct Match {
  std::string category, name;
  const PresetCategory* kind = nullptr;
};

std::vector<Match> matches(const std::string& wanted, const Library& library) {
  std::vector<Match> found;
  for (const auto& category : preset_categories())
    for (const std::string& name : category.value.names(library))
      if (name == wanted || std::string(category.name) + "/" + name == wanted)
        found.push_back({std::string(category.name), name, &category.value});
  return found;
}

// Up to five names: the likeliest typo first, then those that contain the word.
std::string nearest_names(const std::string& wanted, const Library& library) {
  const std::string word = wanted.substr(wanted.rfind('/') + 1);
  std::vector<std::string> all, close;
  for (const auto& category : preset_categories()) {
    const std::vector<std::string> some = category.value.names(library);
    all.insert(all.end(), some.begin(), some.end());
  }
  const auto add = [&](const std::string& name) {
    if (close.size() < 5 && std::find(close.begin(), close.end(), name) == close.end()) close.push_back(name);
  };
  if (const std::string near = nearest(word, all); !near.empty()) add(near);
  if (word.size() >= 2)
    for (const std::string& name : all)
      if (name.find(word) != std::string::npos) add(name);
  std::string text;
  for (const std::string& name : close) text += (text.empty() ? "" : ", ") + name;
  return text;
}

Match find_one(const std::string& wanted, const Library& library) {
  const std::vector<Match> found = matches(wanted, library);
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    const std::string close = nearest_names(wanted, library);
    throw UsageError(fmt::format("nothing is called {}{}; `orrery list` shows what there is", quote(wanted),
                                 close.empty() ? "" : " (did you mean " + close + "?)"));
  }
  std::string all;
  for (const Match& match : found) all += (all.empty() ? "" : ", ") + match.category + "/" + match.name;
  throw UsageError(fmt::format("{} is the name of several things; say which: {}", quote(wanted), all));
}

std::string scalar(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

bool is_short_list(const Json& value) {
  return value.is_array() &&
         std::none_of(value.begin(), value.end(), [](const Json& item) { return item.is_structured(); });
}

// A resolved spec as an indented list of keys, in the order of the struct. "sources" and "notes" are left out: they come
// last, under the pointer of what they are about.
class Outline {
 public:
  void add(const Json& object, const std::string& pointer, std::size_t depth) {
    std::size_t width = 0;
    for (const auto& [key, value] : object.items())
      if (!value.is_structured() || is_short_list(value)) width = std::max(width, key.size());
    for (const auto& [key, value] : object.items()) {
      if (key == "sources" || key == "notes")
        add_sources(value, pointer);
      else
        add_value(key, value, pointer_to(pointer, key), depth, width);
    }
  }
  std::string text() const { return text_ + (sources_.empty() ? "" : "\nSources and notes\n" + sources_); }

 private:
  void add_value(const std::string& key, const Json& value, const std::string& pointer, std::size_t depth,
                 std::size_t width) {
    if (value.empty() || value == "") return;  // nothing is known or said
    const std::string indent(2 * depth + 2, ' ');
    if (value.is_object()) {
      text_ += indent + key + "\n";
      add(value, pointer, depth + 1);
    } else if (value.is_array() && !is_short_list(value)) {
      for (std::size_t i = 0; i < value.size(); ++i)
        add_value(fmt::format("{} {}", key, i), value[i], pointer_to(pointer, std::to_string(i)), depth, width);
    } else {
      text_ += wrapped(fmt::format("{}{:<{}}  ", indent, key, width), scalar(value));
    }
  }

  void add_sources(const Json& sources, const std::string& pointer) {
    if (sources.is_object()) {
      for (const auto& [key, value] : sources.items()) add_sources(value, pointer + key);
    } else if (!sources.is_null() && !scalar(sources).empty()) {
      sources_ += "  " + (pointer.empty() ? "(all)" : pointer) + "\n" + wrapped("      ", scalar(sources));
    }
  }

  std::string text_, sources_;
};

std::string page(const Match& match, const Preset& preset) {
  std::string text = match.name + (preset.title.empty() ? "" : ": " + preset.title) + "\n";
  text += preset.file.empty() ? "" : "  from " + preset.file + "\n";
  for (const std::string& note : preset.notes) text += wrapped("  ", note);
  Outline outline;
  outline.add(preset.resolved, "", 0);
  return text + "\n" + outline.text();
}

int show(const ShowOptions& options) {
  const Library library = options.library.find_library();
  const Match match = find_one(options.name, library);
  const Preset preset = match.kind->load(match.name, library);
  print(options.json ? document_text(preset.resolved) : page(match, preset));
  return exit_done;
}

}  // namespace

CommandAction declare_show(CLI::App& app, const Invocation&) {
  auto options = std::make_shared<ShowOptions>();
  app.description(
      "Shows what a name stands for, fully resolved, with the source of every figure. The output of --json "
      "can be edited and used in a scenario in place of the name; with a \"name\" it is a part of its own also within "
      "an override ({\"base\": NAME, ...}), where an object without one changes the part that is there.");
  app.add_option("NAME", options->name, "A name from `orrery list`, or CATEGORY/NAME where several are called alike")
      ->required();
  app.add_flag("--json", options->json, "Print it as JSON, as a scenario may contain it");
  declare_library(app, options->library);
  app.footer("Examples:\n  orrery show nvidia-h100-sxm5-80gb\n  orrery show nodes/dgx-h100 --json");
  return [options] { return show(*options); };
}

}  // namespace orrery
