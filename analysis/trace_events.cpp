#include "analysis/trace_events.hpp"

#include <cmath>
#include <iterator>
#include <ostream>

namespace orrery {

Nanoseconds to_nanoseconds(double seconds) { return std::llround(seconds * 1e9); }

void append_escaped(fmt::memory_buffer& buffer, std::string_view text) {
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      buffer.push_back('\\');
      buffer.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(buffer), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      buffer.push_back(c);
    }
  }
}

void TraceArgs::key(std::string_view key) {
  if (members_.size() > 0) members_.push_back(',');
  members_.push_back('"');
  append_escaped(members_, key);
  members_.append(std::string_view("\":"));
}

TraceArgs& TraceArgs::add(std::string_view name, std::string_view text) {
  key(name);
  members_.push_back('"');
  append_escaped(members_, text);
  members_.push_back('"');
  return *this;
}

TraceArgs& TraceArgs::add(std::string_view name, double number) {
  key(name);
  if (std::isfinite(number)) {
    fmt::format_to(std::back_inserter(members_), "{}", number);
  } else {
    members_.append(std::string_view("null"));
  }
  return *this;
}

TraceArgs& TraceArgs::add_integer(std::string_view name, std::int64_t number) {
  key(name);
  fmt::format_to(std::back_inserter(members_), "{}", number);
  return *this;
}

TraceEvents::TraceEvents(std::ostream& out, std::string_view left_out) : out_(out) {
  buffer_.append(std::string_view("{\"otherData\":{\"file\":\"written by orrery\",\"shown\":\""));
  append_escaped(buffer_, left_out.empty() ? "everything simulated" : left_out);
  buffer_.append(std::string_view("\"},\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n"));
}

void TraceEvents::flush() {
  out_.write(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  buffer_.clear();
}

void TraceEvents::begin(std::string_view phase, std::string_view name, Track track) {
  if (!first_) buffer_.append(std::string_view(",\n"));
  first_ = false;
  buffer_.append(std::string_view("{\"name\":\""));
  append_escaped(buffer_, name);
  fmt::format_to(std::back_inserter(buffer_), "\",\"ph\":\"{}\",\"pid\":{},\"tid\":{}", phase, track.process,
                 track.thread);
}

void TraceEvents::time(std::string_view key, Nanoseconds ns) {
  fmt::format_to(std::back_inserter(buffer_), ",\"{}\":{}.{:03}", key, ns / 1000, ns % 1000);
}

void TraceEvents::end(std::string_view args_members) {
  if (!args_members.empty()) {
    buffer_.append(std::string_view(",\"args\":{"));
    buffer_.append(args_members);
    buffer_.push_back('}');
  }
  buffer_.push_back('}');
  if (buffer_.size() > 1 << 16) flush();
}

void TraceEvents::slice(Track track, std::string_view name, std::string_view category, Nanoseconds start,
                        Nanoseconds finish, const TraceArgs& args) {
  begin("X", name, track);
  fmt::format_to(std::back_inserter(buffer_), ",\"cat\":\"{}\"", category);
  time("ts", start);
  time("dur", finish - start);
  end(args.members());
}

void TraceEvents::arrow(std::string_view name, Track from, Nanoseconds from_time, Track to, Nanoseconds to_time) {
  const std::uint64_t id = ++arrows_;
  begin("s", name, from);
  fmt::format_to(std::back_inserter(buffer_), ",\"cat\":\"message\",\"id\":{}", id);
  time("ts", from_time);
  end({});
  begin("f", name, to);
  fmt::format_to(std::back_inserter(buffer_), ",\"cat\":\"message\",\"id\":{},\"bp\":\"e\"", id);
  time("ts", to_time);
  end({});
}

void TraceEvents::counter(std::uint32_t process, std::string_view name, Nanoseconds at, const TraceArgs& values) {
  begin("C", name, {process, 0});
  time("ts", at);
  end(values.members());
}

void TraceEvents::metadata(Track track, std::string_view kind, const TraceArgs& args) {
  begin("M", kind, track);
  end(args.members());
}

void TraceEvents::finish() {
  buffer_.append(std::string_view("\n]}\n"));
  flush();
  out_.flush();
}

}  // namespace orrery
