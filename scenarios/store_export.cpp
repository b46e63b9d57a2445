#include "scenarios/store_export.hpp"

#include <ostream>

#include "scenarios/csv.hpp"
#include "scenarios/output_files.hpp"

namespace orrery {

namespace {

std::string cell(const Json& values, const std::string& name) {
  const auto it = values.find(name);
  if (it == values.end() || it->is_null()) return "";
  return csv_cell(it->is_string() ? it->get<std::string>() : it->dump());
}

}  // namespace

void export_csv(Store& store, std::ostream& out) {
  const StoreIdentity& identity = store.identity();
  out << "point,status";
  for (const auto* names : {&identity.inputs, &identity.metrics})
    for (const std::string& name : *names) out << ',' << csv_cell(name);
  out << ",reason,warnings,scenario_sha256,orrery\r\n";
  store.each([&](const StoredPoint& p) {
    out << p.point << ',' << p.status;
    for (const std::string& name : identity.inputs) out << ',' << cell(p.inputs, name);
    for (const std::string& name : identity.metrics) out << ',' << cell(p.metrics, name);
    std::string warnings;
    for (const Json& warning : p.warnings) warnings += (warnings.empty() ? "" : "; ") + warning.get<std::string>();
    out << ',' << csv_cell(p.reason) << ',' << csv_cell(warnings) << ',' << p.scenario_sha256 << ','
        << csv_cell(p.orrery) << "\r\n";
  });
}

void export_json(Store& store, std::ostream& out) {
  const StoreIdentity& identity = store.identity();
  const Json head = {{"orrery", identity.orrery},
                     {"name", identity.name},
                     {"sweep_sha256", identity.sweep_sha256},
                     {"points_of_sweep", identity.points},
                     {"sweep", parse_json(identity.sweep, store.path().string())}};
  const std::string text = head.dump(1);
  out << text.substr(0, text.size() - 2) << ",\n \"points\": [";
  const char* separator = "\n";
  store.each([&](const StoredPoint& p) {
    const Json row = {{"point", p.point},
                      {"status", p.status},
                      {"inputs", p.inputs},
                      {"metrics", p.metrics},
                      {"reason", p.reason.empty() ? Json() : Json(p.reason)},
                      {"warnings", p.warnings},
                      {"scenario_sha256", p.scenario_sha256},
                      {"orrery", p.orrery}};
    out << separator << "  " << row.dump();
    separator = ",\n";
  });
  out << "\n ]\n}\n";
}

void check_result_tables(const std::filesystem::path& folder) {
  check_result_file(folder / "results.csv", folder, sweep_table_output);
  check_result_file(folder / "results.json", folder, sweep_document_output);
}

void write_result_tables(Store& store, const std::filesystem::path& folder) {
  write_files({{folder / "results.csv", [&](std::ostream& out) { export_csv(store, out); }},
               {folder / "results.json", [&](std::ostream& out) { export_json(store, out); }}});
}

}  // namespace orrery
