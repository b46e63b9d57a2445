// One JSON value of a resolved document as a stack of layers, the most specific first: overrides above the base they are
// merged into. Nothing is copied or edited, so that every value still knows its file and pointer for fault messages.
// Merging is RFC 7386 (null removes), plus: an object with indices as keys above a list changes these items.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/error.hpp"
#include "sim/json.hpp"
#include "sim/spec.hpp"

namespace orrery {

struct Layer {
  const Json* value = nullptr;
  std::string file, pointer;
};
using Layers = std::vector<Layer>;  // the topmost is the value; those below count only under an object

// The member `key` of an object given as layers; empty when absent or removed.
Layers member(const Layers& object, std::string_view key);
// How many of the layers, from the top, are objects.
std::size_t objects_on_top(const Layers&);
// The items of a list given as layers; nothing when there is no list. A key that is no index is a fault.
std::optional<std::vector<Layers>> items(const Layers& list, std::vector<Fault>& faults);
// All layers merged into one value.
Json merged(const Layers&);
// Position in a list, when `text` is a JSON pointer token for one.
std::optional<std::size_t> list_index(std::string_view text);
// What was found, for a message: "\"abc\"", "400", "a list of 3", "an object".
std::string found_text(const Json&);

// Replaces names of library files by what these files hold. An object with a name of its own is a whole part, as a file
// is: what `orrery show --json` prints stands for the same wherever a name may stand.
class PartFiles {
 public:
  PartFiles(const Library& library, std::vector<Fault>& faults) : library_(library), faults_(faults) {}

  struct Part {
    Layers layers;                   // objects only
    std::vector<std::string> files;  // that contributed, to detect a file that contains itself
    bool replaces = false;           // stands over another part and takes nothing of it
  };
  // `open_files` are those of the parts around this one. Nothing when a fault was found.
  std::optional<Part> expand(const Layers&, std::string_view kind, const std::vector<std::string>& open_files);

 private:
  bool append_named(Part&, const Layer& name, std::string_view kind, const std::vector<std::string>& open_files);
  const Json* load(const std::string& file);

  const Library& library_;
  std::vector<Fault>& faults_;
  std::map<std::string, std::unique_ptr<Json>> documents_;
};

}  // namespace orrery
