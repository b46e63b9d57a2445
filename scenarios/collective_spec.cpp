#include "scenarios/collective_spec.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "kernels/collectives/msccl.hpp"
#include "sim/catalog.hpp"
#include "sim/library_lookups.hpp"
#include "sim/whole_file.hpp"

namespace orrery {

namespace {

std::string_view name_of(CollectiveKind kind) { return collective_names[static_cast<std::size_t>(kind)]; }

// That a file of MSCCL can hold.
std::vector<std::string> known_collectives() {
  std::vector<std::string> names;
  for (const CollectiveKind kind :
       {CollectiveKind::all_reduce, CollectiveKind::reduce_scatter, CollectiveKind::all_gather,
        CollectiveKind::all_to_all, CollectiveKind::broadcast, CollectiveKind::reduce})
    names.emplace_back(name_of(kind));
  return names;
}

bool is_known(const std::string& collective) {
  const std::vector<std::string> known = known_collectives();
  return std::find(known.begin(), known.end(), collective) != known.end();
}

// On one line, which means the same in XML: texts of a scenario hold no control characters.
std::string xml_of(const std::filesystem::path& file) {
  std::string text = whole_file(file).value_or("");
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20; }, ' ');
  return text.substr(text.find('<'));
}

// Made for other buffers.
bool apart(const UserSchedule* a, const UserSchedule* b) {
  return a && b && (a->most_bytes < b->least_bytes || b->most_bytes < a->least_bytes);
}

void load(CollectiveSpec& spec, const std::filesystem::path& folder, const std::string& file,
          const std::string& pointer, std::vector<Fault>& faults) {
  if (spec.schedule.empty()) return;
  const bool embedded = spec.schedule.front() == '<';
  const std::filesystem::path path = folder / spec.schedule;
  try {
    if (!embedded) LibraryLookups::note("file/" + spec.schedule, path);
    spec.proved = embedded ? std::make_shared<const UserSchedule>(parse_msccl(spec.schedule, "the schedule itself"))
                           : read_msccl(path);
  } catch (const SpecError& error) {
    for (const Fault& fault : error.faults())
      faults.push_back({file, pointer + "/schedule", fault.expected, fmt::format("{} ({})", fault.found, fault.file)});
    return;
  }
  const auto [made_for, ranks] = spec.proved->shape();
  const std::string name = embedded ? quote(spec.proved->name) : spec.schedule;
  const std::string_view kind = name_of(made_for);
  if (is_known(spec.collective) && spec.collective != kind)
    faults.push_back(
        {file, pointer + "/collective", fmt::format("\"{}\", which {} does", kind, name), quote(spec.collective)});
  if (spec.devices > 0 && static_cast<std::size_t>(spec.devices) != ranks)
    faults.push_back(
        {file, pointer + "/devices", fmt::format("{}, which {} is for", ranks, name), fmt::format("{}", spec.devices)});
  if (!embedded) spec.schedule = xml_of(path);  // so that a resolved scenario stands for itself
}

}  // namespace

void fields(Fields& f, CollectiveSpec& c) {
  f.required("collective", c.collective);
  if (f.reading() && !is_known(c.collective)) {
    const std::vector<std::string> known = known_collectives();
    f.fault("collective", fmt::format("one of \"{}\"", fmt::join(known, "\", \"")), quote_unknown(c.collective, known));
  }
  f.required("devices", c.devices, Range{2, 65536});
  f.required("schedule", c.schedule);
  f.check(!c.schedule.empty(), "schedule", "a file with a schedule in MSCCL's XML, or the XML itself", "\"\"");
}

void load_schedules(std::vector<CollectiveSpec>& specs, const std::filesystem::path& folder, const std::string& file,
                    const std::string& pointer, std::vector<Fault>& faults) {
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const std::string here = fmt::format("{}/{}", pointer, i);
    load(specs[i], folder, file, here, faults);
    for (std::size_t other = 0; other < i && specs[i].devices > 0; ++other)
      if (specs[other].collective == specs[i].collective && specs[other].devices == specs[i].devices &&
          !apart(specs[other].proved.get(), specs[i].proved.get())) {
        faults.push_back(
            {file, here, "one schedule for a collective over so many devices and a buffer (minBytes, maxBytes)",
             fmt::format("{} over {} as in {}/{}", specs[i].collective, specs[i].devices, pointer, other)});
        break;
      }
  }
}

UserSchedules schedules_of(const std::vector<CollectiveSpec>& specs) {
  UserSchedules schedules;
  for (const CollectiveSpec& spec : specs)
    if (spec.proved) schedules.push_back(spec.proved);
  return schedules;
}

}  // namespace orrery
