// cross_entropy.hpp on tiles of rows (lanes.hpp), by the same formulas: for rows shorter than a few vectors.
#pragma once

#include "lanes.hpp"
#include "loss_rows.hpp"

namespace softgrad::SOFTGRAD_ISA {

template <bool tempered, class T> void cross_entropy_classes_tiles(const LossRows<T>& rows, const int64_t* target) {
    const int64_t K = rows.K;
    const Shape shape{rows.N, K, 1};
    const ExpBelow<T> below(rows.options.temperature);
    const Tile<T> tile(K);
    over_places<T>(shape, rows.begin, rows.end, [&](Place at) {
        load(rows.z, at, K, tile);
        const int64_t* const y = target + at.first_row;
        Lane<T> z_y{}, weight{}, loss, factor, grad_y{};
        for (int l = 0; l < at.rows; ++l) {
            if (y[l] < 0) continue;
            z_y[l] = tile[y[l]][l];
            weight[l] = rows.options.weight ? rows.options.weight[y[l]] : T(1);
        }
        const LaneNormalizer<T> n =
            exponentials<tempered>(tile, K, below, [&](int64_t j, int l, T e) { tile[j][l] = e; });
        const T scale = T(rows.options.scale / rows.options.temperature);
#pragma omp simd
        for (int l = 0; l < lanes<T>; ++l) {
            const T unweighted = log1p_nonnegative(n.others[l]) + (n.max[l] - z_y[l]) * below.inverse;
            loss[l] = weight[l] == 0 ? T(0) : weight[l] * unweighted;
            factor[l] = scale * weight[l] / (1 + n.others[l]);
        }
        for (int l = 0; l < at.rows; ++l) rows.loss[at.first_row + l] = y[l] < 0 ? T(0) : loss[l];
        if (!rows.grad.entries) return;

        for (int l = 0; l < at.rows; ++l) {
            if (y[l] < 0) continue;
            const T sum = 1 + n.others[l], e_y = tile[y[l]][l] * (1 / unit<T>);
            grad_y[l] = factor[l] * (z_y[l] == n.max[l] ? -n.others[l] : e_y - sum);
        }
        for (int64_t j = 0; j < K; ++j) {
            T* const e = tile[j];
#pragma omp simd
            for (int l = 0; l < lanes<T>; ++l) e[l] = e[l] * (1 / unit<T>) * factor[l];
        }
        for (int l = 0; l < at.rows; ++l) {
            if (y[l] >= 0) tile[y[l]][l] = grad_y[l];
            for (int64_t j = 0; j < K && y[l] < 0; ++j) tile[j][l] = 0;  // even where its logits are NaN
        }
        store(tile, at, K, rows.grad);
    });
}

}  // namespace softgrad::SOFTGRAD_ISA
