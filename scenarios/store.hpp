// Where the points of a sweep are kept: one SQLite file (WAL: readers see finished points while a sweep runs, and what was
// committed survives kill -9). The schema is in docs/sweeps.md; its version is the file's user_version. A row is written in
// one transaction of its own as its point finishes. One writer at a time: a lock on a file beside it, which the system
// takes back when the writer dies.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/store_lock.hpp"
#include "scenarios/store_sqlite.hpp"
#include "sim/json.hpp"

namespace orrery {

// What a store belongs to. Stores that differ in nothing but `shard` are parts of one sweep.
struct StoreIdentity {
  std::string name;                   // of the sweep
  std::string sweep;                  // its document
  std::string sweep_sha256;           // of everything that decides its points
  std::string orrery, binary_sha256;  // version and program that made it
  std::size_t points = 0;             // of the whole sweep
  std::string shard = "1/1";
  std::vector<std::string> inputs;  // names of axes and derived values
  std::vector<std::string> metrics;
};

struct StoredPoint {
  std::size_t point = 0;
  std::string status;                       // "ok", "infeasible", "invalid", "failed"
  std::string reason;                       // "" when ok
  Json inputs, metrics;                     // by name; inputs: axes and derived values
  Json warnings;                            // a list
  std::string scenario_sha256, scenario;    // fully resolved; "" when it could not be read
  std::map<std::string, std::string> data;  // hashes of the files that it was read from, by name; kept for all points
  std::string orrery;                       // version that simulated it
  double wall_s = 0;
};

class Store {
 public:
  // An existing store to read.
  static Store open(const std::filesystem::path&);
  // To add points to: created when absent (or empty after a stop at once), locked until this ends.
  static Store open_to_write(const std::filesystem::path&, const StoreIdentity& if_new);

  const StoreIdentity& identity() const { return identity_; }
  std::filesystem::path path() const { return database_->path(); }
  std::size_t size();
  std::vector<bool> stored();  // for every point of the sweep
  void add(const StoredPoint&);
  // Hashes of all files that the points come from ("": nothing was there), by what they are called: "networks/gpt3-175b".
  const std::map<std::string, std::string>& data() const { return data_; }
  void add_data(const std::map<std::string, std::string>&);  // throws SpecError where one is known with another content
  void begin();                                              // several points in one transaction, until
  void commit();
  void make_single_file();  // no -wal beside it any more: it can be renamed, and read where nothing can be written
  void remove(std::size_t point);
  void remove_with_status(const std::string& status);
  // In the order of the points; without the scenario's text unless asked for.
  void each(const std::function<void(const StoredPoint&)>&, bool with_scenario = false);
  std::optional<StoredPoint> find(std::size_t point);
  void adopt(const StoreIdentity& other);  // takes over the version and program that go on with it

 private:
  Store(const std::filesystem::path&, Database::Mode);
  void create(const StoreIdentity&);
  void begin_writing();
  void check();
  std::int64_t number(const std::string& sql);
  void read_identity();
  void write_identity(const StoreIdentity&);
  void read_data();

  bool writing_ = false, in_transaction_ = false;
  std::unique_ptr<StoreLock> lock_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Statement> insert_;
  StoreIdentity identity_;
  std::map<std::string, std::string> data_;
};

}  // namespace orrery
