// Tiles: many rows at once, one in each lane. They serve rows shorter than a few vectors.
//
// A tile holds `lanes` rows, entry j of row l at tile[j][l]: every loop over l is a whole number of vectors, and no row
// is summed across lanes. Rows are transposed when they are loaded and written.
#pragma once

#include "buffer.hpp"
#include "half_floats.hpp"
#include "row_writer.hpp"
#include "shape.hpp"
#include "transpose.hpp"

namespace softgrad::SOFTGRAD_ISA {

template <class T> constexpr int lanes = 128 / sizeof(T);

// One number per lane.
template <class T> using Lane = T[lanes<T>];

// The rows of one tile.
struct Place {
    int64_t first_row;
    int rows;  // at most `lanes`
};

template <class T> struct Tile : Buffer<T> {
    explicit Tile(int64_t K) : Buffer<T>(K * lanes<T>) {}
    T* operator[](int64_t j) const { return this->entries + j * lanes<T>; }
};

template <class T> void fill(T* to, int64_t count, T value) {
    for (int64_t i = 0; i < count; ++i) to[i] = value;
}

template <class T> void copy(const T* from, int64_t count, T* to) {
    for (int64_t i = 0; i < count; ++i) to[i] = from[i];
}

// Reads `count` consecutive entries of an array into a buffer.
template <class T> void read(Source x, int64_t start, int64_t count, T* buffer) {
    if constexpr (std::is_same_v<T, float>) {
        if (x.storage != Storage::itself) return widen(x, start, count, buffer);
    }
    copy(static_cast<const T*>(x.entries) + start, count, buffer);
}

// Writes `count` consecutive entries of an array from a buffer.
template <class T> void write(const T* buffer, int64_t count, Sink x, int64_t start) {
    if constexpr (std::is_same_v<T, float>) {
        if (x.storage != Storage::itself) {
            return narrow(buffer, count, 1, x.storage, static_cast<uint16_t*>(x.entries) + start);
        }
    }
    copy(buffer, count, static_cast<T*>(x.entries) + start);
}

template <class T> [[gnu::noinline]] void load(Source x, Place at, int64_t K, const Tile<T>& tile) {
    if (at.rows < lanes<T>) fill(tile[0], K * lanes<T>, T(0));
    const int64_t start = at.first_row * K;
    T row[lanes<T> * short_row<T>];
    const T* from = static_cast<const T*>(x.entries) + start;
    if (x.storage != Storage::itself) read(x, start, at.rows * K, row), from = row;
    transpose(from, at.rows, K, K, tile[0], lanes<T>);
}

// Writes tiles, one after another.
template <class T> class TileWriter {
  public:
    TileWriter(Sink out, Shape shape, int64_t begin)
        : K_(shape.K), rows_(out, begin * K_, lanes<T> * K_, shape.rows() * K_) {}
    [[gnu::noinline]] void put(const Tile<T>& tile, Place at) {
        transpose(tile[0], K_, at.rows, lanes<T>, rows_.buffer(), K_);
        rows_.put(at.rows * K_);
    }

  private:
    int64_t K_;
    RowWriter<T> rows_;
};

// Calls work(place) for each tile of the rows begin..end-1, which are contiguous.
template <class T, class Work>
[[gnu::always_inline]] inline void over_places(Shape, int64_t begin, int64_t end, Work work) {
    for (; begin < end; begin += lanes<T>) work(Place{begin, int(end - begin < lanes<T> ? end - begin : lanes<T>)});
}

// entry(j, l) for every entry of a tile.
template <class T, class Entry> [[gnu::always_inline]] inline void over_entries(int64_t K, Entry entry) {
    for (int64_t j = 0; j < K; ++j) {
#pragma omp simd
        for (int l = 0; l < lanes<T>; ++l) entry(j, l);
    }
}

}  // namespace softgrad::SOFTGRAD_ISA
