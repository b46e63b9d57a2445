// Writes the Chrome trace-event format (JSON object form), as Perfetto and chrome://tracing read it, one event at a time.
// Source: "Trace Event Format", the Chromium project, 2016. Times go out in microseconds with three decimals, from whole
// nanoseconds: slices that nest or touch in nanoseconds do so exactly in the file.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string_view>

#include <fmt/format.h>

namespace orrery {

// A place in the trace: a process (device) and one of its threads (stream).
struct Track {
  std::uint32_t process = 0, thread = 0;
};

using Nanoseconds = std::int64_t;
Nanoseconds to_nanoseconds(double seconds);

// The members of one event's "args", built in place: Args().add("bytes", 12.0).add("name", "x").
class TraceArgs {
 public:
  TraceArgs& add(std::string_view key, std::string_view text);
  TraceArgs& add(std::string_view key, double number);
  TraceArgs& add_integer(std::string_view key, std::int64_t number);
  void clear() { members_.clear(); }
  std::string_view members() const { return {members_.data(), members_.size()}; }

 private:
  void key(std::string_view);
  fmt::memory_buffer members_;
};

class TraceEvents {
 public:
  TraceEvents(std::ostream&, std::string_view left_out);  // left_out: "" when the trace shows everything
  void slice(Track, std::string_view name, std::string_view category, Nanoseconds start, Nanoseconds end,
             const TraceArgs&);
  // An arrow from the slice that is open at `from` to the slice that is open at `to`.
  void arrow(std::string_view name, Track from, Nanoseconds from_time, Track to, Nanoseconds to_time);
  void counter(std::uint32_t process, std::string_view name, Nanoseconds, const TraceArgs& values);
  // `kind`: process_name, process_sort_index, thread_name, thread_sort_index.
  void metadata(Track, std::string_view kind, const TraceArgs&);
  void finish();

 private:
  void begin(std::string_view phase, std::string_view name, Track);
  void time(std::string_view key, Nanoseconds);
  void end(std::string_view args_members);
  void flush();

  std::ostream& out_;
  fmt::memory_buffer buffer_;
  std::uint64_t arrows_ = 0;
  bool first_ = true;
};

// `text` as the inside of a JSON string: quotes, backslashes and control characters escaped.
void append_escaped(fmt::memory_buffer&, std::string_view text);

}  // namespace orrery
