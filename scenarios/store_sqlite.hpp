// The one door to SQLite: a connection and statements that end with their scope. Failures become what the user can act on:
// a file that is no store or is damaged, or that another program keeps locked, is bad input (SpecError); a full disk and
// other failures of the machine are an IoError.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace orrery {

class Database {
 public:
  enum class Mode { read, create };
  Database(const std::filesystem::path&, Mode);
  void run(const std::string& sql);  // statements without results
  const std::filesystem::path& path() const { return path_; }
  [[noreturn]] void fail(int code) const;

 private:
  friend class Statement;
  struct Close {
    void operator()(sqlite3*) const;
  };
  std::filesystem::path path_;
  std::unique_ptr<sqlite3, Close> handle_;
};

class Statement {
 public:
  Statement(Database&, const std::string& sql);
  Statement& bind(int index, std::string_view text);  // from 1; kept until reset
  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, double value);
  bool step();  // true: there is a row
  void reset();
  std::string text(int column) const;  // from 0; "" for NULL
  std::int64_t integer(int column) const;
  double real(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt*) const;
  };
  Database& database_;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

}  // namespace orrery
