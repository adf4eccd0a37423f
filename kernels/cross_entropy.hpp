// Cross-entropy of softmax(s) against class numbers, with its gradient: what most training steps end with.
// `grad` may be null, and may be z itself.
#pragma once

#include "loss_rows.hpp"

namespace softgrad::SOFTGRAD_ISA {

// For a target class y of weight w:
//     L       = w (log(sum) + (s_max - s_y))         two terms that are not negative
//     dL/ds_j = w (p_j - [j = y])
// At y itself p_y - 1 = -(sum of the others) / sum. The gradient is multiplied by its scale before it is rounded.
template <class T, class Scores>
void cross_entropy_classes(const LossRows<T>& rows, const int64_t* target, Scores scores) {
    rows.over([&](const Row<T>& row) {
        const int64_t y = target[row.number];
        if (y < 0) return row.ignore();
        const T z_y = row.z[y];
        const double weight = rows.options.weight ? rows.options.weight[y] : 1;
        const Normalizer<T> n = row.exponentials(scores);
        const Wide<T> below = -Wide<T>(scores.difference(z_y, n.max).hi);
        row.set_loss(weight == 0 ? T(0) : T(weight * (n.log_sum() + below)));
        row.set_stats(n, scores, y);
        if (!row.grad) return;

        const Wide<T> scale = rows.options.scale * weight * scores.scale();
        const Wide<T> minus_others = z_y == n.max ? -n.others : row.e[y] - n.sum();
        const T grad_y = T(scale * scores.slope(z_y) * (minus_others / n.sum()));
        const T factor = T(scale / n.sum());
        row.write_grad([&](int64_t j) { return row.e[j] * factor * scores.slope(row.z[j]); }, y, grad_y);
    });
}

}  // namespace softgrad::SOFTGRAD_ISA
