#include "layers/multi_head_attention.h"

#include "framework/core/errors.h"
#include "framework/ops/attention.h"
#include "framework/ops/reshape.h"
#include "framework/ops/rotary.h"
#include "framework/ops/slice.h"
#include "layers/random_scope.h"

namespace tessera {

MultiHeadAttention::MultiHeadAttention(int64_t width, int64_t heads, double dropout,
                                       const AttentionNames& names, bool causal, bool rotary)
    : names_(names),
      width_(width),
      heads_(heads),
      dropout_(dropout),
      causal_(causal),
      rotary_(rotary) {
  require(heads >= 1 && width % heads == 0,
          "[MultiHeadAttention] heads must divide the width; got ", heads, " heads for width ",
          width, ".");
  require(!rotary || width / heads % 2 == 0,
          "[MultiHeadAttention] rotary positions need heads of an even width; got ", width / heads,
          ", ", width, " in ", heads, " heads.");
  require(dropout >= 0 && dropout < 1, "[MultiHeadAttention] dropout must lie in [0, 1); got ",
          dropout, ".");
  if (names.packed != nullptr) {
    packed_ = &make<Linear>(names.packed, width, 3 * width);
  } else {
    query_ = &make<Linear>(names.query, width, width);
    key_ = &make<Linear>(names.key, width, width);
    value_ = &make<Linear>(names.value, width, width);
  }
  output_ = &make<Linear>(names.output, width, width);
}

std::vector<WeightUnits> MultiHeadAttention::units(UnitKind kind) const {
  if (kind != UnitKind::heads) return {};
  using Axis = UnitAxis::Axis;
  const auto weight_of = [](const char* path) { return std::string(path) + ".weight"; };
  std::vector<WeightUnits> parts{{weight_of(names_.output), {"", Axis::inputs, heads_}}};
  if (names_.packed != nullptr) {
    parts.push_back({weight_of(names_.packed), {"", Axis::outputs, heads_, 3}});
    return parts;
  }
  for (const char* path : {names_.query, names_.key, names_.value})
    parts.push_back({weight_of(path), {"", Axis::outputs, heads_}});
  return parts;
}

Tensor MultiHeadAttention::attend(const Tensor& x, const Tensor& lengths, CachedKeys* cache) {
  require(x.rank() == 3 && x.dim(2) == width_, "[MultiHeadAttention] x must be [N, T, ", width_,
          "]; got ", x, ".");
  const bool joins = packed_ == nullptr && training() && query_->rounds_for(x);
  if ((packed_ != nullptr || joins) && cache == nullptr && !rotary_) {
    const auto joined = [&] { return Linear::forward_joined({query_, key_, value_}, x); };
    const Tensor qkv = joins ? run(*query_, joined) : run(*packed_, x);
    const Shape shape{x.dim(0), x.dim(1), 3, heads_, width_ / heads_};
    return output_of(packed_attention(reshape(qkv, shape), lengths, options(causal_)));
  }
  Tensor q, k, v;
  if (packed_ != nullptr) {
    const Tensor qkv = run(*packed_, x);
    const auto part = [&](int64_t i) {
      return heads_of(slice(qkv, 2, i * width_, (i + 1) * width_));
    };
    q = part(0);
    k = part(1);
    v = part(2);
  } else {
    q = project(*query_, x);
    k = project(*key_, x);
    v = project(*value_, x);
  }
  if (rotary_) {
    constexpr double kBase = 10000;  // Su et al.'s
    const int64_t first = cache != nullptr ? cache->length() : 0;
    q = rotary(q, kBase, first);
    k = rotary(k, kBase, first);
  }
  if (cache == nullptr) return finish(q, {k, v}, lengths, causal_);
  cache->append({k, v});
  // One token sees all that are there; several see fewer than the room's end would tell.
  const bool sees_all = q.dim(1) == 1 && !lengths.defined();
  if (!sees_all) return finish(q, cache->trimmed(), lengths, causal_);
  return finish(q, *cache, cache->lengths(), false);
}

Tensor MultiHeadAttention::attend_to(const Tensor& x, const Tensor& memory,
                                     const Tensor& memory_lengths, CachedKeys* cache) {
  require(packed_ == nullptr,
          "[MultiHeadAttention] attention to a memory must have its own query, key and value; got "
          "a packed layer.");
  const Tensor q = project(*query_, x);
  if (cache == nullptr) return finish(q, keys_of(memory), memory_lengths, false);
  if (cache->is_empty()) *cache = keys_of(memory);
  return finish(q, *cache, memory_lengths, false);
}

Tensor MultiHeadAttention::project(Linear& layer, const Tensor& x) {
  return heads_of(run(layer, x));
}

CachedKeys MultiHeadAttention::keys_of(const Tensor& x) {
  return {project(*key_, x), project(*value_, x)};
}

Tensor MultiHeadAttention::finish(const Tensor& q, const CachedKeys& keys, const Tensor& lengths,
                                  bool causal) {
  return output_of(attention(q, keys.k(), keys.v(), lengths, options(causal)));
}

Tensor MultiHeadAttention::heads_of(const Tensor& x) const {
  return reshape(x, {x.dim(0), x.dim(1), heads_, width_ / heads_});
}

Tensor MultiHeadAttention::output_of(const Tensor& y) {
  return run(*output_, reshape(y, {y.dim(0), y.dim(1), width_}));
}

AttentionOptions MultiHeadAttention::options(bool causal) const {
  AttentionOptions options{.causal = causal};
  options.training = training();
  if (!training() || dropout_ == 0) return options;
  options.key = RandomScope::next_key(kind());
  options.dropout = RandomScope::dropout(dropout_);
  options.step = RandomScope::device_step();
  return options;
}

}  // namespace tessera
