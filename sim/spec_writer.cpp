// Fields that write a struct as JSON: the fully resolved form, in which every part is inline.
#include <cmath>
#include <utility>
#include <vector>

#include "sim/spec.hpp"

namespace orrery {

namespace {

class Writer final : public Fields {
 public:
  Json run(detail::FieldsFunction write) {
    open_.push_back({"", Json::object()});
    write.call(*this, write.object);
    ORRERY_CHECK(open_.size() == 1, "{} objects left open in a `fields` function", open_.size() - 1);
    return std::move(open_.front().value);
  }

  bool reading() const override { return false; }
  void raw(const char* key, Json& value, Need) override {
    if (!value.is_null()) put(key, value);
  }
  void fault(const char*, std::string, std::string) override {}

 protected:
  void boolean(const char* key, bool& value, Need) override { put(key, value); }
  void integer(const char* key, std::int64_t& value, Need, Range) override { put(key, value); }
  void real(const char* key, double& value, Need, Range) override {
    ORRERY_CHECK(std::isfinite(value), "{} is {}, which JSON cannot hold; make it optional", key, value);
    put(key, value);
  }
  void text(const char* key, std::string& value, Need) override { put(key, value); }
  void quantity(const char* key, double& value, Dimension dimension, Need, Range) override {
    ORRERY_CHECK(std::isfinite(value), "{} is {}, which JSON cannot hold; make it optional", key, value);
    put(key, format_quantity(value, dimension));
  }
  void choice(const char* key, int& value, std::span<const std::string_view> names, Need) override {
    ORRERY_CHECK(value >= 0 && static_cast<std::size_t>(value) < names.size(), "{} has no name {}", key, value);
    put(key, std::string(names[static_cast<std::size_t>(value)]));
  }

  bool enter_object(const char* key, Need) override { return open(key, Json::object()); }
  bool enter_part(const char* key, const char*, Need) override { return open(key, Json::object()); }
  bool enter_list(const char* key, std::size_t&, Need) override { return open(key, Json::array()); }
  bool enter_map(const char* key, std::vector<std::string>&, Need) override { return open(key, Json::object()); }
  void enter_item(std::size_t) override {}  // key "" appends to the open list
  void leave_item() override {}
  bool enter_item_part(std::size_t, const char*) override { return open("", Json::object()); }
  void leave() override {
    Open done = std::move(open_.back());
    open_.pop_back();
    put(done.key.c_str(), std::move(done.value));
  }
  bool present(const char*, bool has_value, Need) override { return has_value; }

 private:
  struct Open {
    std::string key;
    Json value;
  };

  bool open(const char* key, Json container) {
    open_.push_back({key, std::move(container)});
    return true;
  }

  void put(const char* key, Json value) {
    Json& container = open_.back().value;
    if (container.is_array())
      container.push_back(std::move(value));
    else
      container[key] = std::move(value);
  }

  std::vector<Open> open_;
};

}  // namespace

Json detail::write_fields(FieldsFunction write) { return Writer().run(write); }

}  // namespace orrery
