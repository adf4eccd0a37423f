// The functions of softmax_rows.hpp on tiles of rows (tiles.hpp), by the same formulas.
#pragma once

#include <cmath>

#include "tile_exponentials.hpp"

namespace softgrad::SOFTGRAD_ISA {

// factor * e_j
template <class T> struct ScaledColumns {
    const T *tile, *factor;
    template <int n> [[gnu::always_inline]] Entries<T, n> at(int64_t j, int l) const {
        return entries<n>(tile + j * lanes<T> + l) * entries<n>(factor + l);
    }
};

// Overwrites a tile with its exponentials in units.
template <class T>
void softmax_lanes(Tile<T> tile, int64_t K, const ExpBelow<T>& below, Traffic& traffic, Lane<T>& factor) {
    const LaneNormalizer<T> n = exponentials<true>(tile, K, below, traffic);
#pragma omp simd
    for (int l = 0; l < lanes<T>; ++l) factor[l] = (1 / unit<T>) / (1 + n.others[l]);
}

template <class T>
void softmax_tiles(Source z, Sink p, Shape shape, int64_t begin, int64_t end, const ExpBelow<T>& below) {
    const TileBuffer<T> buffer(shape.K);
    const Tile<T> tile = buffer.tile();
    Traffic traffic(z.storage);
    TileWriter<T> writer(p, shape, begin, traffic);
    over_places<T>(begin, end, [&](Place at) {
        load(z, at, shape.K, tile, traffic.next);
        Lane<T> factor;
        softmax_lanes(tile, shape.K, below, traffic, factor);
        writer.put(at, ScaledColumns<T>{tile[0], factor});
    });
}

// (z_j - top) / temperature - log(sum)
template <class T> struct LogColumns {
    const T *tile, *top, *log_sum;
    T inverse;
    template <int n> [[gnu::always_inline]] Entries<T, n> at(int64_t j, int l) const {
        return (entries<n>(tile + j * lanes<T> + l) - entries<n>(top + l)) * inverse - entries<n>(log_sum + l);
    }
};

template <class T>
void log_softmax_lanes(Tile<T> tile, int64_t K, const ExpBelow<T>& below, Traffic& traffic, Lane<T>& top,
                       Lane<T>& log_sum) {
    const LaneNormalizer<T> n = exponentials<false>(tile, K, below, traffic);
    copy(n.top, lanes<T>, top);
#pragma omp simd
    for (int l = 0; l < lanes<T>; ++l) log_sum[l] = log1p_nonnegative(n.others[l]);
}

template <class T>
void log_softmax_tiles(Source z, Sink log_p, Shape shape, int64_t begin, int64_t end, const ExpBelow<T>& below) {
    const TileBuffer<T> buffer(shape.K);
    const Tile<T> tile = buffer.tile();
    Traffic traffic(z.storage);
    TileWriter<T> writer(log_p, shape, begin, traffic);
    over_places<T>(begin, end, [&](Place at) {
        load(z, at, shape.K, tile, traffic.next);
        Lane<T> top, log_sum;
        log_softmax_lanes(tile, shape.K, below, traffic, top, log_sum);
        writer.put(at, LogColumns<T>{tile[0], top, log_sum, below.inverse});
    });
}

// logsumexp of a lane.
template <class T> T logsumexp_lane(Tile<T> tile, int64_t K, int l, const LaneNormalizer<T>& n, double temperature) {
    if (!std::isinf(n.max[l])) return T(n.max[l] / Wide<T>(temperature) + std::log1p(Wide<T>(n.others[l])));
    T value = n.max[l];
    for (int64_t j = 0; j < K; ++j) value = tile[j][l] == tile[j][l] ? value : tile[j][l];
    return value;
}

// logsumexp of the first `count` lanes. For float, log1p in double vectorises: its error is below 2^-48 of it, and
// seldom decides how the result is rounded.
template <class T>
void logsumexp_lanes(Tile<T> tile, int64_t K, int count, const ExpBelow<T>& below, Traffic& traffic, T* values) {
    const LaneNormalizer<T> n = exponentials<false>(tile, K, below, traffic);
    bool is_decided[lanes<T>] = {};
    if constexpr (std::is_same_v<T, float>) {
        Lane<T> least, most;
#pragma omp simd
        for (int l = 0; l < lanes<T>; ++l) {
            const double max = n.max[l] / below.temperature, log_sum = log1p_nonnegative(double(n.others[l]));
            least[l] = T(max + log_sum * (1 - 0x1p-48)), most[l] = T(max + log_sum * (1 + 0x1p-48));
        }
        for (int l = 0; l < lanes<T>; ++l) is_decided[l] = least[l] == most[l];
        copy(least, lanes<T>, values);
    }
    for (int l = 0; l < count; ++l) {
        if (!is_decided[l]) values[l] = logsumexp_lane(tile, K, l, n, below.temperature);
    }
}

template <class T>
void logsumexp_tiles(Source z, Sink lse, Shape shape, int64_t begin, int64_t end, const ExpBelow<T>& below) {
    const TileBuffer<T> buffer(shape.K);
    const Tile<T> tile = buffer.tile();
    Traffic traffic(z.storage);
    over_places<T>(begin, end, [&](Place at) {
        load(z, at, shape.K, tile, traffic.next);
        Lane<T> values;
        logsumexp_lanes(tile, shape.K, at.rows, below, traffic, values);
        write(values, at.rows, lse, at.first_row);
    });
}

// The first class m of each lane with p_m > 1/2, and what belongs to it; -1 and 0 in a lane without one.
template <class T> struct LaneTop {
    using Index = typename ExpConstants<T>::Int;
    using V = Entries<T, wide<T>>;
    Entries<Index, wide<T>> at[registers<T>];
    V p[registers<T>]{}, x[registers<T>]{};  // x is the other array's entry
    LaneTop() {
        for (auto& index : at) index = Entries<Index, wide<T>>{} - 1;
    }

    // Sees entry j: p (or its logarithm, and `half` likewise) and x. Returns `of_others` where it is not m, and 0
    // there.
    [[gnu::always_inline]] V see(int64_t j, int i, T half, V p_j, V x_j, V of_others) {
        const auto is_top = (p_j > half) & (at[i] < 0);
        at[i] = is_top ? Entries<Index, wide<T>>{} + Index(j) : at[i];
        p[i] = is_top ? p_j : p[i];
        x[i] = is_top ? x_j : x[i];
        return is_top ? V{} : of_others;
    }

    void write(Index* to_at, T* to_p, T* to_x) const {
        for (int i = 0; i < registers<T>; ++i) {
            set_entries<wide<T>>(to_at + i * wide<T>, at[i]);
            set_register(to_p, i, p[i]), set_register(to_x, i, x[i]);
        }
    }
};

// What the entries of a product are computed from, lane by lane, and the entry of the class m.
template <class T> struct LaneSums {
    typename ExpConstants<T>::Int top[lanes<T>];
    Lane<T> of_all, inner_of_all, at_top;
};

// Two tiles, and the memory traffic while sums are added up.
template <class T> struct PairTiles {
    Tile<T> x, y;
    Traffic traffic;

    // sum(j, i, x_j, y_j) for the i-th register of every column, with the memory traffic.
    template <bool second_too = true, class Sum> [[gnu::always_inline]] void over_entries(int64_t K, Sum sum) {
        Traffic here = traffic;
        for (int64_t j = 0; j < K; ++j) {
            for (int i = 0; i < registers<T>; ++i) sum(j, i, in_register(x[j], i), in_register(y[j], i));
            here.advance();
            if (second_too) here.advance_second();
        }
        traffic = here;
    }
};

// The entries of a product: at_top at the class m.
template <class T, class Entry> struct ProductColumns {
    using Index = typename ExpConstants<T>::Int;
    const Index* top;
    const T* at_top;
    Entry entry;
    template <int n> [[gnu::always_inline]] Entries<T, n> at(int64_t j, int l) const {
        const auto is_top = entries<n>(top + l) == Index(j);
        return is_top ? entries<n>(at_top + l) : entry.template at<n>(j * lanes<T> + l, l);
    }
};

// dz_k = scale p_k (dp_k sum(p) - <dp, p>)
template <class T> struct SoftmaxVjpEntry {
    const T *p, *dp, *of_all, *inner_of_all;
    T scale;
    template <int n> [[gnu::always_inline]] Entries<T, n> at(int64_t entry, int l) const {
        return scale * (entries<n>(p + entry) *
                        (entries<n>(dp + entry) * entries<n>(of_all + l) - entries<n>(inner_of_all + l)));
    }
};

template <class T> [[gnu::noinline]] void softmax_vjp_sums(PairTiles<T>& tiles, int64_t K, T scale, LaneSums<T>& to) {
    LaneTop<T> top;
    LaneSum<T> sum, inner;
    tiles.over_entries(
        K, [&](int64_t j, int i, auto p, auto dp) __attribute__((always_inline)) {
            const auto other = top.see(j, i, T(0.5), p, dp, p);
            sum.add(i, other);
            inner.add(i, other * dp);
        });
    for (int i = 0; i < registers<T>; ++i) {
        set_entries<wide<T>>(to.top + i * wide<T>, top.at[i]);
        set_register(to.at_top, i, scale * (top.p[i] * (top.x[i] * sum.sum[i] - inner.sum[i])));
        set_register(to.of_all, i, sum.sum[i] + top.p[i]);
        set_register(to.inner_of_all, i, inner.sum[i] + top.x[i] * top.p[i]);
    }
}

template <class T>
ProductColumns<T, SoftmaxVjpEntry<T>> softmax_vjp_entries(const PairTiles<T>& tiles, const LaneSums<T>& sums, T scale) {
    return {sums.top, sums.at_top, {tiles.x[0], tiles.y[0], sums.of_all, sums.inner_of_all, scale}};
}

template <class T>
void softmax_vjp_tiles(Source p, Source dp, Sink dz, Shape shape, int64_t begin, int64_t end, T scale) {
    const TileBuffer<T> of_p(shape.K), of_dp(shape.K);
    PairTiles<T> tiles{of_p.tile(), of_dp.tile(), Traffic(p.storage)};
    TileWriter<T> writer(dz, shape, begin, tiles.traffic);
    LaneSums<T> sums;
    over_places<T>(begin, end, [&](Place at) {
        load(p, at, shape.K, tiles.x, tiles.traffic.next);
        load(dp, at, shape.K, tiles.y, tiles.traffic.second_next);
        softmax_vjp_sums(tiles, shape.K, scale, sums);
        writer.put(at, softmax_vjp_entries(tiles, sums, scale));
    });
}

// n entries that were computed before.
template <class T> struct ComputedEntry {
    const T* tile;
    template <int n> [[gnu::always_inline]] Entries<T, n> at(int64_t entry, int) const {
        return entries<n>(tile + entry);
    }
};

// dz_k = scale (dy_k - p_k sum(dy))
template <class T>
[[gnu::noinline]] void log_softmax_vjp_sums(PairTiles<T>& tiles, int64_t K, T scale, LaneSums<T>& to) {
    LaneTop<T> top;
    LaneSum<T> sum;
    tiles.template over_entries<false>(
        K, [&](int64_t j, int i, auto log_p, auto dy)
               __attribute__((always_inline)) { sum.add(i, top.see(j, i, log_half<T>, log_p, dy, dy)); });
    Lane<T> log_p_m, dy_m, others, of_all;
    top.write(to.top, log_p_m, dy_m);
    for (int i = 0; i < registers<T>; ++i) set_register(others, i, sum.sum[i]);
#pragma omp simd
    for (int l = 0; l < lanes<T>; ++l) {
        const T q_m = one_minus_exp(log_p_m[l]);
        to.at_top[l] = scale * (dy_m[l] * q_m - (1 - q_m) * others[l]);
        of_all[l] = others[l] + dy_m[l];
    }
    const T* const logs = tiles.x[0];
    T* const dy = tiles.y[0];
    for (int64_t j = 0; j < K; ++j) {
#pragma omp simd
        for (int l = 0; l < lanes<T>; ++l) {
            const int64_t i = j * lanes<T> + l;
            dy[i] = scale * (dy[i] - exp_nonpositive(logs[i]) * of_all[l]);
        }
        tiles.traffic.advance_second();
    }
}

template <class T>
ProductColumns<T, ComputedEntry<T>> log_softmax_vjp_entries(const PairTiles<T>& tiles, const LaneSums<T>& sums) {
    return {sums.top, sums.at_top, {tiles.y[0]}};
}

template <class T>
void log_softmax_vjp_tiles(Source log_p, Source dy, Sink dz, Shape shape, int64_t begin, int64_t end, T scale) {
    const TileBuffer<T> of_log_p(shape.K), of_dy(shape.K);
    PairTiles<T> tiles{of_log_p.tile(), of_dy.tile(), Traffic(log_p.storage)};
    TileWriter<T> writer(dz, shape, begin, tiles.traffic);
    LaneSums<T> sums;
    over_places<T>(begin, end, [&](Place at) {
        load(log_p, at, shape.K, tiles.x, tiles.traffic.next);
        load(dy, at, shape.K, tiles.y, tiles.traffic.second_next);
        log_softmax_vjp_sums(tiles, shape.K, scale, sums);
        writer.put(at, log_softmax_vjp_entries(tiles, sums));
    });
}

// dy_j = scale (dz_j - <p, dz>)
template <class T> struct LogSoftmaxJvpEntry {
    const T *dz, *of_all;
    T scale;
    template <int n> [[gnu::always_inline]] Entries<T, n> at(int64_t entry, int l) const {
        return scale * (entries<n>(dz + entry) - entries<n>(of_all + l));
    }
};

template <class T>
[[gnu::noinline]] void log_softmax_jvp_sums(PairTiles<T>& tiles, int64_t K, T scale, LaneSums<T>& to) {
    LaneTop<T> top;
    LaneSum<T> inner;
    tiles.over_entries(
        K, [&](int64_t j, int i, auto log_p, auto dz) __attribute__((always_inline)) {
            T p[wide<T>];
#pragma omp simd
            for (int l = 0; l < wide<T>; ++l) p[l] = exp_nonpositive(tiles.x[j][i * wide<T> + l]);
            inner.add(i, top.see(j, i, log_half<T>, log_p, dz, entries<wide<T>>(p) * dz));
        });
    Lane<T> log_p_m, dz_m, others;
    top.write(to.top, log_p_m, dz_m);
    for (int i = 0; i < registers<T>; ++i) set_register(others, i, inner.sum[i]);
#pragma omp simd
    for (int l = 0; l < lanes<T>; ++l) {
        const T q_m = one_minus_exp(log_p_m[l]);
        to.at_top[l] = scale * (dz_m[l] * q_m - others[l]);
        to.of_all[l] = others[l] + (1 - q_m) * dz_m[l];
    }
}

template <class T>
ProductColumns<T, LogSoftmaxJvpEntry<T>> log_softmax_jvp_entries(const PairTiles<T>& tiles, const LaneSums<T>& sums,
                                                                 T scale) {
    return {sums.top, sums.at_top, {tiles.y[0], sums.of_all, scale}};
}

template <class T>
void log_softmax_jvp_tiles(Source log_p, Source dz, Sink dy, Shape shape, int64_t begin, int64_t end, T scale) {
    const TileBuffer<T> of_log_p(shape.K), of_dz(shape.K);
    PairTiles<T> tiles{of_log_p.tile(), of_dz.tile(), Traffic(log_p.storage)};
    TileWriter<T> writer(dy, shape, begin, tiles.traffic);
    LaneSums<T> sums;
    over_places<T>(begin, end, [&](Place at) {
        load(log_p, at, shape.K, tiles.x, tiles.traffic.next);
        load(dz, at, shape.K, tiles.y, tiles.traffic.second_next);
        log_softmax_jvp_sums(tiles, shape.K, scale, sums);
        writer.put(at, log_softmax_jvp_entries(tiles, sums, scale));
    });
}

}  // namespace softgrad::SOFTGRAD_ISA
