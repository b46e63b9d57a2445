// What is wrong with a sweep file or a store is said in one line with its place, before anything is simulated or written.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>

#include <catch2/catch.hpp>
#include <sys/mount.h>
#include <sys/resource.h>

#include "scenarios/store.hpp"
#include "scenarios/store_sqlite.hpp"
#include "tests/scenarios/small_scenario.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;
using namespace orrery::test;
using Catch::Matchers::Contains;

namespace {

std::string sweep_of(const std::string& axes, const std::string& more = "") {
  return R"({"orrery": "sweep/1", "base": "small.json", "axes": [)" + axes + "]" + more + "}";
}

const std::string tensor = R"({"path": "/jobs/0/plan/tensor", "values": [1, 2]})";

struct Bad {
  std::string sweep, message;
};

struct SweepFolder : Folder {
  explicit SweepFolder(const std::string& sweep) {
    write("small.json", small_scenario);
    file = write("sweep.json", sweep);
  }
  Outcome run(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {"sweep", file, "--out", path("out")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_orrery(arguments);
  }
  std::string store() const { return path("out/sweep.sqlite"); }
  std::string file;
};

// A sweep whose 200 points need a few hundred kilobytes of store.
struct LongSweep : SweepFolder {
  LongSweep()
      : SweepFolder(sweep_of(tensor + R"(, {"path": "/jobs/0/batch/global", "from": 16, "to": 1600, "step": 16})")) {}
  std::size_t stored() const { return Store::open(store()).size(); }
};

// A limit on the size of files stands for a full disk: the same failed write.
class SmallDisk {
 public:
  SmallDisk() {
    getrlimit(RLIMIT_FSIZE, &usual_);
    rlimit small = usual_;
    small.rlim_cur = 200'000;
    setrlimit(RLIMIT_FSIZE, &small);
    std::signal(SIGXFSZ, SIG_IGN);
  }
  ~SmallDisk() { setrlimit(RLIMIT_FSIZE, &usual_); }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

 private:
  rlimit usual_{};
};

}  // namespace

TEST_CASE("a sweep file that cannot be meant is refused with the place of the fault") {
  const Bad bad = GENERATE(values<Bad>({
      {sweep_of(R"({"path": "/jobs/0/plan/tensr", "values": [1]})"), "/axes/0/path: expected a path to"},
      {sweep_of(R"({"path": "/jobs/7/plan/tensor", "values": [1]})"), "expected at /jobs/7/plan/tensor)"},
      {sweep_of(R"({"path": "/jobs/0/plan/tensor", "values": []})"), "/axes/0/values: expected at least one value"},
      {sweep_of(R"({"path": "/jobs/0/plan/tensor"})"), "/axes/0: expected \"values\", or \"from\" and \"to\""},
      {sweep_of(""), "/axes: expected at least one axis"},
      {sweep_of(tensor + "," + tensor), "a second time"},
      {sweep_of(R"({"path": "/jobs/0/batch/micro", "from": 1.0, "to": 2.0})"), "/axes/0: expected \"step\" or"},
      {sweep_of(R"({"path": "/jobs/0/batch/micro", "from": 3, "to": 2})"), "/axes/0/to"},
      {sweep_of(R"({"path": "/jobs/0/batch/micro", "from": "1 GB/s", "to": "2 s", "points": 2})"), "/axes/0/to"},
      {sweep_of(R"({"zip": [)" + tensor + R"(, {"path": "/jobs/0/batch/micro", "values": [1]}]})"),
       "/axes/0/zip/1: expected 2 values"},
      {sweep_of(tensor, R"(, "where": ["tensr > 1"])"), "/where/0: expected an expression over the axes"},
      {sweep_of(tensor, R"(, "where": ["tensor > 7"])"), "/where: expected filters that leave"},
      {sweep_of(tensor, R"(, "where": ["tensor"])"), "/where/0: expected true or false"},
      {sweep_of(tensor, R"x(, "derived": [{"name": "x", "expression": "1 / (tensor - 1)"}])x"),
       "/derived/0/expression"},
      {sweep_of(tensor, R"(, "metrics": ["iteration"])"), "/metrics/0: expected a metric"},
      {sweep_of(tensor, R"(, "metrics": ["/nowhere/stages/0"])"), "/metrics/0: expected a JSON pointer such as"},
      {sweep_of(tensor, R"(, "metrics": ["/jobs/0/metrics/stages/00/bubble_s"])"),
       "/metrics/0: expected a JSON pointer such as"},
      {sweep_of(tensor, R"(, "metrics": ["/jobs/3/metrics/stages/0/bubble_s"])"),
       "/metrics/0: expected a JSON pointer"},
      {sweep_of(tensor, R"(, "metrics": ["/jobs/0/metrics/stages/0/bubbles"])"), "/metrics/0: expected a JSON pointer"},
      {sweep_of(tensor, R"(, "metrics": ["/jobs/0/metrics/stagesfoo/bubble_s"])"),
       "/metrics/0: expected a JSON pointer"},
      {sweep_of(tensor, R"(, "sample": {"method": "random", "points": 3})"), "/sample/points: expected at most the 2"},
      {sweep_of(tensor, R"(, "axis": [])"), "did you mean \"axes\"?"},
  }));
  CAPTURE(bad.sweep);
  const SweepFolder folder(bad.sweep);
  const Outcome outcome = folder.run();
  CHECK(outcome.exit_code == 2);
  CHECK_THAT(outcome.err, Contains("sweep.json: at ") && Contains(bad.message));
  CHECK(!std::filesystem::exists(folder.path("out")));
}

TEST_CASE("an explosion of points is counted and wants to be confirmed") {
  const SweepFolder folder(sweep_of(R"({"path": "/jobs/0/batch/global", "from": 1, "to": 400},
    {"path": "/jobs/0/batch/micro", "from": 1, "to": 100})"));
  const Outcome refused = folder.run();
  CHECK(refused.exit_code == 2);
  CHECK_THAT(refused.err, Contains("found 40000 points") && Contains("--yes"));
  CHECK_THAT(run_orrery({"sweep", folder.file, "--dry-run", "--yes"}).out, Contains("40000 points"));
  CHECK(folder.run({"--limit", "39999"}).exit_code == 2);
}

TEST_CASE("a store is only gone on with on request and by the same sweep") {
  const SweepFolder folder(sweep_of(tensor));
  REQUIRE(folder.run().exit_code == 0);
  const std::string before = read_text(folder.store());
  CHECK_THAT(folder.run().err, Contains("--resume goes on"));
  CHECK(folder.run({"--resume"}).exit_code == 0);
  folder.write("sweep.json", sweep_of(R"({"path": "/jobs/0/plan/tensor", "values": [1, 4]})"));
  const Outcome changed = folder.run({"--resume"});
  CHECK(changed.exit_code == 2);
  CHECK_THAT(changed.err, Contains("has changed since"));
  folder.write("sweep.json", sweep_of(tensor));
  folder.write("small.json", with("\"global\": 16", "\"global\": 32"));
  CHECK_THAT(folder.run({"--resume"}).err, Contains("has changed since"));
  CHECK(read_text(folder.store()) == before);
}

TEST_CASE("a store of another build is noticed") {
  const SweepFolder folder(sweep_of(tensor));
  REQUIRE(folder.run().exit_code == 0);
  Database(folder.store(), Database::Mode::create).run("UPDATE sweep SET value = 'other' WHERE key = 'binary_sha256'");
  const Outcome outcome = folder.run({"--resume"});
  CHECK(outcome.exit_code == 2);
  CHECK_THAT(outcome.err, Contains("another build") && Contains("--accept-binary"));
  CHECK(folder.run({"--resume", "--accept-binary"}).exit_code == 0);
}

TEST_CASE("a store of another format, a damaged one, a foreign file and a locked one are said to be so") {
  const SweepFolder folder(sweep_of(tensor));
  REQUIRE(folder.run().exit_code == 0);
  SECTION("another format") {
    Database(folder.store(), Database::Mode::create).run("PRAGMA user_version=99");
    CHECK_THAT(folder.run({"--resume"}).err, Contains("format 99"));
    CHECK(run_orrery({"export", folder.path("out")}).exit_code == 2);
  }
  SECTION("damaged") {
    std::fstream file(folder.store(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    file << std::string(8192, 'x');
    file.close();
    const Outcome outcome = folder.run({"--resume"});
    CHECK(outcome.exit_code == 2);
    CHECK_THAT(outcome.err, Contains("damaged"));
  }
  SECTION("foreign") {
    folder.write("out/sweep.sqlite", "my diary\n" + std::string(5000, 'x'));
    const Outcome outcome = folder.run({"--resume"});
    CHECK(outcome.exit_code == 2);
    CHECK_THAT(outcome.err, Contains("damaged or foreign"));
    CHECK_THAT(read_text(folder.store()), Contains("my diary"));
  }
  SECTION("locked by another sweep") {
    const StoreLock lock(folder.store());
    const Outcome outcome = folder.run({"--resume"});
    CHECK(outcome.exit_code == 2);
    CHECK_THAT(outcome.err, Contains("writing to it"));
  }
}

TEST_CASE("a store that another program keeps locked is said to be so, and nothing in it is lost") {
  const SweepFolder folder(sweep_of(tensor));
  REQUIRE(folder.run().exit_code == 0);
  const std::string before = run_orrery({"export", folder.path("out")}).out;
  {
    Database other(folder.store(), Database::Mode::create);
    other.run("DELETE FROM points WHERE point = 1");
    other.run("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE sweep SET value = value;");
    for (const Outcome& outcome : {folder.run({"--resume"}), run_orrery({"export", folder.path("out")})}) {
      CHECK(outcome.exit_code == 2);
      CHECK_THAT(outcome.err, Contains("no other program keeps locked") && Contains("sweep.sqlite"));
    }
    other.run("COMMIT");
  }
  CHECK(folder.run({"--resume"}).exit_code == 0);
  CHECK(run_orrery({"export", folder.path("out")}).out == before);
}

TEST_CASE("stores of different sweeps do not merge") {
  const SweepFolder one(sweep_of(tensor)), other(sweep_of(R"({"path": "/jobs/0/plan/tensor", "values": [2, 4]})"));
  REQUIRE(one.run().exit_code == 0);
  REQUIRE(other.run().exit_code == 0);
  const Outcome outcome = run_orrery({"merge", one.store(), other.store(), "--out", one.path("merged")});
  CHECK(outcome.exit_code == 2);
  CHECK_THAT(outcome.err, Contains("the sweep of"));
  CHECK(!std::filesystem::exists(one.path("merged/sweep.sqlite")));
}

TEST_CASE("a full disk ends a sweep with what was stored and how to go on") {
  const LongSweep sweep;
  const Outcome outcome = [&] {
    const SmallDisk disk;
    return sweep.run({"--jobs", "1"});
  }();
  CHECK(outcome.exit_code == 1);
  CHECK_THAT(outcome.err, Contains("sweep.sqlite") && Contains("points are stored in") && Contains("--resume goes on"));
  CHECK(sweep.stored() > 0);
  CHECK(sweep.run({"--resume"}).exit_code == 0);
  CHECK(sweep.stored() == 200);
}

TEST_CASE("a disk that really is full ends a sweep in the same way") {
  const LongSweep sweep;
  const std::string out = sweep.path("out");
  std::filesystem::create_directory(out);
  if (::mount("none", out.c_str(), "tmpfs", 0, "size=320k") != 0) {
    WARN("no right to mount a small disk: not tested");
    return;
  }
  const std::unique_ptr<const std::string, void (*)(const std::string*)> mounted(
      &out, [](const std::string* disk) { ::umount2(disk->c_str(), MNT_DETACH); });
  const Outcome outcome = sweep.run({"--jobs", "2"});
  CHECK(outcome.exit_code == 1);
  CHECK_THAT(outcome.err, Contains("the disk is full") && Contains("--resume goes on"));
  CHECK(sweep.stored() > 0);
  CHECK(::mount("none", out.c_str(), "tmpfs", MS_REMOUNT, "size=8m") == 0);
  CHECK(sweep.run({"--resume"}).exit_code == 0);
  CHECK(sweep.stored() == 200);
}

TEST_CASE("a disk that is still full says how much of the sweep is safe") {
  const LongSweep sweep;
  const SmallDisk disk;
  REQUIRE(sweep.run({"--jobs", "1"}).exit_code == 1);
  const Outcome again = sweep.run({"--jobs", "1", "--resume"});
  CHECK(again.exit_code == 1);
  CHECK_THAT(again.err, !Contains("\n0 points are stored"));
}

TEST_CASE("names of metrics, empty lists, axes under other axes and scenarios are told from sweeps") {
  const auto refused = [](const std::string& sweep, const std::string& what) {
    const SweepFolder folder(sweep);
    const Outcome outcome = folder.run();
    INFO(outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK_THAT(outcome.err, Contains(what));
  };
  const std::string base = R"({"orrery": "sweep/1", "base": "small.json", )";
  refused(base + R"("axes": [{"path": "/jobs/0/plan/tensor", "name": "iteration_s", "values": [1]}]})", "/axes/0/name");
  refused(base + R"("axes": [{"path": "/jobs/0/plan/tensor", "values": [1]}], "metrics": []})", "at least one metric");
  refused(base + R"("axes": [{"zip": []}]})", "at least one axis");
  refused(base + R"("axes": [{"path": "/jobs/0/batch/micro", "values": [1]},
                             {"path": "/jobs/0/batch", "values": [{"global": 16, "micro": 2}]}]})",
          "does not set over what \"/jobs/0/batch/micro\" sets");
  const Outcome scenario = run_orrery({"sweep", "tiny", "--dry-run"});
  CHECK(scenario.exit_code == 2);
  CHECK_THAT(scenario.err, Contains("gpt3-175b-parallelism") && Contains("which is a scenario"));
}

TEST_CASE("metrics of stages and kernels are stored, and one that no point has is told at the end") {
  const SweepFolder folder(sweep_of(tensor, R"(, "metrics": ["/jobs/0/metrics/stages/0/bubble_s",
      "/jobs/0/metrics/stages/0/compute_by_kernel_s/gemm", "/jobs/0/metrics/stages/9/bubble_s"])"));
  const Outcome outcome = folder.run();
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK_THAT(outcome.err + outcome.out,
             Contains("no point has a value for the metric /jobs/0/metrics/stages/9/bubble_s") &&
                 !Contains("metric /jobs/0/metrics/stages/0"));
}

TEST_CASE("going on with a store that has failed points says so and how to try them again") {
  const SweepFolder folder(sweep_of(tensor));
  REQUIRE(folder.run().exit_code == 0);
  Database(folder.store(), Database::Mode::create).run("UPDATE points SET status = 'failed' WHERE status = 'ok'");
  const Outcome resumed = folder.run({"--resume"});
  CHECK(resumed.exit_code == 0);
  CHECK_THAT(resumed.out,
             Contains("in the store: 0 ok, 0 infeasible, 1 invalid, 1 failed") && Contains("--resume --retry-failed"));
  CHECK_THAT(folder.run({"--resume", "--retry-failed"}).out,
             Contains("in the store: 1 ok") && !Contains("--retry-failed"));
}
