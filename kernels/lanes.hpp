// Rows shorter than a vector, and rows along an inner axis: many at once, one in each lane.
//
// A tile holds `lanes` rows with entry j of row l at tile[j * lanes + l], so that every loop over l is a whole number
// of vectors and no row's sum is taken across lanes. Its entries come from wherever the array has them, transposed when
// a row is contiguous, side by side when the axis is an inner one, and go back the same way.
#pragma once

#include "buffer.hpp"
#include "log.hpp"
#include "scores.hpp"
#include "shape.hpp"

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

template <class T> void load(const T* x, Place at, int64_t K, const Tile<T>& tile) {
    if (at.rows < lanes<T>) fill(tile[0], K * lanes<T>, T(0));
    x += at.start;
    if (at.row_stride == 1) {
        for (int64_t j = 0; j < K; ++j) copy(x + j * at.entry_stride, at.rows, tile[j]);
    } else {
        for (int l = 0; l < at.rows; ++l) {
            for (int64_t j = 0; j < K; ++j) tile[j][l] = x[l * at.row_stride + j];
        }
    }
}

template <class T> void store(const Tile<T>& tile, Place at, int64_t K, T* x) {
    x += at.start;
    if (at.row_stride == 1) {
        for (int64_t j = 0; j < K; ++j) copy(tile[j], at.rows, x + j * at.entry_stride);
    } else {
        for (int l = 0; l < at.rows; ++l) {
            for (int64_t j = 0; j < K; ++j) x[l * at.row_stride + j] = tile[j][l];
        }
    }
}

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

// The normalizer of rows.hpp for every lane. Hands each e_j to store(j, l, e_j), which may write to the tile itself.
template <class T> struct LaneNormalizer { Lane<T> max, others; };

template <class T, class Scores, class Store>
[[gnu::always_inline]] inline LaneNormalizer<T> exponentials(const Tile<T>& tile, int64_t K, Scores scores,
                                                             Store store) {
    constexpr int L = lanes<T>;
    LaneNormalizer<T> n;
    copy(tile[0], L, n.max);
    for (int64_t j = 1; j < K; ++j) {
        const T* const s = tile[j];
#pragma omp simd
        for (int l = 0; l < L; ++l) n.max[l] = s[l] > n.max[l] ? s[l] : n.max[l];
    }
    Lane<T> sum, lost, attained;  // Kahan's sum: `lost` is what the last addition rounded away
    fill(sum, L, T(0));
    fill(lost, L, T(0));
    fill(attained, L, T(-1));
    for (int64_t j = 0; j < K; ++j) {
        const T* const s = tile[j];
#pragma omp simd
        for (int l = 0; l < L; ++l) {
            const bool at_max = s[l] == n.max[l];
            const T e = exp_below(scores, s[l], n.max[l]);
            store(j, l, e);
            attained[l] += at_max ? T(1) : T(0);
            const T term = (at_max ? T(0) : e) - lost[l];
            const T next = sum[l] + term;
            lost[l] = (next - sum[l]) - term;
            sum[l] = next;
        }
    }
#pragma omp simd
    for (int l = 0; l < L; ++l) n.others[l] = (sum[l] + attained[l]) + (n.max[l] - n.max[l]);
    return n;
}

}  // namespace softgrad::SOFTGRAD_ISA
