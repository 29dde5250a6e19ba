#include "layers/key_value_cache.h"

#include <doctest/doctest.h>

#include "framework/autograd/autograd.h"

using namespace tessera;

namespace {

/// Of two rows, one head of width 1: `first`, then +1 each token, and 100 more in the second row;
/// the values are ten times the keys.
CachedKeys tokens(int64_t count, float first) {
  Tensor k = Tensor::empty({2, count, 1, 1}), v = Tensor::empty({2, count, 1, 1});
  for (int64_t i = 0; i < k.numel(); ++i) {
    k.data<float>()[i] = first + static_cast<float>(i % count + 100 * (i / count));
    v.data<float>()[i] = 10 * k.data<float>()[i];
  }
  return {k, v};
}

using Values = std::vector<float>;

Values keys_of(const CachedKeys& cache) { return cache.trimmed().k().to_vector<float>(); }

}  // namespace

TEST_CASE("key-value cache: a step writes behind what is there, and copies it rarely") {
  const NoGrad no_grad;
  CachedKeys cache;
  CHECK(cache.is_empty());
  cache.append(tokens(3, 1));
  int moves = 0;
  for (int64_t step = 0; step < 60; ++step) {
    const float* const before = cache.k().data<float>();
    cache.append(tokens(1, static_cast<float>(4 + step)));
    moves += cache.k().data<float>() != before;
  }
  CHECK(moves == 7);  // to room for 12, 21, 30, 39, 48, 57 and 66
  CHECK(cache.length() == 63);
  CHECK(cache.lengths().to_vector<int64_t>() == std::vector<int64_t>{63, 63});
  for (int64_t t = 0; t < 63; ++t) {
    CHECK(keys_of(cache)[static_cast<size_t>(t)] == static_cast<float>(t + 1));
    CHECK(cache.trimmed().v().data<float>()[63 + t] == static_cast<float>(10 * (t + 101)));
  }
}

TEST_CASE("key-value cache: no room beyond the most tokens that there will be") {
  const NoGrad no_grad;
  CachedKeys cache(10);
  cache.append(tokens(4, 1));
  for (int64_t step = 0; step < 6; ++step) {
    cache.append(tokens(1, static_cast<float>(5 + step)));
    CHECK(cache.k().dim(1) == 10);
  }
  CHECK(keys_of(cache)[9] == 10);
}

TEST_CASE("key-value cache: copies go their own ways") {
  const NoGrad no_grad;
  CachedKeys first;
  first.append(tokens(1, 1));
  first.append(tokens(1, 2));
  CachedKeys second = first;
  first.append(tokens(1, 3));
  CHECK(first.k().data<float>() == second.k().data<float>());
  second.append(tokens(2, 7));
  CHECK(first.k().data<float>() != second.k().data<float>());
  first.append(tokens(1, 4));
  CHECK(keys_of(first) == Values{1, 2, 3, 4, 101, 102, 103, 104});
  CHECK(keys_of(second) == Values{1, 2, 7, 8, 101, 102, 107, 108});
}

TEST_CASE("key-value cache: the rows that beam search keeps") {
  const NoGrad no_grad;
  KeyValueCache cache;
  cache.layers.resize(1);
  CachedKeys& keys = cache.layers[0].self;
  keys.append(tokens(1, 1));
  keys.append(tokens(1, 2));
  const CachedKeys before = keys;
  cache.select(Tensor::from<int64_t>({1, 1, 0}, {3}));
  CHECK(keys_of(keys) == Values{101, 102, 101, 102, 1, 2});
  keys.append({Tensor::full({3, 1, 1, 1}, 5), Tensor::full({3, 1, 1, 1}, 6)});
  CHECK(keys_of(keys) == Values{101, 102, 5, 101, 102, 5, 1, 2, 5});
  CHECK(keys_of(before) == Values{1, 2, 101, 102});
  CHECK(cache.layers[0].memory.is_empty());

  CachedKeys& memory = cache.layers[0].memory;
  memory = tokens(1, 7);
  cache.select(Tensor::from<int64_t>({1, 0}, {2}), true);
  CHECK(keys_of(memory) == Values{7, 107});
  cache.select(Tensor::from<int64_t>({1, 0}, {2}));
  CHECK(keys_of(memory) == Values{107, 7});
}
