// cross_entropy.hpp on tiles of rows (tiles.hpp), by the same formulas, for rows shorter than a few vectors.
#pragma once

#include "loss_rows.hpp"
#include "tile_exponentials.hpp"

namespace softgrad::SOFTGRAD_ISA {

// factor e_j, or the gradient at the label.
template <class T> struct LossColumns {
    using Label = typename ExpConstants<T>::Int;  // as wide as T, so that they are compared lane by lane
    const T* tile;
    const Label* label;
    const T *grad_y, *before, *factor;
    template <int n> [[gnu::always_inline]] Entries<T, n> at(int64_t j, int l) const {
        const auto is_label = entries<n>(label + l) == Label(j);
        const Entries<T, n> e = entries<n>(tile + j * lanes<T> + l);
        return is_label ? entries<n>(grad_y + l) : e * entries<n>(before + l) * entries<n>(factor + l);
    }
};

template <class T> void cross_entropy_classes_tiles(const LossRows<T>& rows, const int64_t* target) {
    using Label = typename ExpConstants<T>::Int;
    constexpr int L = lanes<T>;
    const int64_t K = rows.K;
    const Shape shape{rows.N / rows.inner, K, rows.inner};
    const void* const array = rows.grad.entries ? rows.grad.entries : rows.z.entries;
    const ExpBelow<T> below(rows.options.temperature);
    const double scale = rows.options.scale / rows.options.temperature;
    const Tile<T> tile(K);
    Traffic traffic(rows.z.storage);
    TileWriter<T> writer(rows.grad, shape, rows.begin, traffic);
    over_places<T>(array, rows.z.storage, shape, rows.begin, rows.end, [&](Place at) {
        load(rows.z, at, shape, tile, traffic.next);
        Label label[L];
        Lane<T> z_y, weight, e_y, loss, before, factor, grad_y;
        int ignored = 0;
        for (int l = 0; l < L; ++l) {
            const int64_t y = l < at.rows ? label_at(target, at.first_row + l, K) : -1;
            label[l] = Label(y);
            z_y[l] = y < 0 ? T(0) : tile[y][l];
            weight[l] = y < 0 ? T(0) : rows.options.weight ? rows.options.weight[y] : T(1);
            ignored |= y < 0;
        }
        const LaneNormalizer<T> n = exponentials<true>(tile, K, below, traffic);
        for (int l = 0; l < L; ++l) e_y[l] = label[l] < 0 ? T(0) : tile[label[l]][l];
#pragma omp simd
        for (int l = 0; l < L; ++l) {
            const T sum = 1 + n.others[l];
            const T unweighted = log1p_nonnegative(n.others[l]) + (n.max[l] - z_y[l]) * below.inverse;
            loss[l] = weight[l] == 0 ? T(0) : weight[l] * unweighted;
            factor[l] = T(scale * weight[l]) / sum;
            grad_y[l] = factor[l] * (z_y[l] == n.max[l] ? -n.others[l] : e_y[l] / unit<T> - sum);
            const bool small = std::abs(factor[l]) < T(0x1p-60);  // in units it would be subnormal, and lose digits
            before[l] = small ? 1 / unit<T> : T(1);
            factor[l] = small ? factor[l] : factor[l] / unit<T>;
        }
        copy(loss, at.rows, rows.loss + at.first_row);
        if (!rows.grad.entries) return;

        for (int l = 0; ignored && l < L; ++l) {  // even where its logits are NaN
            for (int64_t j = 0; label[l] < 0 && j < K; ++j) tile[j][l] = 0;
            if (label[l] < 0) before[l] = factor[l] = 0;
        }
        writer.put(at, LossColumns<T>{tile[0], label, grad_y, before, factor});
    });
}

}  // namespace softgrad::SOFTGRAD_ISA
