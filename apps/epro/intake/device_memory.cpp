// SPDX-License-Identifier: MIT
#include <apps/epro/intake/device_memory.hpp>

#include <cstring>
#include <mutex>
#include <string>

namespace epro {
namespace {

sluice::reservoir::Key device_key(std::string_view study, const DeviceSeq& device) {
  return sluice::reservoir::key_of({"device", study, device.id});
}

sluice::reservoir::Key seq_key(std::string_view study, const DeviceSeq& device) {
  return sluice::reservoir::key_of({"seq", study, device.id, std::to_string(device.epoch), std::to_string(device.seq)});
}

}  // namespace

std::size_t DeviceMemory::KeyHash::operator()(const Key& key) const noexcept {
  std::size_t hash;  // a key is a hash already
  std::memcpy(&hash, key.data(), sizeof hash);
  return hash;
}

template <class Value>
void DeviceMemory::Recent<Value>::put(const Key& key, const Value& value) {
  auto [at, is_new] = values_.insert_or_assign(key, value);
  if (!is_new) return;
  order_.push_back(key);
  if (order_.size() <= capacity_) return;
  values_.erase(order_.front());
  order_.pop_front();
}

template <class Value>
std::optional<Value> DeviceMemory::Recent<Value>::get(const Key& key) const {
  auto at = values_.find(key);
  if (at == values_.end()) return std::nullopt;
  return at->second;
}

Memory DeviceMemory::recall(std::string_view study, const Envelope& report) const {
  Key device = device_key(study, report.device);
  Key seq = seq_key(study, report.device);
  std::lock_guard hold(mutex_);
  Memory memory;
  memory.previous_offset = offsets_.get(device);
  memory.holder_of_seq = holders_.get(seq);
  return memory;
}

void DeviceMemory::remember(std::string_view study, const Envelope& report) {
  Key device = device_key(study, report.device);
  Key seq = seq_key(study, report.device);
  std::lock_guard hold(mutex_);
  if (report.captured_at) offsets_.put(device, report.captured_at->offset);
  // The first to carry a number holds it.
  if (!holders_.get(seq)) holders_.put(seq, report.submission_id);
}

}  // namespace epro
