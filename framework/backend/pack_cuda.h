// Loads and stores of several neighbouring elements at once. Included by .cu files only.
// Every tensor begins at a multiple of 16 bytes (core/storage.h).
#pragma once

namespace tessera {

/// V neighbours, loaded and stored as one.
template <class T, int V>
struct alignas(sizeof(T) * V) Pack {
  T values[V];
};

/// Elements in a thread's widest load, 16 bytes.
template <class T>
inline constexpr int kPackWidth = 16 / static_cast<int>(sizeof(T));

template <int V, class T>
__device__ Pack<T, V> load_pack(const T* from) {
  return *reinterpret_cast<const Pack<T, V>*>(from);
}
template <class T, int V>
__device__ void store_pack(T* to, const Pack<T, V>& pack) {
  *reinterpret_cast<Pack<T, V>*>(to) = pack;
}

}  // namespace tessera
