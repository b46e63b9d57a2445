// A sweep that is stopped at any moment, by kill -9 too, loses no stored point and repeats none.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scenarios/store.hpp"
#include "sim/error.hpp"
#include "tests/scenarios/small_scenario.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;
using namespace orrery::test;
using Catch::Matchers::Contains;

namespace {

const std::string many_points = R"({"orrery": "sweep/1", "base": "small.json",
  "axes": [{"path": "/jobs/0/plan/tensor", "values": [1, 2]},
           {"path": "/jobs/0/batch/global", "from": 16, "to": 1200, "step": 16},
           {"path": "/simulate/fidelity", "values": ["analytic"]}],
  "derived": [{"name": "data", "path": "/jobs/0/plan/data", "expression": "4 / tensor"}],
  "metrics": ["iteration_s"]})";
constexpr std::size_t point_count = 150;

// The program, killed with everything it had of a future after `microseconds`.
void run_and_kill(const std::vector<std::string>& arguments, unsigned microseconds) {
  const pid_t pid = fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    const int nowhere = ::open("/dev/null", O_RDWR);
    ::dup2(nowhere, STDOUT_FILENO);
    ::dup2(nowhere, STDERR_FILENO);
    std::vector<char*> argv;
    std::vector<std::string> words = arguments;
    words.insert(words.begin(), ORRERY_BINARY);
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    ::execv(argv[0], argv.data());
    _exit(127);
  }
  ::usleep(microseconds);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

// What was stored, with the times of simulating, which a repetition would change.
std::vector<std::pair<std::size_t, double>> stored_in(const std::string& file) {
  std::vector<std::pair<std::size_t, double>> all;
  if (!std::filesystem::exists(file)) return all;
  try {
    Store store = Store::open(file);
    store.each([&](const StoredPoint& p) { all.emplace_back(p.point, p.wall_s); });
  } catch (const SpecError&) {
    // Killed before the store was made.
  }
  return all;
}

}  // namespace

TEST_CASE("twenty times kill -9 lose no stored point of a sweep and repeat none") {
  const Folder folder;
  folder.write("small.json", small_scenario);
  const std::string file = folder.write("sweep.json", many_points);
  const std::vector<std::string> again = {"sweep", file, "--out", folder.path("out"), "--resume", "--jobs", "2"};
  const std::string store = folder.path("out/sweep.sqlite");
  std::mt19937 random(7);
  std::vector<std::pair<std::size_t, double>> before;
  for (int kill = 0; kill < 20; ++kill) {
    run_and_kill(again, 20'000 + static_cast<unsigned>(random() % 150'000));
    const auto now = stored_in(store);
    REQUIRE(now.size() >= before.size());
    for (const auto& point : before) REQUIRE(std::find(now.begin(), now.end(), point) != now.end());
    before = now;
  }
  REQUIRE(run_orrery(again).exit_code == 0);
  const auto all = stored_in(store);
  CHECK(all.size() == point_count);
  for (const auto& point : before) CHECK(std::find(all.begin(), all.end(), point) != all.end());
  REQUIRE(run_orrery({"sweep", file, "--out", folder.path("straight")}).exit_code == 0);
  for (const char* result : {"results.csv", "results.json"})
    CHECK(read_text(folder.path(std::string("out/") + result)) ==
          read_text(folder.path(std::string("straight/") + result)));
}

TEST_CASE("an interrupted sweep says how to go on and ends with 130") {
  const Folder folder;
  folder.write("small.json", small_scenario);
  std::string slow = many_points;
  slow.replace(slow.find("\"analytic\""), 10, "\"flow\"");
  const std::string file = folder.write("sweep.json", slow);
  Circumstances soon;
  soon.interrupt_after_ms = 300;
  const Outcome outcome = run_orrery({"sweep", file, "--out", folder.path("out"), "--jobs", "1"}, soon);
  if (outcome.exit_code == 0) return;  // a fast machine
  CHECK(outcome.exit_code == 130);
  CHECK(!std::filesystem::exists(folder.path("out/results.csv")));
  CHECK(run_orrery({"sweep", file, "--out", folder.path("out"), "--resume"}).exit_code == 0);
}

TEST_CASE("the parts of a sharded sweep merge to what one machine gives") {
  const Folder folder;
  folder.write("small.json", small_scenario);
  const std::string file = folder.write("sweep.json", many_points);
  for (const char* shard : {"1/3", "3/3"})
    REQUIRE(run_orrery({"sweep", file, "--out", folder.path("parts"), "--shard", shard}).exit_code == 0);
  const Outcome partly = run_orrery({"merge", folder.path("parts"), "--out", folder.path("parts")});
  CHECK(partly.exit_code == 1);
  CHECK_THAT(partly.err, Contains("50 points are missing"));
  REQUIRE(run_orrery({"sweep", file, "--out", folder.path("parts"), "--shard", "2/3"}).exit_code == 0);
  const Outcome merged = run_orrery({"merge", folder.path("parts"), "--out", folder.path("parts")});
  REQUIRE(merged.exit_code == 0);
  CHECK_THAT(merged.out, Contains("from 3 stores"));  // not counting what was merged before
  REQUIRE(run_orrery({"sweep", file, "--out", folder.path("one")}).exit_code == 0);
  CHECK(read_text(folder.path("parts/results.csv")) == read_text(folder.path("one/results.csv")));
  const std::string whole = read_text(folder.path("one/results.json"));
  CHECK(read_text(folder.path("parts/results.json")) == whole);
  const Outcome again = run_orrery({"merge", folder.path("one/sweep.sqlite"),
                                    folder.path("parts/shard-0001-of-0003.sqlite"), "--out", folder.path("one")});
  INFO(again.err);
  CHECK(again.exit_code == 0);  // a store whose log is beside it as long as one reads it
  CHECK(read_text(folder.path("one/results.json")) == whole);
}
