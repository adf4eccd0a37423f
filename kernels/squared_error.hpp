// Squared error of the probabilities against class numbers, L = w/2 sum_j (p_j - [j = y])^2, with its gradient through
// softmax. `grad` may be null, and may be z itself.
#pragma once

#include "loss_rows.hpp"

namespace softgrad::SOFTGRAD_ISA {

// With others = 1 - p_y and q = the sum of p_j^2 over j != y, no term cancels:
//     L       = w (q + others^2) / 2
//     dL/ds_j = w p_j (p_j - q + p_y others),  and at y:  -w p_y (q + others^2)
// q is summed from the exponentials and divided once, so that it has the rounding of neither p_j nor 1 / sum.
template <class T> void squared_error_classes(const LossRows<T>& rows, const int64_t* target) {
    rows.over([=](int64_t i) { return target[i] < 0; },
              [&](const Row<T>& row) {
                  const int64_t y = target[row.number];
                  const double weight = rows.options.weight ? rows.options.weight[y] : 1;
                  const Normalizer<T>& n = row.n;
                  const Wide<T> p_y = row.exp(y) / n.sum();
                  const Wide<T> others = y == n.at ? n.others / n.sum() : 1 - p_y;
                  const Wide<T> q =
                      sum_over<T>(row.K, [&, y](int64_t j) { return j == y ? T(0) : row.exp(j) * row.exp(j); }) /
                      (n.sum() * n.sum());
                  const Wide<T> twice_loss = q + others * others;
                  row.set_loss(weight * twice_loss / 2);
                  row.set_stats(y);
                  if (!row.grad) return;

                  const Wide<T> scale = rows.options.scale * weight / Wide<T>(rows.options.temperature);
                  const T grad_y = T(-scale * (p_y * twice_loss));
                  const T factor = T(1 / n.sum()), scaled = T(scale / n.sum()), shift = T(p_y * others - q);
                  row.write_grad([=](int64_t j) { return row.exp(j) * scaled * (row.exp(j) * factor + shift); }, y,
                                 grad_y);
              });
}

}  // namespace softgrad::SOFTGRAD_ISA
