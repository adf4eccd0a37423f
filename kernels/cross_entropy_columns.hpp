// cross_entropy.hpp on bands of columns (bands.hpp), by the same formulas.
#pragma once

#include "cross_entropy_tiles.hpp"
#include "softmax_columns.hpp"

namespace softgrad::SOFTGRAD_ISA {

// cross_entropy_lanes of long columns.
template <class T>
[[gnu::noinline]] void long_cross_entropy_lanes(const LossRows<T>& rows, const int64_t* target, int64_t first,
                                                int count, Tile<T> tile, const LanePeak<T>& peak,
                                                const ExpBelow<T>& below, LossLanes<T>& of) {
    constexpr int L = lanes<T>;
    Lane<T> z_y{}, loss{};
    for (int l = 0; l < L; ++l) {
        of.label[l] = l < count ? Index<T>(label_at(target, first + l, rows.K)) : -1;
        if (of.label[l] >= 0) z_y[l] = tile[of.label[l]][l];
    }
    const LongNormalizers<T> normalizers = long_exponentials<true>(tile, rows.K, peak, below);
    for (int l = 0; l < L; ++l) {
        of.grad_y[l] = of.before[l] = of.factor[l] = 0;
        const int64_t y = of.label[l];
        if (y < 0) {  // ignored, even where its logits are NaN
            for (int64_t j = 0; l < count && j < rows.K; ++j) tile[j][l] = 0;
            continue;
        }
        const Normalizer<T>& n = normalizers.of[l];
        const double weight = rows.options.weight ? rows.options.weight[y] : 1;
        const T difference = (z_y[l] - n.max) * below.inverse;
        loss[l] = T(weight == 0 ? 0 : weight * (n.log_sum() - difference));
        const Wide<T> scale = rows.options.scale * weight / Wide<T>(rows.options.temperature);
        const T e_y = tile[y][l] * (1 / unit<T>);
        const Wide<T> minus_others = y == n.at ? -n.others : e_y - n.sum(), factor = scale / n.sum();
        const bool small = !(factor == 0 || std::abs(factor) >= Wide<T>(0x1p-60));  // as put_exponentials has it
        of.before[l] = small ? 1 / unit<T> : T(1);
        of.factor[l] = T(small ? factor : factor / unit<T>);
        of.grad_y[l] = T(scale * (minus_others / n.sum()));
    }
    copy(loss, count, rows.loss + first);
}

template <class T> void cross_entropy_classes_columns(const LossRows<T>& rows, const int64_t* target) {
    const Shape shape{rows.N / rows.inner, rows.K, rows.inner};
    const ExpBelow<T> below(rows.options.temperature);
    const Band<T> band(shape, 1, rows.begin, rows.end);
    const void* const array = rows.grad.entries ? rows.grad.entries : rows.z.entries;
    over_columns<T>(array, rows.z.storage, shape, rows.begin, rows.end, band.columns(), [&](Columns columns) {
        LanePeak<T> peaks[most_tiles];
        LossLanes<T> of[most_tiles];
        band.read(rows.z, columns, peaks);
        for (int t = 0; t < band.tiles_of(columns); ++t) {
            const int64_t first = columns.first_row + t * lanes<T>;
            const int count = std::min(lanes<T>, columns.count - t * lanes<T>);
            if (is_short<T>(shape)) {
                cross_entropy_lanes(rows, target, first, count, band.tile(t), below, band.no_traffic, of[t]);
            } else {
                long_cross_entropy_lanes(rows, target, first, count, band.tile(t), peaks[t], below, of[t]);
            }
        }
        if (!rows.grad.entries) return;
        band.write(rows.grad, columns, [&](int t) { return of[t].columns(band.tile(t)); });
    });
}

}  // namespace softgrad::SOFTGRAD_ISA
