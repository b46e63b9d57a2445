#include "scenarios/output_files.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "scenarios/cli.hpp"
#include "sim/catalog.hpp"
#include "sim/error.hpp"
#include "sim/json.hpp"

namespace orrery {

namespace fs = std::filesystem;

namespace {

// Temporary files of this process, in memory that a signal handler may read.
constexpr std::size_t most_files = 256, longest_path = 4096;
std::array<std::array<char, longest_path>, most_files> temporaries{};
pid_t owner = 0;  // a forked child inherits the handler but none of the files

extern "C" void end_interrupted(int) {
  if (::getpid() == owner)
    for (const auto& path : temporaries)
      if (path[0] != '\0') ::unlink(path.data());
  ::_exit(exit_interrupted);
}

[[noreturn]] void fail(const fs::path& path, const std::string& why) {
  throw IoError(fmt::format("{}: cannot be written: {}", path.string(), why));
}

// The name under which a file is written until it is complete; removed again unless it was put in place.
class Temporary {
 public:
  explicit Temporary(const fs::path& target) : path_(target.string() + fmt::format(".{}.tmp", ::getpid())) {
    const std::string& text = path_.native();
    if (text.size() >= longest_path) fail(target, "its path is too long");
    for (auto& slot : temporaries)
      if (slot[0] == '\0') {
        slot_ = &slot;
        break;
      }
    ORRERY_CHECK(slot_ != nullptr, "more than {} files at once", most_files);
    std::memcpy(slot_->data() + 1, text.c_str() + 1, text.size());  // the first letter last: a handler sees all or none
    (*slot_)[0] = text[0];
  }
  ~Temporary() {
    if (!placed_) ::unlink(path_.c_str());
    (*slot_)[0] = '\0';
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  const fs::path& path() const { return path_; }
  void put(const fs::path& target) {
    if (::rename(path_.c_str(), target.c_str()) != 0) fail(target, std::strerror(errno));
    placed_ = true;
  }

 private:
  fs::path path_;
  std::array<char, longest_path>* slot_ = nullptr;
  bool placed_ = false;
};

void write_to(const fs::path& place, const OutputFile& file) {
  errno = 0;
  std::ofstream out(place, std::ios::binary | std::ios::trunc);
  try {
    if (out) file.write(out);
  } catch (const IoError&) {
    out.setstate(std::ios::failbit);  // told below, with the file
  }
  out.close();
  if (!out) fail(file.path, errno == 0 ? "write error" : std::strerror(errno));
}

// Where a path leads, following links, also those to what is not there yet, so that a link stays one.
fs::path real_place(const fs::path& path) {
  constexpr int most_links = 40;  // as many as Linux follows
  std::error_code error;
  if (fs::exists(path, error) && !fs::is_regular_file(path, error) && !fs::is_directory(path, error))
    return path;                              // a pipe leads nowhere by name
  fs::path real = fs::absolute(path, error);  // a relative name of a file that is not there yet has no folder otherwise
  for (int links = 0; !error && links <= most_links; ++links) {
    real = fs::weakly_canonical(real, error);
    if (error) break;
    std::error_code absent;
    fs::path known;
    auto part = real.begin();
    while (part != real.end() && fs::exists(known / *part, absent)) known /= *part++;
    if (part == real.end() || !fs::is_symlink(known / *part, absent)) return real;
    fs::path target = fs::read_symlink(known / *part, error);
    while (++part != real.end()) target /= *part;
    real = known / target;
  }
  fail(path, error ? error.message() : std::strerror(ELOOP));
}

// The nearest folder that exists must let us in, or the file itself when it is there and no regular file.
void check_writable(const fs::path& path) {
  std::error_code error;
  fs::path place = real_place(path);
  if (fs::is_regular_file(place, error)) place = place.parent_path();
  while (!fs::exists(place, error) && place.has_parent_path() && place != place.parent_path())
    place = place.parent_path();
  if (fs::is_regular_file(place, error)) fail(path, fmt::format("{} is a file", place.string()));
  if (::access(place.c_str(), W_OK) != 0) fail(path, std::strerror(errno));
}

bool is_result(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error)) return false;
  try {
    const Json document = read_json(file);
    return document.is_object() && document.contains("orrery") && document.contains("metrics");
  } catch (const SpecError&) {
    return false;
  }
}

std::string start_of(const fs::path& file) {
  std::string head(1024, '\0');
  std::ifstream in(file, std::ios::binary);
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(in.gcount()));
  return head;
}

bool is_earlier(const fs::path& file, const OutputKind& kind) {
  const std::string text = start_of(file);
  if (text.empty()) return true;
  return text.starts_with(kind.head) && (!kind.marked || text.find("written by orrery") != std::string::npos);
}

// A report has no mark: it is its title over a line drawn beneath.
bool is_report(const fs::path& file) {
  const std::string text = start_of(file);
  return text.empty() || text.find("\n────") != std::string::npos;
}

}  // namespace

void write_files(const std::vector<OutputFile>& files) {
  std::vector<std::unique_ptr<Temporary>> written;
  for (const OutputFile& file : files) {
    const fs::path place = real_place(file.path);
    std::error_code error;
    fs::create_directories(place.parent_path(), error);
    if (error) fail(file.path, error.message());
    if (fs::exists(place, error) && !fs::is_regular_file(place, error)) {
      write_to(place, file);
      written.push_back(nullptr);
      continue;
    }
    written.push_back(std::make_unique<Temporary>(place));
    write_to(written.back()->path(), file);
  }
  for (std::size_t i = 0; i < files.size(); ++i)
    if (written[i]) written[i]->put(real_place(files[i].path));
}

void check_result_folder(const fs::path& folder) {
  std::error_code error;
  if (!fs::exists(folder, error)) return check_writable(folder);
  if (!fs::is_directory(folder, error))
    throw UsageError(fmt::format("--out: expected a folder, found {}", quote(folder.string())));
  check_writable(folder);
  if (fs::is_empty(folder, error)) return;
  if (!is_result(folder / "result.json"))
    throw UsageError(fmt::format("--out: {} is not empty and holds no result of orrery; name a new or an empty folder",
                                 quote(folder.string())));
  const fs::path report = folder / "report.txt", trace = folder / "trace.json";
  const bool foreign_report = fs::exists(report, error) && !is_report(report);
  const bool foreign_trace = fs::exists(trace, error) && !is_earlier(trace, trace_output);
  if (foreign_report || foreign_trace)
    throw UsageError(fmt::format("--out: {} was not written by orrery: move it away, or name another folder",
                                 quote((foreign_report ? report : trace).string())));
}

void check_result_file(const fs::path& file, const fs::path& input, const OutputKind& kind) {
  std::error_code error;
  const std::string name = quote(file.string());
  if (fs::is_directory(file, error))
    throw UsageError(fmt::format("expected a file to write, found the folder {}", name));
  if (fs::equivalent(file, input, error))
    throw UsageError(fmt::format("expected a file to write, found the input {} itself", name));
  const fs::path folder = real_place(file).parent_path();
  if (!fs::exists(folder, error))
    throw UsageError(fmt::format("cannot write {}: there is no folder {}", name, quote(folder.string())));
  check_writable(file);
  if (fs::is_regular_file(file, error) && !is_earlier(file, kind))
    throw UsageError(
        fmt::format("{} exists and is not an earlier output of this kind: remove it, or name another file", name));
}

void check_different(std::initializer_list<std::string_view> files) {
  std::error_code error;
  const auto is_special = [&](const fs::path& file) {
    return fs::exists(file, error) && !fs::is_regular_file(file, error);
  };
  for (auto one = files.begin(); one != files.end(); ++one)
    for (auto other = files.begin(); other != one; ++other)
      if (!one->empty() && !other->empty() && same_place(*one, *other) && !is_special(*one))
        throw UsageError(fmt::format("expected different files to write, found {} twice", quote(*one)));
}

bool make_result_folder(const fs::path& folder) {
  std::error_code error;
  const fs::path place = real_place(folder);
  const bool made = fs::create_directories(place, error);
  if (error || !fs::is_directory(place, error))
    throw UsageError(fmt::format("--out: expected a folder, found {}", quote(folder.string())));
  return made;
}

bool same_place(const fs::path& a, const fs::path& b) { return real_place(a) == real_place(b); }

std::string document_text(const Json& document) {
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string line_text(const Json& document) { return document.dump(-1, ' ', false, Json::error_handler_t::replace); }

void handle_unless_ignored(int signal, const struct sigaction& action) {
  struct sigaction inherited {};
  sigaction(signal, nullptr, &inherited);
  if (inherited.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
}

void install_signal_handlers() {
  owner = ::getpid();
  struct sigaction action {};
  action.sa_handler = end_interrupted;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) handle_unless_ignored(signal, action);
  std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace orrery
