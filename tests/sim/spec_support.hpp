// What the tests of sim/spec.hpp share: a folder of JSON files that vanishes with the test, and the faults of a document
// as a list that compares well. Nothing here knows a real spec struct.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "sim/error.hpp"
#include "sim/spec.hpp"

namespace orrery::spec_tests {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "orrery-spec-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  std::string write(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories((path_ / file).parent_path());
    std::ofstream(path_ / file) << text;
    return (path_ / file).string();
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// "pointer: expected ..., found ..." of every fault, with the file's name in front unless it is doc.json.
template <class Read> std::vector<std::string> faults_of(Read read) {
  std::vector<std::string> texts;
  try {
    read();
  } catch (const SpecError& error) {
    for (const Fault& fault : error.faults()) {
      const std::string file = std::filesystem::path(fault.file).filename().string();
      texts.push_back((file == "doc.json" ? "" : file + " ") + fault.pointer + ": expected " + fault.expected +
                      ", found " + fault.found);
    }
  }
  return texts;
}

template <class T> T read(const std::string& text, const Library& library = {}, std::string_view kind = {}) {
  return read_spec<T>(parse_json(text, "doc.json"), "doc.json", library, kind);
}

template <class T>
std::vector<std::string> faults(const std::string& text, const Library& library = {}, std::string_view kind = {}) {
  return faults_of([&] { read<T>(text, library, kind); });
}

}  // namespace orrery::spec_tests
