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

// The sum of term(j, l) over j for every lane, by Kahan's method.
template <class T, class Term> [[gnu::always_inline]] inline void sum_lanes(int64_t K, Lane<T>& sum, Term term) {
    Lane<T> lost{};
    fill(sum, lanes<T>, T(0));
    over_entries<T>(K, [&](int64_t j, int l) {
        const T next_term = term(j, l) - lost[l];
        const T next = sum[l] + next_term;
        lost[l] = (next - sum[l]) - next_term;
        sum[l] = next;
    });
}

// dz_k = scale p_k (dp_k - sum_j dp_j p_j)
template <class T>
void softmax_vjp_tiles(Source p, Source dp, Sink dz, Shape shape, int64_t begin, int64_t end, T scale) {
    const Tile<T> probs(shape.K), grad(shape.K);
    TileWriter<T> writer(dz, shape, begin);
    over_places<T>(shape, begin, end, [&](Place at) {
        load(p, at, shape.K, probs);
        load(dp, at, shape.K, grad);
        Lane<T> inner;
        sum_lanes<T>(shape.K, inner, [&](int64_t j, int l) { return grad[j][l] * probs[j][l]; });
        over_entries<T>(shape.K,
                        [&](int64_t j, int l) { grad[j][l] = scale * (probs[j][l] * (grad[j][l] - inner[l])); });
        writer.put(grad, at);
    });
}

// dz_k = scale (dy_k - p_k sum_j dy_j)
template <class T>
void log_softmax_vjp_tiles(Source log_p, Source dy, Sink dz, Shape shape, int64_t begin, int64_t end, T scale) {
    const Tile<T> logs(shape.K), grad(shape.K);
    TileWriter<T> writer(dz, shape, begin);
    over_places<T>(shape, begin, end, [&](Place at) {
        load(log_p, at, shape.K, logs);
        load(dy, at, shape.K, grad);
        Lane<T> sum;
        sum_lanes<T>(shape.K, sum, [&](int64_t j, int l) { return grad[j][l]; });
        over_entries<T>(shape.K, [&](int64_t j, int l) {
            grad[j][l] = scale * (grad[j][l] - exp_nonpositive(logs[j][l]) * sum[l]);
        });
        writer.put(grad, at);
    });
}

// dy_j = scale (dz_j - sum_k p_k dz_k)
template <class T>
void log_softmax_jvp_tiles(Source log_p, Source dz, Sink dy, Shape shape, int64_t begin, int64_t end, T scale) {
    const Tile<T> logs(shape.K), tangent(shape.K);
    TileWriter<T> writer(dy, shape, begin);
    over_places<T>(shape, begin, end, [&](Place at) {
        load(log_p, at, shape.K, logs);
        load(dz, at, shape.K, tangent);
        Lane<T> inner;
        sum_lanes<T>(shape.K, inner, [&](int64_t j, int l) { return exp_nonpositive(logs[j][l]) * tangent[j][l]; });
        over_entries<T>(shape.K, [&](int64_t j, int l) { tangent[j][l] = scale * (tangent[j][l] - inner[l]); });
        writer.put(tangent, at);
    });
}

}  // namespace softgrad::SOFTGRAD_ISA
