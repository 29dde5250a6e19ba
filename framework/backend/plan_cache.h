// A cache of what a library prepares for one shape: primitives, algorithms, execution plans. They
// cost milliseconds to make, and a network asks for the same few in every step.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace tessera {

/// The last `kCapacity` plans by what they were made for: shapes, types, options. Thread-safe.
template <class Key, class Plan>
class PlanCache {
 public:
  static constexpr size_t kCapacity = 512;  // a few networks of ResNet-50's size

  /// The plan of `key`, made by make() where there is none yet.
  template <class Make>
  std::shared_ptr<const Plan> get(const Key& key, Make&& make) {
    std::lock_guard lock(mutex_);
    if (const auto it = index_.find(key); it != index_.end()) {
      recent_.splice(recent_.begin(), recent_, it->second);
      return recent_.front().second;
    }
    recent_.emplace_front(key, std::make_shared<const Plan>(make()));
    index_[key] = recent_.begin();
    if (recent_.size() > kCapacity) {
      index_.erase(recent_.back().first);
      recent_.pop_back();
    }
    return recent_.front().second;
  }

 private:
  std::mutex mutex_;
  std::list<std::pair<Key, std::shared_ptr<const Plan>>> recent_;
  std::map<Key, typename decltype(recent_)::iterator> index_;
};

}  // namespace tessera
