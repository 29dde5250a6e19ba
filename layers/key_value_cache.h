// What decoding keeps of attention from step to step, in memory with room for tokens to come: a
// step writes its own keys and values, and copies none of those before.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "framework/core/tensor.h"

namespace tessera {

/// Keys and values of `length()` tokens. Copies share their memory, each with a length of its own:
/// the first to append writes behind them, another one moves to memory of its own.
class CachedKeys {
 public:
  CachedKeys() = default;
  /// It will hold at most `most` tokens, and takes no room for more.
  explicit CachedKeys(int64_t most) : most_(most) {}
  /// k, v: [N, T, heads, D].
  CachedKeys(Tensor k, Tensor v);

  bool is_empty() const { return length_ == 0; }
  int64_t length() const { return length_; }
  /// [N, room, heads, D], the first length() of the room.
  const Tensor& k() const { return k_; }
  const Tensor& v() const { return v_; }
  /// i64 [N], all length(), for attention over the room.
  Tensor lengths() const;
  /// The same without room for more: a copy where there is any.
  CachedKeys trimmed() const;

  /// REQUIRES: those of as many rows. No gradient goes back to what was there.
  void append(const CachedKeys& more);
  /// Row i becomes row rows[i], i64 [M].
  void select(const Tensor& rows);

 private:
  void make_room(int64_t tokens);

  Tensor k_, v_;
  int64_t length_ = 0, most_ = 0;    ///< most: 0 for any number
  std::shared_ptr<int64_t> filled_;  ///< tokens of the memory that any copy has written
};

struct KeyValueCache {
  struct Layer {
    CachedKeys self;
    CachedKeys memory;  ///< of an encoder's output
  };
  std::vector<Layer> layers;
  int64_t length = 0;  ///< tokens seen

  KeyValueCache() = default;
  /// Of `count` layers that will see at most `most` tokens.
  KeyValueCache(size_t count, int64_t most)
      : layers(count, {.self = CachedKeys(most), .memory = {}}) {}

  /// Row i becomes row rows[i], i64 [M]: what beam search keeps. `same_memory`: row i has the
  /// memory of row rows[i] already.
  void select(const Tensor& rows, bool same_memory = false);
};

}  // namespace tessera
