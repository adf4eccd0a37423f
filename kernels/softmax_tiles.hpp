// The functions of softmax_rows.hpp on tiles of rows (tiles.hpp), by the same formulas.
#pragma once

#include <cmath>

#include "tile_exponentials.hpp"

namespace softgrad::SOFTGRAD_ISA {

template <class T>
void softmax_tiles(Source z, Sink p, Shape shape, int64_t begin, int64_t end, const ExpBelow<T>& below) {
    const Tile<T> tile(shape.K);
    TileWriter<T> writer(p, shape, begin);
    over_places<T>(shape, begin, end, [&](Place at) {
        load(z, at, shape.K, tile);
        LaneNormalizer<T> n = exponentials<true>(tile, shape.K, below);
        T* const factor = n.others;
#pragma omp simd
        for (int l = 0; l < lanes<T>; ++l) factor[l] = (1 / unit<T>) / (1 + factor[l]);
        over_entries<T>(shape.K, [&](int64_t j, int l) { tile[j][l] *= factor[l]; });
        writer.put(tile, at);
    });
}

template <class T>
void log_softmax_tiles(Source z, Sink log_p, Shape shape, int64_t begin, int64_t end, const ExpBelow<T>& below) {
    const Tile<T> tile(shape.K);
    TileWriter<T> writer(log_p, shape, begin);
    over_places<T>(shape, begin, end, [&](Place at) {
        load(z, at, shape.K, tile);
        LaneNormalizer<T> n = exponentials<false>(tile, shape.K, below);
        T* const log_sum = n.others;
#pragma omp simd
        for (int l = 0; l < lanes<T>; ++l) log_sum[l] = log1p_nonnegative(log_sum[l]);
        over_entries<T>(shape.K,
                        [&](int64_t j, int l) { tile[j][l] = (tile[j][l] - n.top[l]) * below.inverse - log_sum[l]; });
        writer.put(tile, at);
    });
}

template <class T>
void logsumexp_tiles(Source z, Sink lse, Shape shape, int64_t begin, int64_t end, const ExpBelow<T>& below) {
    const Tile<T> tile(shape.K);
    over_places<T>(shape, begin, end, [&](Place at) {
        load(z, at, shape.K, tile);
        const LaneNormalizer<T> n = exponentials<false>(tile, shape.K, below);
        Lane<T> values;
        for (int l = 0; l < at.rows; ++l) {
            values[l] = T(n.max[l] / Wide<T>(below.temperature) + std::log1p(Wide<T>(n.others[l])));
            if (!std::isinf(n.max[l])) continue;
            values[l] = n.max[l];
            for (int64_t j = 0; j < shape.K; ++j) values[l] = tile[j][l] == tile[j][l] ? values[l] : tile[j][l];
        }
        write(values, at.rows, lse, at.first_row);
    });
}

// The sum of terms of each lane, one after another, by Kahan's method.
template <class T> struct LaneSum {
    Lane<T> sum{}, lost{};
    [[gnu::always_inline]] void add(int l, T x) {
        const T term = x - lost[l], next = sum[l] + term;
        lost[l] = (next - sum[l]) - term;
        sum[l] = next;
    }
};

// The first class m of each lane with p_m > 1/2, and what belongs to it; -1 and 0 in a lane without one.
template <class T> struct LaneTop {
    using Index = typename ExpConstants<T>::Int;
    Index at[lanes<T>];
    Lane<T> p{}, x{};  // x is the other array's entry
    LaneTop() { fill(at, lanes<T>, Index(-1)); }

    // Sees entry j: p (or its logarithm, and `half` likewise) and x. Returns whether it is m.
    [[gnu::always_inline]] bool see(int64_t j, int l, T half, T p_j, T x_j) {
        const bool is_top = (p_j > half) & (at[l] < 0);
        at[l] = is_top ? Index(j) : at[l];
        p[l] = is_top ? p_j : p[l];
        x[l] = is_top ? x_j : x[l];
        return is_top;
    }
    [[gnu::always_inline]] bool is_at(int64_t j, int l) const { return at[l] == Index(j); }
};

// dz_k = scale p_k (dp_k sum(p) - <dp, p>)
template <class T>
void softmax_vjp_tiles(Source p, Source dp, Sink dz, Shape shape, int64_t begin, int64_t end, T scale) {
    const Tile<T> probs(shape.K), grad(shape.K);
    TileWriter<T> writer(dz, shape, begin);
    over_places<T>(shape, begin, end, [&](Place at) {
        load(p, at, shape.K, probs);
        load(dp, at, shape.K, grad);
        LaneTop<T> top;
        LaneSum<T> sum, inner;
        over_entries<T>(shape.K, [&](int64_t j, int l) {
            const T p_j = probs[j][l], dp_j = grad[j][l];
            const T other = top.see(j, l, T(0.5), p_j, dp_j) ? T(0) : p_j;
            sum.add(l, other);
            inner.add(l, other * dp_j);
        });
        Lane<T> of_all, inner_of_all, at_top;
#pragma omp simd
        for (int l = 0; l < lanes<T>; ++l) {
            at_top[l] = scale * (top.p[l] * (top.x[l] * sum.sum[l] - inner.sum[l]));
            of_all[l] = sum.sum[l] + top.p[l];
            inner_of_all[l] = inner.sum[l] + top.x[l] * top.p[l];
        }
        over_entries<T>(shape.K, [&](int64_t j, int l) {
            const T entry = scale * (probs[j][l] * (grad[j][l] * of_all[l] - inner_of_all[l]));
            grad[j][l] = top.is_at(j, l) ? at_top[l] : entry;
        });
        writer.put(grad, at);
    });
}

// dz_k = scale (dy_k - p_k sum(dy))
template <class T>
void log_softmax_vjp_tiles(Source log_p, Source dy, Sink dz, Shape shape, int64_t begin, int64_t end, T scale) {
    const Tile<T> logs(shape.K), grad(shape.K);
    TileWriter<T> writer(dz, shape, begin);
    over_places<T>(shape, begin, end, [&](Place at) {
        load(log_p, at, shape.K, logs);
        load(dy, at, shape.K, grad);
        LaneTop<T> top;
        LaneSum<T> sum;
        over_entries<T>(shape.K, [&](int64_t j, int l) {
            const T dy_j = grad[j][l];
            sum.add(l, top.see(j, l, log_half<T>, logs[j][l], dy_j) ? T(0) : dy_j);
        });
        Lane<T> of_all, at_top;
#pragma omp simd
        for (int l = 0; l < lanes<T>; ++l) {
            const T q_m = one_minus_exp(top.p[l]);
            at_top[l] = scale * (top.x[l] * q_m - (1 - q_m) * sum.sum[l]);
            of_all[l] = sum.sum[l] + top.x[l];
        }
        over_entries<T>(shape.K, [&](int64_t j, int l) {
            const T entry = scale * (grad[j][l] - exp_nonpositive(logs[j][l]) * of_all[l]);
            grad[j][l] = top.is_at(j, l) ? at_top[l] : entry;
        });
        writer.put(grad, at);
    });
}

// dy_j = scale (dz_j - <p, dz>)
template <class T>
void log_softmax_jvp_tiles(Source log_p, Source dz, Sink dy, Shape shape, int64_t begin, int64_t end, T scale) {
    const Tile<T> logs(shape.K), tangent(shape.K);
    TileWriter<T> writer(dy, shape, begin);
    over_places<T>(shape, begin, end, [&](Place at) {
        load(log_p, at, shape.K, logs);
        load(dz, at, shape.K, tangent);
        LaneTop<T> top;
        LaneSum<T> inner;
        over_entries<T>(shape.K, [&](int64_t j, int l) {
            const T log_p_j = logs[j][l], dz_j = tangent[j][l];
            inner.add(l, top.see(j, l, log_half<T>, log_p_j, dz_j) ? T(0) : exp_nonpositive(log_p_j) * dz_j);
        });
        Lane<T> of_all, at_top;
#pragma omp simd
        for (int l = 0; l < lanes<T>; ++l) {
            const T q_m = one_minus_exp(top.p[l]);
            at_top[l] = scale * (top.x[l] * q_m - inner.sum[l]);
            of_all[l] = inner.sum[l] + (1 - q_m) * top.x[l];
        }
        over_entries<T>(shape.K, [&](int64_t j, int l) {
            tangent[j][l] = top.is_at(j, l) ? at_top[l] : scale * (tangent[j][l] - of_all[l]);
        });
        writer.put(tangent, at);
    });
}

}  // namespace softgrad::SOFTGRAD_ISA
