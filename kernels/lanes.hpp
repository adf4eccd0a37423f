// Rows shorter than a few vectors, and rows along an inner axis: many at once, one in each lane.
//
// A tile holds `lanes` rows with entry j of row l at tile[j * lanes + l], so that every loop over l is a whole number
// of vectors and no row's sum is taken across lanes. Its entries come from wherever the array has them, transposed when
// a row is contiguous, side by side when the axis is an inner one, and go back the same way.
#pragma once

#include "buffer.hpp"
#include "half.hpp"
#include "log.hpp"
#include "scores.hpp"
#include "shape.hpp"
#include "stream.hpp"
#include "transpose.hpp"

namespace softgrad::SOFTGRAD_ISA {

template <class T> constexpr int lanes = 128 / sizeof(T);

// One number for each lane.
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

// Count entries of an array that follow one another, to a room or from it.
template <class T> void read(Source x, int64_t start, int64_t count, T* room) {
    if constexpr (std::is_same_v<T, float>) {
        if (x.storage != Storage::itself) return widen(x, start, count, room);
    }
    copy(static_cast<const T*>(x.entries) + start, count, room);
}

template <class T> void write(const T* room, int64_t count, Sink x, int64_t start) {
    if constexpr (std::is_same_v<T, float>) {
        if (x.storage != Storage::itself) {
            return narrow(room, count, x.storage, static_cast<uint16_t*>(x.entries) + start);
        }
    }
    copy(room, count, static_cast<T*>(x.entries) + start);
}

template <class T> void load(Source x, Place at, int64_t K, const Tile<T>& tile) {
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
    void put(const Tile<T>& tile, Place at) {
        if (at.row_stride == 1) {
            for (int64_t j = 0; j < K_; ++j) write(tile[j], at.rows, out_, at.start + j * at.entry_stride);
        } else {
            transpose(tile[0], K_, at.rows, lanes<T>, rows_.room(), K_);
            rows_.put(at.rows * K_);
        }
    }

  private:
    Sink out_;
    int64_t K_;
    RowWriter<T> rows_;
};

// Calls work(place) for places that together hold the rows begin..end-1.
template <class T, class Work> void over_places(Shape shape, int64_t begin, int64_t end, Work work) {
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

// The normalizer of rows.hpp for every lane. Differences s_j - s_max are (tile[j] - top) / temperature.
template <class T> struct LaneNormalizer { Lane<T> max, top, others; };

// Hands each e_j, in units, to store(j, l, e_j), which may write to the tile itself.
template <bool tempered, class T, class Store>
[[gnu::always_inline]] inline LaneNormalizer<T> exponentials(const Tile<T>& tile, int64_t K, ExpBelow<T> below,
                                                             Store store) {
    constexpr int L = lanes<T>;
    LaneNormalizer<T> n;
    copy(tile[0], L, n.max);
    for (int64_t j = 1; j < K; ++j) {
        const T* const s = tile[j];
#pragma omp simd
        for (int l = 0; l < L; ++l) n.max[l] = s[l] > n.max[l] ? s[l] : n.max[l];
    }
    copy(n.max, L, n.top);
    int far = 0;
#pragma omp simd reduction(| : far)
    for (int l = 0; l < L; ++l) far |= below.is_far(n.max[l]);
    if (far) {
        Lane<T> taken;
        for (int l = 0; l < L; ++l) taken[l] = below.is_far(n.max[l]) ? n.max[l] : T(0), n.top[l] -= taken[l];
        for (int64_t j = 0; j < K; ++j) {
            for (int l = 0; l < L; ++l) tile[j][l] -= taken[l];
        }
    }
    Lane<T> lowest, magic, rest;
#pragma omp simd
    for (int l = 0; l < L; ++l) {
        const auto origin = below.origin(n.top[l]);
        lowest[l] = origin.lowest, magic[l] = origin.magic, rest[l] = origin.rest;
    }
    Lane<T> sum, lost, attained;  // Kahan's sum: `lost` is what the last addition rounded away
    fill(sum, L, T(0));
    fill(lost, L, T(0));
    fill(attained, L, T(-1));
    for (int64_t j = 0; j < K; ++j) {
        const T* const s = tile[j];
#pragma omp simd
        for (int l = 0; l < L; ++l) {
            const bool at_max = s[l] == n.top[l];
            const T e = below.template exp<tempered>(s[l], {n.top[l], lowest[l], magic[l], rest[l]});
            store(j, l, e);
            attained[l] += at_max ? T(1) : T(0);
            const T term = (at_max ? T(0) : e) - lost[l];
            const T next = sum[l] + term;
            lost[l] = (next - sum[l]) - term;
            sum[l] = next;
        }
    }
#pragma omp simd
    for (int l = 0; l < L; ++l) n.others[l] = (sum[l] * (1 / unit<T>)+attained[l]) + (n.max[l] - n.max[l]);
    return n;
}

}  // namespace softgrad::SOFTGRAD_ISA
