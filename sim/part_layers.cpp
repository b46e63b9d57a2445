#include "sim/part_layers.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "sim/catalog.hpp"

namespace orrery {

Layers member(const Layers& object, std::string_view key) {
  Layers found;
  for (const Layer& layer : object) {
    const auto it = layer.value->find(key);
    if (it == layer.value->end()) continue;
    if (it->is_null()) break;
    found.push_back({&*it, layer.file, pointer_to(layer.pointer, key)});
    if (!it->is_object()) break;
  }
  return found;
}

std::size_t objects_on_top(const Layers& layers) {
  const auto end = std::find_if(layers.begin(), layers.end(), [](const Layer& l) { return !l.value->is_object(); });
  return static_cast<std::size_t>(end - layers.begin());
}

std::optional<std::size_t> list_index(std::string_view text) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  const bool leading_zero = text.size() > 1 && text.front() == '0';
  if (error != std::errc() || end != text.data() + text.size() || leading_zero) return std::nullopt;
  return index;
}

std::optional<std::vector<Layers>> items(const Layers& list, std::vector<Fault>& faults) {
  const std::size_t patches = objects_on_top(list);
  if (patches == list.size() || !list[patches].value->is_array()) return std::nullopt;
  const Layer& whole = list[patches];
  const std::size_t size = whole.value->size();
  std::vector<Layers> all(size);
  for (std::size_t p = 0; p < patches; ++p) {
    for (const auto& [key, value] : list[p].value->items()) {
      const std::string pointer = pointer_to(list[p].pointer, key);
      const auto index = list_index(key);
      if (!index || *index >= size) {
        faults.push_back(
            {list[p].file, pointer, fmt::format("an index into the list of {} that it overrides", size), quote(key)});
        continue;
      }
      Layers& item = all[*index];
      if (item.empty() || item.back().value->is_object()) item.push_back({&value, list[p].file, pointer});
    }
  }
  for (std::size_t i = 0; i < size; ++i)
    if (all[i].empty() || all[i].back().value->is_object())
      all[i].push_back({&(*whole.value)[i], whole.file, pointer_to(whole.pointer, std::to_string(i))});
  return all;
}

static void merge_onto(Json& target, const Json& patch) {
  if (!patch.is_object()) {
    target = patch;
    return;
  }
  if (target.is_array() && !patch.empty()) {
    const auto in_range = [&](const auto& entry) {
      const auto index = list_index(entry.key());
      return index && *index < target.size();
    };
    const auto entries = patch.items();
    if (std::all_of(entries.begin(), entries.end(), in_range)) {
      for (const auto& [key, value] : entries) merge_onto(target[*list_index(key)], value);
      return;
    }
  }
  if (!target.is_object()) target = Json::object();
  for (const auto& [key, value] : patch.items()) {
    if (value.is_null())
      target.erase(key);
    else
      merge_onto(target[key], value);
  }
}

Json merged(const Layers& layers) {
  Json whole = *layers.back().value;
  for (std::size_t i = layers.size() - 1; i-- > 0;) merge_onto(whole, *layers[i].value);
  return whole;
}

std::string found_text(const Json& value) {
  if (value.is_string()) return quote(value.get_ref<const std::string&>());
  if (value.is_array()) return fmt::format("a list of {}", value.size());
  if (value.is_object()) return "an object";
  return value.dump();
}

// ---- named parts --------------------------------------------------------------------------------------------------

const Json* PartFiles::load(const std::string& file) {
  auto& document = documents_[file];
  if (!document) {
    try {
      document = std::make_unique<Json>(read_json(file));
    } catch (const SpecError& error) {
      faults_.insert(faults_.end(), error.faults().begin(), error.faults().end());
      document = std::make_unique<Json>();
    }
    if (!document->is_null() && !document->is_object()) {
      faults_.push_back({file, "", "an object", found_text(*document)});
      *document = nullptr;
    }
  }
  return document->is_null() ? nullptr : document.get();
}

bool PartFiles::append_named(Part& part, const Layer& name, std::string_view kind,
                             const std::vector<std::string>& open_files) {
  const auto& text = name.value->get_ref<const std::string&>();
  const std::string file = library_.find(kind, text).string();
  if (file.empty()) {
    const std::string_view what = kind.substr(kind.rfind('/') + 1);
    faults_.push_back({name.file, name.pointer,
                       fmt::format("a name among the {} of the library (`orrery list` shows what there is)", what),
                       quote_unknown(text, library_.names(kind))});
    return false;
  }
  const auto open = [&](const auto& files) { return std::find(files.begin(), files.end(), file) != files.end(); };
  if (open(part.files) || open(open_files)) {
    faults_.push_back({name.file, name.pointer, "a part that does not contain itself",
                       fmt::format("{}, which leads back to {}", quote(text), file)});
    return false;
  }
  const Json* document = load(file);
  if (!document) return false;
  part.files.push_back(file);
  part.layers.push_back({document, file, ""});
  const auto base = document->find("base");
  if (base == document->end()) return true;
  if (!base->is_string()) {
    faults_.push_back({file, "/base", fmt::format("a name among the {} of the library", kind), found_text(*base)});
    return false;
  }
  return append_named(part, {&*base, file, "/base"}, kind, open_files);
}

static bool names_itself(const Json& object) {
  const auto name = object.find("name");
  return name != object.end() && !name->is_null();
}

std::optional<PartFiles::Part> PartFiles::expand(const Layers& layers, std::string_view kind,
                                                 const std::vector<std::string>& open_files) {
  Part part;
  for (const Layer& layer : layers) {
    Layer name = layer;
    if (layer.value->is_object()) {
      part.layers.push_back(layer);
      const auto base = layer.value->find("base");
      if (base == layer.value->end() && names_itself(*layer.value)) {
        part.replaces = &layer != &layers.back();
        return part;
      }
      if (base == layer.value->end()) continue;
      name = {&*base, layer.file, pointer_to(layer.pointer, "base")};
    }
    if (!name.value->is_string()) {
      faults_.push_back({name.file, name.pointer,
                         fmt::format("the name of a part in {} or an object that describes it", kind),
                         found_text(*name.value)});
      return std::nullopt;
    }
    if (!append_named(part, name, kind, open_files)) return std::nullopt;
    return part;
  }
  return part;
}

}  // namespace orrery
