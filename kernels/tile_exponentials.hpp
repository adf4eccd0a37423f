// The exponentials of a tile, and their sums, as row_exponentials.hpp computes them for a row.
#pragma once

#include <cmath>

#include "log.hpp"
#include "scores.hpp"
#include "tiles.hpp"

namespace softgrad::SOFTGRAD_ISA {

// The normalizer of each lane. Differences s_j - s_max are (tile[j] - top) / temperature.
template <class T> struct LaneNormalizer { Lane<T> max, top, others; };

// ExpBelow's origin of each lane.
template <class T> struct LaneOrigins { Lane<T> top, lowest, magic, rest; };

// For the largest logits `max`. Those that are far are taken off the tile.
template <class T> LaneOrigins<T> origins(Tile<T> tile, int64_t K, const Lane<T>& max, const ExpBelow<T>& below) {
    constexpr int L = lanes<T>;
    LaneOrigins<T> to;
    copy(max, L, to.top);
    int far = 0;
#pragma omp simd reduction(| : far)
    for (int l = 0; l < L; ++l) far |= below.is_far(max[l]);
    if (far) {
        Lane<T> taken;
        for (int l = 0; l < L; ++l) taken[l] = below.is_far(max[l]) ? max[l] : T(0), to.top[l] -= taken[l];
        for (int64_t j = 0; j < K; ++j) {
            for (int l = 0; l < L; ++l) tile[j][l] -= taken[l];
        }
    }
#pragma omp simd
    for (int l = 0; l < L; ++l) {
        const auto origin = below.origin(to.top[l]);
        to.lowest[l] = origin.lowest, to.magic[l] = origin.magic, to.rest[l] = origin.rest;
    }
    return to;
}

template <bool tempered, bool keep, class T>
[[gnu::noinline]] void exponentials_of(Tile<T> tile, int64_t K, ExpBelow<T> below, LaneNormalizer<T>& n,
                                       Traffic& traffic) {
    constexpr int L = lanes<T>;
    copy(tile[0], L, n.max);
    for (int64_t j = 1; j < K; ++j) {
        const T* const s = tile[j];
#pragma omp simd
        for (int l = 0; l < L; ++l) n.max[l] = s[l] > n.max[l] ? s[l] : n.max[l];
    }
    const LaneOrigins<T> o = origins(tile, K, n.max, below);
    copy(o.top, L, n.top);
    using V = Entries<T, wide<T>>;
    LaneSum<T> sum;
    V attained[registers<T>];
    for (int i = 0; i < registers<T>; ++i) attained[i] = V{} - 1;
    Traffic here = traffic;
    for (int64_t j = 0; j < K; ++j) {
        T* const s = tile[j];
        V at_max[registers<T>];  // 1 or 0
        for (int i = 0; i < registers<T>; ++i) {
            at_max[i] = in_register(s, i) == in_register(n.top, i) ? V{} + 1 : V{};
        }
        Lane<T> kept;
        T* const e = keep ? s : kept;
#pragma omp simd
        for (int l = 0; l < L; ++l) {
            e[l] = below.template exp<tempered>(s[l], {o.top[l], o.lowest[l], o.magic[l], o.rest[l]});
        }
        for (int i = 0; i < registers<T>; ++i) {
            attained[i] += at_max[i];
            sum.add(i, at_max[i] == 0 ? in_register(e, i) : V{});
        }
        here.advance();
    }
    traffic = here;
    for (int i = 0; i < registers<T>; ++i) {
        const V max = in_register(n.max, i), others = sum.sum[i] * (1 / unit<T>)+attained[i];
        set_register(n.others, i, others + (max - max));
    }
}

// The normalizers of a tile of logits. `keep` overwrites the tile with the exponentials in units.
template <bool keep, class T>
LaneNormalizer<T> exponentials(Tile<T> tile, int64_t K, const ExpBelow<T>& below, Traffic& traffic) {
    LaneNormalizer<T> n;
    if (below.temperature == 1) {
        exponentials_of<false, keep>(tile, K, below, n, traffic);
    } else {
        exponentials_of<true, keep>(tile, K, below, n, traffic);
    }
    return n;
}

}  // namespace softgrad::SOFTGRAD_ISA
