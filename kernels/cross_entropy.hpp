// Cross-entropy of softmax(s) against class numbers, with its gradient: what most training steps end with.
// `grad` may be null, and may be z itself.
#pragma once

#include "loss_rows.hpp"

namespace softgrad::SOFTGRAD_ISA {

// For a target class y of weight w:
//     L       = w (log(sum) + (s_max - s_y))         two terms that are not negative
//     dL/ds_j = w (p_j - [j = y])
// At y itself p_y - 1 = -(sum of the others) / sum. The gradient is multiplied by its scale before it is rounded.
template <class T> void cross_entropy_classes(const LossRows<T>& rows, const int64_t* target) {
    rows.over([=](int64_t i) { return target[i] < 0; },
              [&](const Row<T>& row) {
                  const int64_t y = target[row.number];
                  const double weight = rows.options.weight ? rows.options.weight[y] : 1;
                  const Normalizer<T>& n = row.n;
                  row.set_loss(weight == 0 ? 0 : weight * (n.log_sum() - row.difference(y)));
                  row.set_stats(y);
                  if (!row.grad) return;

                  const Wide<T> scale = rows.options.scale * weight / Wide<T>(rows.options.temperature);
                  const Wide<T> minus_others = y == n.at ? -n.others : row.exp(y) - n.sum();
                  row.write_exponentials(scale / n.sum(), y, scale * (minus_others / n.sum()));
              });
}

}  // namespace softgrad::SOFTGRAD_ISA
