// Squared error of the probabilities p = softmax(s), with its gradient through softmax. `grad` may be null, and may be
// z itself.
#pragma once

#include "loss_rows.hpp"
#include "target_distribution.hpp"

namespace softgrad::SOFTGRAD_ISA {

// Against a class index, L = w/2 sum_j (p_j - [j = y])^2. With others = 1 - p_y and q = the sum of p_j^2 over j != y,
// no term cancels:
//     L       = w (q + others^2) / 2
//     dL/ds_j = w p_j (p_j - q + p_y others),  and at y:  -w p_y (q + others^2)
// q is summed from the exponentials and divided once, so that it has the rounding of neither p_j nor 1 / sum.
template <class T> void squared_error_classes(const LossRows<T>& rows, const int64_t* target) {
    rows.over(target, [&](const Row<T>& row) {
        const int64_t y = row.y;
        const double weight = rows.options.weight ? rows.options.weight[y] : 1;
        const Normalizer<T>& n = row.n;
        const Wide<T> p_y = row.exp_at(y) / n.sum();
        const Wide<T> others = y == n.at ? n.others / n.sum() : 1 - p_y;
        const Wide<T> q = row.sum([=](int64_t j) {
            const T e = row.exp(j);
            return j == y ? T(0) : e * e;
        }) / (n.sum() * n.sum());
        const Wide<T> twice_loss = q + others * others;
        row.set_loss(weight * twice_loss / 2);
        row.set_stats(y);
        if (!row.grad) return;

        const Wide<T> scale = rows.options.scale * weight / Wide<T>(rows.options.temperature);
        const T grad_y = T(-scale * (p_y * twice_loss));
        const T factor = T(1 / n.sum()), scaled = T(scale / n.sum()), shift = T(p_y * others - q);
        row.write_grad([=](int64_t j) { return row.exp(j) * scaled * (row.exp(j) * factor + shift); }, y, grad_y);
    });
}

// Against a distribution t, L = w/2 sum_j (p_j - t_j)^2 for a row of weight w = sum_j w_j t_j:
//     dL/ds = w J (p - t),    hence    dL/ds_k = w p_k (p_k - t_k - sum_j (p_j - t_j) p_j)
// z_loss adds z_loss lse^2, with the gradient 2 z_loss lse p_k.
template <class T, class Target> [[gnu::noinline]] void squared_error_soft(const LossRows<T>& rows, Target target) {
    const LossOptions<T>& options = rows.options;
    rows.over(target.classes, [&](const Row<T>& row) {
        const auto t = target.of_row(row);
        const T factor = T(1 / row.n.sum());
        const auto p = [=](int64_t j) { return row.exp(j) * factor; };
        const Wide<T> z_loss = options.z_loss == 0 ? 0 : options.z_loss * row.lse;
        const T* const class_weight = options.weight;
        const Wide<T> weight = class_weight ? row.sum([=](int64_t j) { return class_weight[j] * t(j); }) : 1;
        const Wide<T> squares = row.sum([=](int64_t j) { return (p(j) - t(j)) * (p(j) - t(j)); });
        row.set_loss(weight * squares / 2 + z_loss * row.lse);
        row.set_stats(target.largest(row));
        if (!row.grad) return;

        const T inner = T(row.sum([=](int64_t j) { return (p(j) - t(j)) * p(j); }));
        const T pull = T(2 * z_loss), w = T(weight);
        const T scaled = T(options.scale / Wide<T>(options.temperature) / row.n.sum());
        row.write_grad([=](int64_t j) { return row.exp(j) * scaled * (w * ((p(j) - t(j)) - inner) + pull); });
    });
}

}  // namespace softgrad::SOFTGRAD_ISA
