#include "scenarios/store_sqlite.hpp"

#include <cerrno>

#include <fmt/format.h>
#include <sqlite3.h>

#include "sim/error.hpp"

namespace orrery {

namespace {

constexpr int patience_ms = 10'000;  // for a program that reads or copies the store at the moment

}  // namespace

void Database::Close::operator()(sqlite3* handle) const { sqlite3_close(handle); }
void Statement::Finalize::operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }

Database::Database(const std::filesystem::path& path, Mode mode) : path_(path) {
  // Also to read with rights to write where we have them: only such a connection clears away the -wal and -shm files when it
  // is the last to close. Where we have not, SQLite reads what a finished sweep or a merge left, but no sweep that runs.
  const int flags = SQLITE_OPEN_READWRITE | (mode == Mode::create ? SQLITE_OPEN_CREATE : 0);
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) fail(code);
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, patience_ms);
  if (mode == Mode::read) run("PRAGMA query_only=1");
}

void Database::run(const std::string& sql) {
  const int code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

void Database::fail(int code) const {
  const std::string file = path_.string();
  const std::string why = handle_ ? sqlite3_errmsg(handle_.get()) : sqlite3_errstr(code);
  switch (code & 0xff) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_FORMAT:
      throw SpecError(file, "", "a store written by `orrery sweep`",
                      fmt::format("a damaged or foreign file ({})", why));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw SpecError(file, "", "a store that no other program keeps locked", fmt::format("a locked one ({})", why));
    case SQLITE_FULL:
      throw IoError(fmt::format("{}: the disk is full", file));
    default:
      if (handle_ && sqlite3_system_errno(handle_.get()) == ENOSPC)
        throw IoError(fmt::format("{}: the disk is full", file));
      throw IoError(fmt::format("{}: cannot be read or written: {}", file, why));
  }
}

Statement::Statement(Database& database, const std::string& sql) : database_(database) {
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v2(database.handle_.get(), sql.c_str(), -1, &handle, nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) database_.fail(code);
}

Statement& Statement::bind(int index, std::string_view text) {
  const int code = sqlite3_bind_text64(handle_.get(), index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) database_.fail(code);
  return *this;
}

Statement& Statement::bind(int index, std::int64_t value) {
  const int code = sqlite3_bind_int64(handle_.get(), index, value);
  if (code != SQLITE_OK) database_.fail(code);
  return *this;
}

Statement& Statement::bind(int index, double value) {
  const int code = sqlite3_bind_double(handle_.get(), index, value);
  if (code != SQLITE_OK) database_.fail(code);
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) database_.fail(code);
  return false;
}

void Statement::reset() { sqlite3_reset(handle_.get()); }

std::string Statement::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(handle_.get(), column));
  return bytes ? std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))) : "";
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }
double Statement::real(int column) const { return sqlite3_column_double(handle_.get(), column); }

}  // namespace orrery
