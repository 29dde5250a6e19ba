#include "framework/ops/attention_tiles.h"

#include <array>
#include <map>
#include <set>
#include <vector>

#include "tests/framework/ops/grid_simulation.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

constexpr int kLanes = 32;
using LaneRegisters = std::array<std::array<float, 2>, 4>;  // of a lane: pairs of neighbours

/// ldmatrix.x4 as the PTX ISA has it: lane i receives elements 2 * (i % 4) and the next one of row
/// i / 4 of each piece, or, transposed, of column i / 4.
std::array<LaneRegisters, kLanes> load_lanes(const std::vector<float>& memory,
                                             const std::array<int, kLanes>& addresses,
                                             bool transposed) {
  std::array<LaneRegisters, kLanes> out{};
  for (int lane = 0; lane < kLanes; ++lane)
    for (int piece = 0; piece < 4; ++piece)
      for (int e = 0; e < 2; ++e) {
        const int row = transposed ? lane % 4 * 2 + e : lane / 4;
        const int column = transposed ? lane / 4 : lane % 4 * 2 + e;
        out[lane][piece][e] = memory[addresses[piece * 8 + row] + column];
      }
  return out;
}

/// mma.m16n8k16: x [16][16] in the order of its four registers, weights [8][16] in two.
void multiply_lanes(const std::array<LaneRegisters, kLanes>& x,
                    const std::array<LaneRegisters, kLanes>& weights, int first,
                    std::array<std::array<float, 4>, kLanes>& sums) {
  float a[16][16], b[8][16];
  for (int lane = 0; lane < kLanes; ++lane)
    for (int e = 0; e < 2; ++e) {
      const int row = lane / 4, k = lane % 4 * 2 + e;
      for (int i = 0; i < 4; ++i) a[row + i % 2 * 8][k + i / 2 * 8] = x[lane][i][e];
      for (int i = 0; i < 2; ++i) b[row][k + i * 8] = weights[lane][first + i][e];
    }
  for (int lane = 0; lane < kLanes; ++lane)
    for (int c = 0; c < 4; ++c)
      for (int k = 0; k < 16; ++k)
        sums[lane][c] += a[lane / 4 + c / 2 * 8][k] * b[lane % 4 * 2 + c % 2][k];
}

float tile_value(int row, int column) { return static_cast<float>(row * 7 + column * 3 % 11 - 20); }

template <int kWidth>
std::vector<float> tile_memory(int rows) {
  std::vector<float> memory(static_cast<size_t>(rows * kWidth));
  for (int row = 0; row < rows; ++row)
    for (int d = 0; d < kWidth; ++d)
      memory[tile_offset<kWidth>(row, d / kChunk) + d % kChunk] = tile_value(row, d);
  return memory;
}

template <int kWidth>
std::array<int, kLanes> lane_addresses(PiecePlace (*place)(int), int row, int chunk) {
  std::array<int, kLanes> out{};
  for (int lane = 0; lane < kLanes; ++lane) {
    const PiecePlace at = place(lane);
    out[lane] = tile_offset<kWidth>(row + at.row, chunk + at.chunk);
  }
  for (int piece = 0; piece < 4; ++piece) {  // one piece is read at once: no two rows in a bank
    std::set<int> groups;
    for (int i = 0; i < 8; ++i) groups.insert(out[piece * 8 + i] / kChunk % 8);
    expect(groups.size() == 8);
  }
  return out;
}

template <int kWidth>
void check_products() {
  constexpr int kRows = 32;
  const auto memory = tile_memory<kWidth>(kRows);
  Visits visits(kRows * kWidth);
  for (int row = 0; row < kRows; ++row)
    for (int chunk = 0; chunk < kWidth / kChunk; ++chunk)
      for (int e = 0; e < kChunk; ++e) visits.add(tile_offset<kWidth>(row, chunk) + e);
  CHECK(visits.all_once());
  // 16 rows times the 16 first ones, transposed; then times 16 columns of the tile.
  for (int first : {0, 8}) {
    std::array<std::array<float, 4>, kLanes> scores{}, sums{};
    for (int k = 0; k < kWidth / 16; ++k)
      multiply_lanes(load_lanes(memory, lane_addresses<kWidth>(rows_first, 16, 2 * k), false),
                     load_lanes(memory, lane_addresses<kWidth>(chunks_first, 0, 2 * k), false),
                     first / 4, scores);
    multiply_lanes(load_lanes(memory, lane_addresses<kWidth>(rows_first, 16, 0), false),
                   load_lanes(memory, lane_addresses<kWidth>(rows_first, 0, 2), true), first / 4,
                   sums);
    for (int lane = 0; lane < kLanes; ++lane)
      for (int c = 0; c < 4; ++c) {
        const int row = lane / 4 + c / 2 * 8, column = first + lane % 4 * 2 + c % 2;
        float score = 0, sum = 0;
        for (int d = 0; d < kWidth; ++d) score += tile_value(16 + row, d) * tile_value(column, d);
        for (int k = 0; k < 16; ++k) sum += tile_value(16 + row, k) * tile_value(k, 16 + column);
        expect(scores[lane][c] == score && sums[lane][c] == sum);
      }
  }
}

template <AttentionOwner kOwner>
void check_dropout() {
  using Group = DropoutGroup<kOwner>;
  constexpr int kTile = 64;
  constexpr bool kQueries = kOwner == AttentionOwner::queries;
  const auto keeps = [](int row, int column) { return (row * 13 + column * 29) % 7 < 4; };
  std::array<uint32_t, kLanes> words{};
  Visits visits(16 * kTile);
  for (int lane = 0; lane < kLanes; ++lane)
    for (int j = 0; j < kTile / 8; ++j)
      for (int i = 0; i < 4; ++i) {
        const Group group = Group::of(lane);
        const int row = group.row + (kQueries ? 0 : i);
        const int column = 8 * j + group.column + (kQueries ? i : 0);
        visits.add(row * kTile + column);
        words[lane] |= uint32_t{keeps(row, column)} << (4 * j + i);
      }
  CHECK(visits.all_once());
  for (int lane = 0; lane < kLanes; ++lane) {
    uint32_t bits = 0;
    for (int i = 0; i < Group::kSources; ++i)
      bits |= Group::bits(lane, i, words[Group::source(lane, i)]);
    for (int j = 0; j < kTile / 8; ++j)
      for (int c = 0; c < 4; ++c)
        expect((bits >> (4 * j + c) & 1) ==
               uint32_t{keeps(lane / 4 + c / 2 * 8, 8 * j + lane % 4 * 2 + c % 2)});
  }
}

/// The words that a forward pass over Tq queries and Tk keys stores tell both backward passes what
/// was kept; `kTile` columns at a time.
template <AttentionOwner kOwner, int kTile>
void check_stored(const AttentionShape& shape, int64_t length) {
  constexpr bool kQueries = kOwner == AttentionOwner::queries;
  constexpr int kHead = 1, kHeads = 2;
  const auto keeps = [](int query, int key) { return (query * 13 + key * 29) % 7 < 4; };
  const auto sight = AttentionSight::of(shape, length);
  const int Tq = static_cast<int>(shape.Tq), Tk = static_cast<int>(shape.Tk);
  const KeptWords kept(shape);
  std::map<int64_t, uint32_t> words;
  for (int first = 0; first < Tq; first += KeptWords::kQueries)
    for (int column = 0; column < sight.visible(std::min(first + KeptWords::kQueries, Tq) - 1);
         column += KeptWords::kKeys)
      for (int lane = 0; lane < kLanes; ++lane) {
        uint32_t word = 0;
        for (int j = 0; j < KeptWords::kKeys / 8; ++j)
          for (int c = 0; c < 4; ++c)
            word |=
                uint32_t{keeps(first + lane / 4 + c / 2 * 8, column + 8 * j + lane % 4 * 2 + c % 2)}
                << (4 * j + c);
        const int64_t at = kept.first(kHead, first, column) + lane;
        expect(at < kept.count(kHeads) && !words.contains(at));
        words[at] = word;
      }
  const int rows = kQueries ? Tq : Tk, columns = kQueries ? Tk : Tq;
  for (int first = 0; first < rows; first += 16)
    for (int column = 0; column < columns; column += kTile) {
      int begin, end;
      sight.range<kOwner>(first, std::min(first + 16, rows) - 1, Tq, begin, end);
      if (column >= end || column + kTile <= begin) continue;
      for (int lane = 0; lane < kLanes; ++lane) {
        uint32_t bits = 0;
        if constexpr (kQueries) {
          bits = words.at(kept.first(kHead, first, column) + lane) >> KeptWords::shift(column);
        } else {
          const KeptOfKeys of(lane, first);
          for (int i = 0; i < kTile / KeptWords::kQueries; ++i) {
            const int query = column + i * KeptWords::kQueries;
            if (!kept.stores(sight, query, first)) continue;
            for (int e = 0; e < 2; ++e)
              bits |= of.bits(words.at(kept.first(kHead, query, first) + of.source(e)), i, e);
          }
          bits = KeptOfKeys::in_order(bits);
        }
        for (int j = 0; j < kTile / 8; ++j)
          for (int c = 0; c < 4; ++c) {
            const int row = first + lane / 4 + c / 2 * 8;
            const int other = column + 8 * j + lane % 4 * 2 + c % 2;
            if (row >= rows || other >= columns || !sight.sees<kOwner>(row, other)) continue;
            const bool is_kept = kQueries ? keeps(row, other) : keeps(other, row);
            expect((bits >> (4 * j + c) & 1) == uint32_t{is_kept});
          }
      }
    }
}

template <AttentionOwner kOwner>
void check_sight(const AttentionShape& shape, int64_t length) {
  const auto sight = AttentionSight::of(shape, length);
  const bool of_queries = kOwner == AttentionOwner::queries;
  const int rows = static_cast<int>(of_queries ? shape.Tq : shape.Tk);
  const int columns = static_cast<int>(of_queries ? shape.Tk : shape.Tq);
  const auto sees = [&](int row, int column) {
    const int i = of_queries ? row : column, j = of_queries ? column : row;
    return j < shape.visible(i, length);
  };
  for (int first = 0; first < rows; first += 3) {
    const int last = std::min(first + 3, rows) - 1;
    int begin, end;
    sight.range<kOwner>(first, last, static_cast<int>(shape.Tq), begin, end);
    for (int column = 0; column < columns; ++column) {
      bool any = false, all = true;
      for (int row = first; row <= last; ++row) {
        expect(sight.sees<kOwner>(row, column) == sees(row, column));
        any = any || sees(row, column);
        all = all && sees(row, column);
      }
      expect(!any || (begin <= column && column < end));
      expect(sight.all<kOwner>(first, last, column, column + 1) == all);
      if (sight.all<kOwner>(first, last, 0, column + 1))
        for (int other = 0; other <= column; ++other)
          expect(sees(last, other) && sees(first, other));
    }
  }
}

}  // namespace

TEST_CASE("attention on tensor cores: fragments of tiles are those of the products") {
  check_products<32>();
  check_products<64>();
  check_products<128>();
}

TEST_CASE(
    "attention on tensor cores: each of dropout's numbers is drawn once, and told to its lane") {
  check_dropout<AttentionOwner::queries>();
  check_dropout<AttentionOwner::keys>();
}

TEST_CASE("attention on tensor cores: stored bits tell each lane what dropout kept") {
  for (bool causal : {false, true})
    for (const auto& [Tq, Tk] : std::vector<std::pair<int64_t, int64_t>>{
             {64, 64}, {200, 200}, {130, 77}, {31, 150}, {5, 3}})
      for (int64_t length : {Tk, Tk / 2, int64_t{0}}) {
        const AttentionShape shape{.N = 1, .H = 2, .Tq = Tq, .Tk = Tk, .causal = causal};
        check_stored<AttentionOwner::queries, 64>(shape, length);
        check_stored<AttentionOwner::queries, 32>(shape, length);
        check_stored<AttentionOwner::keys, 64>(shape, length);
        check_stored<AttentionOwner::keys, 32>(shape, length);
      }
}

TEST_CASE("attention on tensor cores: what rows see of columns") {
  for (bool causal : {false, true})
    for (int64_t Tq : {1, 5, 12})
      for (int64_t Tk : {1, 5, 13})
        for (int64_t length : {-1, 0, 1, 4, 12, 99}) {
          const AttentionShape shape{.Tq = Tq, .Tk = Tk, .causal = causal};
          check_sight<AttentionOwner::queries>(shape, length);
          check_sight<AttentionOwner::keys>(shape, length);
        }
}
