// Reads the text that nccl-tests and rccl-tests print: rows of the table with their out-of-place and in-place columns, and
// what the header says of the run (collective, ranks, hosts, GPUs). A row is recognized wherever it stands in a line, by a
// size, a count and the name of a number type, so prefixes of mpirun or of a logger, library messages between the rows and
// several tables in one log do no harm. The columns are those of the last heading; without one, those of today's versions.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/program.hpp"

namespace orrery {

struct NcclLogRow {
  double bytes = 0, count = 0;
  std::string type, redop;
  std::optional<std::int64_t> root;  // -1 where the collective has none
  std::optional<double> out_of_place_s, in_place_s;
  std::optional<double> bus_over_algorithm;  // ratio of the bandwidths as printed, where they are large enough to tell
  std::optional<CollectiveKind> kind;        // of the table it stands in, where the log says
  std::size_t line = 0;
};

struct NcclLog {
  std::string file;
  std::optional<std::int64_t> devices, hosts;
  std::string gpu;  // name of the first one, "" = not said
  std::vector<NcclLogRow> rows;
  std::vector<std::string> notes;  // lines that look like rows and are none

  std::vector<CollectiveKind> kinds() const;  // that its rows name, in order of appearance
};

// Bytes of a number type as the programs name it ("float", "bfloat16", ...); 0: it is none.
double bytes_of_type(std::string_view type);

// "all_reduce", "allreduce", "all-reduce", "all_reduce_perf", "alltoall", ...; none for other words.
std::optional<CollectiveKind> collective_of(std::string_view word);

// SpecError when the text holds no row or the file cannot be read.
NcclLog parse_nccl_log(std::string_view text, const std::string& file);
NcclLog read_nccl_log(const std::filesystem::path&);
// Any log as text; `expected` says in messages what was wanted. SpecError for folders, missing and huge files.
std::string read_log_text(const std::filesystem::path&, const std::string& expected);

}  // namespace orrery
