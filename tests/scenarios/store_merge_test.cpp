// Stores joined by hand: a point that failed in one gives way to the same point tried again in another, whichever comes first.
#include "scenarios/store_merge.hpp"

#include <catch2/catch.hpp>

#include "scenarios/store.hpp"
#include "sim/error.hpp"
#include "tests/support/run_orrery.hpp"

using namespace orrery;
using namespace orrery::test;

namespace {

StoreIdentity one_point() {
  StoreIdentity identity;
  identity.name = "one";
  identity.sweep_sha256 = identity.binary_sha256 = "0";
  identity.orrery = "1";
  identity.points = 1;
  return identity;
}

std::filesystem::path store_of(const Folder& folder, const std::string& name, const std::string& status) {
  const std::filesystem::path file = folder.path(name);
  Store store = Store::open_to_write(file, one_point());
  StoredPoint point;
  point.status = status;
  point.inputs = Json::object();
  point.warnings = Json::array();
  point.metrics = {{"iteration_s", status == "ok" ? 1.5 : 0}};
  store.add(point);
  return file;
}

}  // namespace

TEST_CASE("a point that was tried again replaces the one that failed, in any order of the stores") {
  const Folder folder;
  const auto failed = store_of(folder, "failed.sqlite", "failed"), done = store_of(folder, "ok.sqlite", "ok");
  for (const auto& parts : {std::vector{failed, done}, std::vector{done, failed}}) {
    const auto target = folder.path("merged.sqlite");
    CHECK(merge_stores(parts, target).points == 1);
    CHECK(Store::open(target).find(0)->status == "ok");
    std::filesystem::remove(target);
  }
  const auto other = store_of(folder, "other.sqlite", "infeasible");
  CHECK_THROWS_AS(merge_stores({done, other}, folder.path("merged.sqlite")), SpecError);
}
