// The forked child: what goes wrong in it is reported here.
#include <csignal>

#include <catch2/catch.hpp>

#include "sim/simgrid/child.hpp"
#include "tests/sim/engine_fixture.hpp"

using namespace orrery;
using namespace orrery::testing;

namespace {

template <class Act> struct ActingGovernor : Governor {
  explicit ActingGovernor(Act a) : act(a) {}
  Setting set(DeviceId, const Activity&, Seconds now) override {
    if (now.value > 0) act();
    return {};
  }
  Act act;
};

template <class Act> void run_and_act(Act act) {
  const Cluster cluster = star(3);
  Writer w(cluster);
  w.send(0, 2, 1);
  w.send(1, 2, 2);
  ListDriver driver({w.finish()});
  const std::vector<JobDriver*> drivers{&driver};
  ActingGovernor governor(act);
  simulate_flow(cluster, HeadCost(), governor, drivers);
}

}  // namespace

TEST_CASE("a simulation process that crashes is an internal error naming the signal") {
  CHECK_THROWS_AS(run_and_act([] { std::raise(SIGKILL); }), KilledError);  // as the system does for want of memory
  CHECK_THROWS_WITH(run_and_act([] { std::raise(SIGKILL); }), Catch::Contains("signal 9"));
  CHECK_THROWS_AS(run_and_act([] { std::raise(SIGSEGV); }), InternalError);
  CHECK_THROWS_WITH(run_and_act([] { std::_Exit(0); }), Catch::Contains("before it had sent its result"));
}

TEST_CASE("what is thrown inside the simulation arrives with its type and text") {
  CHECK_THROWS_WITH(run_and_act([] { throw SpecError("a.json", "/x", "a number", "a list"); }),
                    "a.json: at /x: expected a number, found a list");
  CHECK_THROWS_AS(run_and_act([] { throw SpecError("a.json", "/x", "a number", "a list"); }), SpecError);
  CHECK_THROWS_AS(run_and_act([] { throw StuckError("held"); }), StuckError);
  CHECK_THROWS_AS(run_and_act([] { throw IoError("disk"); }), IoError);
  CHECK_THROWS_AS(run_and_act([] { throw std::bad_alloc(); }), std::bad_alloc);
  CHECK_THROWS_WITH(run_and_act([] { throw std::out_of_range("index"); }), "index");
  CHECK_THROWS_AS(run_and_act([] { throw 7; }), InternalError);
}

TEST_CASE("a child brings home results larger than a pipe holds") {
  const std::vector<std::uint32_t> big(50'000'000, 7);
  std::vector<std::uint32_t> home;
  std::string last;
  run_in_child(
      [&](ByteWriter& writer) {
        writer.list(big);
        writer.text("the end");
      },
      [&](ByteReader& reader) {
        home = reader.list<std::uint32_t>();
        last = reader.text();
      });
  CHECK(home == big);
  CHECK(last == "the end");
}

TEST_CASE("a child that fails or dies after it began to send is noticed") {
  const std::vector<char> much(1'000'000, 'x');
  const auto receive = [](ByteReader& reader) {
    reader.list<char>();
    reader.list<char>();
  };
  CHECK_THROWS_WITH(run_in_child(
                        [&](ByteWriter& writer) {
                          writer.list(much);
                          throw IoError("too late to say so");
                        },
                        receive),
                    Catch::Contains("ended with status 1 before it had sent its result"));
  CHECK_THROWS_WITH(run_in_child(
                        [&](ByteWriter& writer) {
                          writer.list(much);
                          std::raise(SIGKILL);
                        },
                        receive),
                    Catch::Contains("signal 9"));
}

TEST_CASE("what a child had not sent when it failed is not sent") {
  CHECK_THROWS_WITH(run_in_child(
                        [](ByteWriter& writer) {
                          writer.value(1);
                          throw StuckError("held");
                        },
                        [](ByteReader& reader) { reader.value<int>(); }),
                    "held");
}
