// The exponentials of a tile, and their sums, as row_exponentials.hpp computes them for a row.
#pragma once

#include <cmath>

#include "log.hpp"
#include "scores.hpp"
#include "tiles.hpp"

namespace softgrad::SOFTGRAD_ISA {

// The normalizer of each lane. Differences s_j - s_max are (tile[j] - top) / temperature.
template <class T> struct LaneNormalizer { Lane<T> max, top, others; };

template <bool tempered, bool keep, class T>
[[gnu::noinline]] void exponentials_of(const Tile<T>& tile, int64_t K, ExpBelow<T> below, LaneNormalizer<T>& n) {
    constexpr int L = lanes<T>;
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
        T* const s = tile[j];
#pragma omp simd
        for (int l = 0; l < L; ++l) {
            const bool at_max = s[l] == n.top[l];
            const T e = below.template exp<tempered>(s[l], {n.top[l], lowest[l], magic[l], rest[l]});
            if constexpr (keep) s[l] = e;
            attained[l] += at_max ? T(1) : T(0);
            const T term = (at_max ? T(0) : e) - lost[l];
            const T next = sum[l] + term;
            lost[l] = (next - sum[l]) - term;
            sum[l] = next;
        }
    }
#pragma omp simd
    for (int l = 0; l < L; ++l) n.others[l] = (sum[l] * (1 / unit<T>)+attained[l]) + (n.max[l] - n.max[l]);
}

// The normalizers of a tile of logits. `keep` overwrites the tile with the exponentials in units.
template <bool keep, class T> LaneNormalizer<T> exponentials(const Tile<T>& tile, int64_t K, const ExpBelow<T>& below) {
    LaneNormalizer<T> n;
    if (below.temperature == 1) {
        exponentials_of<false, keep>(tile, K, below, n);
    } else {
        exponentials_of<true, keep>(tile, K, below, n);
    }
    return n;
}

}  // namespace softgrad::SOFTGRAD_ISA
