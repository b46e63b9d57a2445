#include "scenarios/store.hpp"

#include <fmt/format.h>

#include "sim/error.hpp"

namespace orrery {

namespace {

constexpr int schema_version = 2;

const std::string select_point =
    "SELECT point, status, reason, inputs, metrics, warnings, scenario_sha256, orrery, wall_s";

std::string quoted(const std::string& name, char mark) {
  std::string text(1, mark);
  for (const char c : name) text += c == mark ? std::string(2, c) : std::string(1, c);
  return text + mark;
}

// One column per axis and metric, for people: SELECT tensor, mfu FROM results WHERE status = 'ok'.
std::string results_view(const StoreIdentity& identity) {
  const auto column = [](const char* source, const std::string& name) {
    const std::string path = "$." + quoted(name, '"');
    return fmt::format(", json_extract({}, {}) AS {}", source, quoted(path, '\''), quoted(name, '"'));
  };
  std::string sql = "CREATE VIEW results AS SELECT point, status";
  for (const std::string& name : identity.inputs) sql += column("inputs", name);
  for (const std::string& name : identity.metrics) sql += column("metrics", name);
  return sql + ", reason, scenario_sha256, orrery FROM points;";
}

StoredPoint point_of(const Statement& row, const std::string& file, bool with_scenario) {
  StoredPoint point;
  point.point = static_cast<std::size_t>(row.integer(0));
  point.status = row.text(1);
  point.reason = row.text(2);
  point.inputs = parse_json(row.text(3), file);
  point.metrics = parse_json(row.text(4), file);
  point.warnings = parse_json(row.text(5), file);
  point.scenario_sha256 = row.text(6);
  point.orrery = row.text(7);
  point.wall_s = row.real(8);
  if (with_scenario) point.scenario = row.text(9);
  return point;
}

}  // namespace

Store::Store(const std::filesystem::path& path, Database::Mode mode) {
  if (mode == Database::Mode::create) lock_ = std::make_unique<StoreLock>(path);
  database_ = std::make_unique<Database>(path, mode);
}

Store Store::open(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error))
    throw SpecError(path.string(), "", "a store written by `orrery sweep`", "no such file");
  Store store(path, Database::Mode::read);
  store.read_identity();
  store.read_data();
  return store;
}

Store Store::open_to_write(const std::filesystem::path& path, const StoreIdentity& if_new) {
  Store store(path, Database::Mode::create);
  if (store.number("SELECT count(*) FROM sqlite_master") == 0)
    store.create(if_new);
  else
    store.check();
  store.read_identity();
  store.read_data();
  return store;
}

// Not before there is something to write: a store that is only looked at stays as it was.
void Store::begin_writing() {
  if (writing_) return;
  database_->run("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;");
  writing_ = true;
}

// The first number that a query gives.
std::int64_t Store::number(const std::string& sql) {
  Statement query(*database_, sql);
  query.step();
  return query.integer(0);
}

void Store::check() {
  Statement pages(*database_, "PRAGMA quick_check(1)");
  pages.step();
  if (pages.text(0) != "ok")
    throw SpecError(path().string(), "", "a store written by `orrery sweep`", "a damaged file: " + pages.text(0));
}

void Store::create(const StoreIdentity& identity) {
  database_->run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; BEGIN IMMEDIATE;");
  database_->run(fmt::format("PRAGMA user_version={};", schema_version));
  database_->run(
      "CREATE TABLE sweep (key TEXT PRIMARY KEY, value TEXT NOT NULL);"
      "CREATE TABLE data (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL);"
      "CREATE TABLE points ("
      " point INTEGER PRIMARY KEY,"
      " status TEXT NOT NULL CHECK (status IN ('ok', 'infeasible', 'invalid', 'failed')),"
      " reason TEXT NOT NULL, inputs TEXT NOT NULL, metrics TEXT NOT NULL, warnings TEXT NOT NULL,"
      " scenario_sha256 TEXT NOT NULL, orrery TEXT NOT NULL, wall_s REAL NOT NULL, scenario TEXT NOT NULL);");
  database_->run(results_view(identity));
  write_identity(identity);
  database_->run("COMMIT;");
}

void Store::write_identity(const StoreIdentity& identity) {
  Statement insert(*database_, "INSERT OR REPLACE INTO sweep VALUES (?, ?)");
  const auto put = [&](const char* key, const std::string& value) {
    insert.bind(1, key).bind(2, value).step();
    insert.reset();
  };
  put("name", identity.name);
  put("sweep", identity.sweep);
  put("sweep_sha256", identity.sweep_sha256);
  put("orrery", identity.orrery);
  put("binary_sha256", identity.binary_sha256);
  put("points", std::to_string(identity.points));
  put("shard", identity.shard);
  put("inputs", Json(identity.inputs).dump());
  put("metrics", Json(identity.metrics).dump());
}

void Store::read_identity() {
  const std::string file = path().string();
  const std::int64_t version = number("PRAGMA user_version");
  if (version != schema_version)
    throw SpecError(file, "", fmt::format("a store of format {}", schema_version),
                    version == 0 ? "a database that is no store of `orrery sweep`"
                                 : fmt::format("format {}, of another version of orrery", version));
  const auto get = [&](const std::string& key) {
    Statement select(*database_, "SELECT value FROM sweep WHERE key = ?");
    select.bind(1, key);
    if (!select.step()) throw SpecError(file, "", "a store with the entry \"" + key + "\"", "none");
    return select.text(0);
  };
  identity_ = {get("name"), get("sweep"), get("sweep_sha256"), get("orrery"), get("binary_sha256"), 0, get("shard"), {},
               {}};
  identity_.points = parse_json(get("points"), file).get<std::size_t>();
  identity_.inputs = parse_json(get("inputs"), file).get<std::vector<std::string>>();
  identity_.metrics = parse_json(get("metrics"), file).get<std::vector<std::string>>();
}

void Store::adopt(const StoreIdentity& other) {
  identity_.orrery = other.orrery;
  identity_.binary_sha256 = other.binary_sha256;
  write_identity(identity_);
}

std::size_t Store::size() { return static_cast<std::size_t>(number("SELECT count(*) FROM points")); }

std::vector<bool> Store::stored() {
  std::vector<bool> all(identity_.points, false);
  Statement select(*database_, "SELECT point FROM points");
  while (select.step()) {
    const auto point = static_cast<std::size_t>(select.integer(0));
    if (point >= all.size())
      throw SpecError(path().string(), "", fmt::format("points below {}", all.size()), fmt::format("point {}", point));
    all[point] = true;
  }
  return all;
}

void Store::read_data() {
  Statement select(*database_, "SELECT name, sha256 FROM data");
  while (select.step()) data_[select.text(0)] = select.text(1);
}

void Store::add_data(const std::map<std::string, std::string>& data) {
  for (const auto& [name, hash] : data) {
    const auto [known, is_new] = data_.emplace(name, hash);
    if (!is_new && known->second != hash)
      throw SpecError(path().string(), "", fmt::format("points of one state of {}", name),
                      "another one: it has changed since the first points were simulated; take a new --out folder");
    if (!is_new) continue;
    Statement insert(*database_, "INSERT INTO data VALUES (?, ?)");
    insert.bind(1, name).bind(2, hash).step();
  }
}

// Data first: a stop between the two leaves an entry too many, which costs nothing, and never a point without its data.
void Store::add(const StoredPoint& p) {
  if (!in_transaction_) begin_writing();
  add_data(p.data);
  if (!insert_)
    insert_ = std::make_unique<Statement>(
        *database_,
        "INSERT INTO points (point, status, reason, inputs, metrics, warnings, scenario_sha256, orrery, wall_s, "
        "scenario) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  insert_->reset();
  insert_->bind(1, static_cast<std::int64_t>(p.point)).bind(2, p.status).bind(3, p.reason).bind(4, p.inputs.dump());
  insert_->bind(5, p.metrics.dump()).bind(6, p.warnings.dump()).bind(7, p.scenario_sha256).bind(8, p.orrery);
  insert_->bind(9, p.wall_s).bind(10, p.scenario);
  insert_->step();
  insert_->reset();
}

void Store::begin() {
  begin_writing();
  database_->run("BEGIN IMMEDIATE");
  in_transaction_ = true;
}
void Store::commit() {
  database_->run("COMMIT");
  in_transaction_ = false;
}
void Store::make_single_file() { database_->run("PRAGMA synchronous=FULL; PRAGMA journal_mode=DELETE"); }

void Store::remove(std::size_t point) {
  Statement erase(*database_, "DELETE FROM points WHERE point = ?");
  erase.bind(1, static_cast<std::int64_t>(point)).step();
}

void Store::remove_with_status(const std::string& status) {
  Statement erase(*database_, "DELETE FROM points WHERE status = ?");
  erase.bind(1, status).step();
}

void Store::each(const std::function<void(const StoredPoint&)>& use, bool with_scenario) {
  Statement select(*database_, select_point + (with_scenario ? ", scenario" : "") + " FROM points ORDER BY point");
  while (select.step()) use(point_of(select, path().string(), with_scenario));
}

std::optional<StoredPoint> Store::find(std::size_t point) {
  Statement select(*database_, select_point + ", scenario FROM points WHERE point = ?");
  select.bind(1, static_cast<std::int64_t>(point));
  if (!select.step()) return {};
  return point_of(select, path().string(), true);
}

}  // namespace orrery
