// oneDNN's engine and stream for the CPU. Included by .cc files only, and only with TESSERA_ONEDNN.
#pragma once

#include <array>
#include <dnnl.hpp>
#include <list>
#include <map>
#include <memory>
#include <mutex>

#include "framework/core/storage.h"

namespace tessera {

dnnl::engine& onednn_engine();
dnnl::stream& onednn_stream();

/// A memory object over bytes that somebody else owns. oneDNN has no const: inputs are not written.
inline dnnl::memory onednn_memory(const dnnl::memory::desc& desc, const void* data) {
  return {desc, onednn_engine(), const_cast<void*>(data)};
}

/// The last `kCapacity` plans (primitives, which cost milliseconds to make) by what they were made
/// for: shapes, options, threads. Thread-safe.
template <class Key, class Plan>
class OnednnPlans {
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
