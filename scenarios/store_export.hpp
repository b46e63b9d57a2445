// A store as a table: CSV (RFC 4180, one row per point, one column per axis, derived value and metric) and JSON. In the
// order of the points, without times of the run, so that two runs of one sweep export the same bytes whatever the number
// of jobs or shards.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>

#include "scenarios/store.hpp"

namespace orrery {

void export_csv(Store&, std::ostream&);
void export_json(Store&, std::ostream&);

// The two tables that a sweep and a merge leave in their folder, results.csv and results.json. UsageError, said before the
// work, where files of these names are there that are no earlier ones.
void check_result_tables(const std::filesystem::path& folder);
void write_result_tables(Store&, const std::filesystem::path& folder);

}  // namespace orrery
