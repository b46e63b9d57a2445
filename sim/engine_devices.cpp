// Devices: how fast their Computes run, what they draw, and when the governor is asked.
#include <algorithm>
#include <cmath>

#include "sim/engine_core.hpp"
#include "sim/error.hpp"

namespace orrery {

std::uint32_t EngineCore::device_number(DeviceId id) {
  std::uint32_t& number = device_numbers_[id.index()];
  if (number != DeviceId::no_value) return number;
  number = static_cast<std::uint32_t>(devices_.size());
  const std::uint32_t added = number;
  Device device;
  device.id = id;
  devices_.push_back(std::move(device));
  ask_governor(added);
  devices_[added].since = devices_[added].static_energy = 0;  // it was there before a Program named it
  return added;
}

void EngineCore::start_compute(std::uint32_t index) {
  Running& r = running_[index];
  const IndexedProgram& indexed = indexed_of(r);
  const Operation& op = indexed.operation(r.op);
  const auto devices = indexed.devices_of(op);
  ORRERY_CHECK(devices.size() == 1, "a Compute runs on one device, not {}", devices.size());
  r.device = devices[0];
  Device& device = devices_[r.device];
  r.full = costs_.cost(*indexed.program, op.sequence, cluster_.type_of[device.id.index()], device.point);
  r.end = now_ + r.full.time.value;
  device.computes.push_back(index);
  mark_changed(r.device);
  push(r.end, EventKind::operation_ends, index, r.generation);
}

// Brings `done` and `energy` of a running Compute up to now.
void EngineCore::progress(Running& r) const {
  const double duration = r.full.time.value;
  double part = 1 - r.done;
  if (std::isinf(duration))
    part = 0;
  else if (duration > 0)
    part = std::min(part, (now_ - r.since) / duration);
  r.done += part;
  r.energy += part * r.full.energy.value;
  r.since = now_;
}

void EngineCore::retime(std::uint32_t index) {
  Running& r = running_[index];
  const IndexedProgram& indexed = indexed_of(r);
  const Device& device = devices_[r.device];
  progress(r);
  r.full = costs_.cost(*indexed.program, indexed.operation(r.op).sequence, cluster_.type_of[device.id.index()],
                       device.point);
  const double left = 1 - r.done;
  r.end = left > 0 ? now_ + left * r.full.time.value : now_;  // the time may be infinite
  ++r.generation;
  ++timeline_.events;
  push(r.end, EventKind::operation_ends, index, r.generation);
}

void EngineCore::mark_changed(std::uint32_t device) {
  if (devices_[device].ahead.live) stop_ahead(device);
  if (devices_[device].changed) return;
  devices_[device].changed = true;
  changed_devices_.push_back(device);
}

void EngineCore::busy(const Running& r, int change) {
  const IndexedProgram& indexed = indexed_of(r);
  for (std::uint32_t device : indexed.devices_of(indexed.operation(r.op))) {
    devices_[device].transfers += change;
    mark_changed(device);
  }
}

Activity EngineCore::activity_of(const Device& device) const {
  Activity activity;
  activity.computing = !device.computes.empty();
  activity.transfers = device.transfers;
  for (std::uint32_t index : device.computes) {
    const Cost& full = running_[index].full;
    if (full.time.value > 0 && std::isfinite(full.time.value)) activity.dynamic_power += full.energy / full.time;
  }
  return activity;
}

void EngineCore::ask_governor(std::uint32_t number) {
  const Activity activity = activity_of(devices_[number]);
  const Setting setting = governor_.set(devices_[number].id, activity, Seconds(now_));
  ORRERY_CHECK(setting.wake_at.value > now_, "a governor asks at {} s to be woken at {} s", now_,
               setting.wake_at.value);
  Device& device = devices_[number];
  if (device.setting.static_power != setting.static_power) integrate(device, now_);
  device.told = activity;
  if (setting.wake_at != device.setting.wake_at || device.setting.wake_at.value <= now_) {
    ++device.wake_generation;
    if (std::isfinite(setting.wake_at.value))
      push(setting.wake_at.value, EventKind::governor_wakes, number, device.wake_generation);
  }
  device.setting = setting;
  const double speed = cluster_.speed.empty() ? 1 : cluster_.speed[device.id.index()];
  OperatingPoint point = setting.point;
  point.clock *= speed;
  if (point == device.point) return;
  device.point = point;
  for (std::uint32_t running : device.computes) retime(running);
}

void EngineCore::integrate(Device& device, double until) const {
  device.static_energy += device.setting.static_power.value * (until - device.since);
  device.since = until;
}

}  // namespace orrery
