// The "collectives" section of a job: schedules of the user's own, in MSCCL's XML, that every collective of a kind over so
// many devices runs as, in place of what a library would choose. Rank i of the schedule is the i-th rank of the group.
// They are read and proved on integers (kernels/collectives/msccl.hpp) when the scenario is read.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "kernels/collectives/collective_shape.hpp"
#include "sim/error.hpp"
#include "sim/spec.hpp"

namespace orrery {

struct CollectiveSpec {
  std::string collective;
  std::int64_t devices = 0;
  std::string schedule;                        // a file; relative: beside the scenario
  std::shared_ptr<const UserSchedule> proved;  // what it holds; not in the JSON, null before load_schedules()
};

void fields(Fields&, CollectiveSpec&);

// Reads the files and holds them against what is said of them. `pointer`: of the section in `file`. What could not be read
// of an entry is not judged.
void load_schedules(std::vector<CollectiveSpec>&, const std::filesystem::path& folder, const std::string& file,
                    const std::string& pointer, std::vector<Fault>& faults);

UserSchedules schedules_of(const std::vector<CollectiveSpec>&);

}  // namespace orrery
