// Tiles: many rows at once, one in each lane. They serve rows shorter than a few vectors, and rows along an inner axis.
//
// A tile holds `lanes` rows, entry j of row l at tile[j][l]: every loop over l is a whole number of vectors, and no row
// is summed across lanes. Rows that are contiguous in the array are transposed when they are loaded and written; rows
// along an inner axis are already side by side.
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

// Where the rows of one tile lie in an array.
struct Place {
    int64_t first_row, start, entry_stride, row_stride;
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
            return narrow(buffer, count, x.storage, static_cast<uint16_t*>(x.entries) + start);
        }
    }
    copy(buffer, count, static_cast<T*>(x.entries) + start);
}

template <class T> [[gnu::noinline]] void load(Source x, Place at, int64_t K, const Tile<T>& tile) {
    if (at.rows < lanes<T>) fill(tile[0], K * lanes<T>, T(0));
    if (at.row_stride == 1) {
        for (int64_t j = 0; j < K; ++j) read(x, at.start + j * at.entry_stride, at.rows, tile[j]);
        return;
    }
    T row[lanes<T> * short_row<T>];
    const T* from = static_cast<const T*>(x.entries) + at.start;
    if (x.storage != Storage::itself) read(x, at.start, at.rows * K, row), from = row;
    transpose(from, at.rows, K, K, tile[0], lanes<T>);
}

// Writes tiles, one after another.
template <class T> class TileWriter {
  public:
    TileWriter(Sink out, Shape shape, int64_t begin)
        : out_(out),
          K_(shape.K),
          rows_(out, shape.inner == 1 ? begin * K_ : 0, shape.inner == 1 ? lanes<T> * K_ : 0, shape.rows() * K_) {}
    [[gnu::noinline]] void put(const Tile<T>& tile, Place at) {
        if (at.row_stride == 1) {
            for (int64_t j = 0; j < K_; ++j) write(tile[j], at.rows, out_, at.start + j * at.entry_stride);
        } else {
            transpose(tile[0], K_, at.rows, lanes<T>, rows_.buffer(), K_);
            rows_.put(at.rows * K_);
        }
    }

  private:
    Sink out_;
    int64_t K_;
    RowWriter<T> rows_;
};

// Calls work(place) for each tile of the rows begin..end-1.
template <class T, class Work>
[[gnu::always_inline]] inline void over_places(Shape shape, int64_t begin, int64_t end, Work work) {
    while (begin < end) {
        const int64_t outer = begin / shape.inner, inner = begin % shape.inner;
        const int64_t start = outer * shape.K * shape.inner + inner;
        const bool last = shape.inner == 1;
        int64_t rows = end - begin < lanes<T> ? end - begin : lanes<T>;
        if (!last && rows > shape.inner - inner) rows = shape.inner - inner;
        work(Place{begin, start, shape.inner, last ? shape.K : 1, int(rows)});
        begin += rows;
    }
}

// entry(j, l) for every entry of a tile.
template <class T, class Entry> [[gnu::always_inline]] inline void over_entries(int64_t K, Entry entry) {
    for (int64_t j = 0; j < K; ++j) {
#pragma omp simd
        for (int l = 0; l < lanes<T>; ++l) entry(j, l);
    }
}

}  // namespace softgrad::SOFTGRAD_ISA
