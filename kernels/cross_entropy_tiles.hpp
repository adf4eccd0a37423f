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

// The label of each lane, and what its gradient is computed from.
template <class T> struct LossLanes {
    typename ExpConstants<T>::Int label[lanes<T>];
    Lane<T> grad_y, before, factor;

    LossColumns<T> columns(Tile<T> tile) const { return {tile[0], label, grad_y, before, factor}; }
};

// The entry of each lane's label, or 0 without one. In very short rows it is picked class by class, which vectorises.
template <class T> void at_labels(Tile<T> tile, int64_t K, const typename ExpConstants<T>::Int* label, Lane<T>& to) {
    using Label = typename ExpConstants<T>::Int;
    if (K > 8) {
        for (int l = 0; l < lanes<T>; ++l) to[l] = label[l] < 0 ? T(0) : tile[label[l]][l];
        return;
    }
    for (int i = 0; i < registers<T>; ++i) {
        const auto here = entries<wide<T>>(label + i * wide<T>);
        Entries<T, wide<T>> x{};
        for (int64_t j = 0; j < K; ++j) x = here == Label(j) ? in_register(tile[j], i) : x;
        set_register(to, i, x);
    }
}

// Fills the losses and `of` from a tile of rows `first` .. `first + count - 1`.
template <class T>
void cross_entropy_lanes(const LossRows<T>& rows, const int64_t* target, int64_t first, int count, Tile<T> tile,
                         const ExpBelow<T>& below, Traffic& traffic, LossLanes<T>& of) {
    using Label = typename ExpConstants<T>::Int;
    constexpr int L = lanes<T>;
    const int64_t K = rows.K;
    const double scale = rows.options.scale / rows.options.temperature;
    Lane<T> z_y, weight, e_y, loss;
    for (int l = 0; l < L; ++l) of.label[l] = l < count ? Label(label_at(target, first + l, K)) : -1;
    int ignored = 0;
#pragma omp simd reduction(| : ignored)
    for (int l = 0; l < L; ++l) {
        weight[l] = of.label[l] < 0 ? T(0) : T(1);
        ignored |= of.label[l] < 0;
    }
    for (int l = 0; rows.options.weight && l < L; ++l) {
        if (of.label[l] >= 0) weight[l] = rows.options.weight[of.label[l]];
    }
    at_labels(tile, K, of.label, z_y);
    const LaneNormalizer<T> n = exponentials<true>(tile, K, below, traffic);
    at_labels(tile, K, of.label, e_y);
#pragma omp simd
    for (int l = 0; l < L; ++l) {
        const T sum = 1 + n.others[l];
        const T unweighted = log1p_nonnegative(n.others[l]) + (n.max[l] - z_y[l]) * below.inverse;
        loss[l] = weight[l] == 0 ? T(0) : weight[l] * unweighted;
        of.factor[l] = T(scale * weight[l]) / sum;
        of.grad_y[l] = of.factor[l] * (z_y[l] == n.max[l] ? -n.others[l] : e_y[l] / unit<T> - sum);
        const bool small = std::abs(of.factor[l]) < T(0x1p-60);  // in units it would be subnormal, and lose digits
        of.before[l] = small ? 1 / unit<T> : T(1);
        of.factor[l] = small ? of.factor[l] : of.factor[l] / unit<T>;
    }
    copy(loss, count, rows.loss + first);
    for (int l = 0; ignored && l < L; ++l) {  // even where its logits are NaN
        for (int64_t j = 0; of.label[l] < 0 && j < K; ++j) tile[j][l] = 0;
        if (of.label[l] < 0) of.before[l] = of.factor[l] = 0;
    }
}

template <class T> void cross_entropy_classes_tiles(const LossRows<T>& rows, const int64_t* target) {
    const ExpBelow<T> below(rows.options.temperature);
    const TileBuffer<T> buffer(rows.K);
    const Tile<T> tile = buffer.tile();
    Traffic traffic(rows.z.storage);
    TileWriter<T> writer(rows.grad, {rows.N, rows.K, 1}, rows.begin, traffic);
    LossLanes<T> of;
    over_places<T>(rows.begin, rows.end, [&](Place at) {
        load(rows.z, at, rows.K, tile, traffic.next);
        cross_entropy_lanes(rows, target, at.first_row, at.rows, tile, below, traffic, of);
        if (rows.grad.entries) writer.put(at, of.columns(tile));
    });
}

}  // namespace softgrad::SOFTGRAD_ISA
