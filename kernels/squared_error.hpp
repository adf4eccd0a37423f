// Squared error of the probabilities p = softmax(s), with its gradient through softmax. `grad` may be null, and may be
// z itself.
#pragma once

#include "loss_rows.hpp"
#include "target_distribution.hpp"

namespace softgrad::SOFTGRAD_ISA {

// Against a class index, L = w/2 sum_j (p_j - [j = y])^2. With others = 1 - p_y and q = the sum of p_j^2 over j != y,
//     L       = w (q + others^2) / 2
//     dL/ds_j = w p_j (p_j - q + p_y others),  and at y:  -w p_y (q + others^2)
// At the most probable class m, if that is not y, p_m - q would cancel where p_m is near 1:
//     dL/ds_m = w p_m (p_m (1 - p_m) - (q - p_m^2) + p_y others)
// q is summed from the exponentials and divided once, so that it has the rounding of neither p_j nor 1 / sum.
template <class T> void squared_error_classes(const LossRows<T>& rows, const int64_t* target) {
    rows.over(target, [&](const Row<T>& row) {
        const int64_t y = row.y;
        const double weight = rows.options.weight ? rows.options.weight[y] : 1;
        const Normalizer<T>& n = row.n;
        const Wide<T> p_y = row.exp_at(y) / n.sum(), others = row.one_minus_p(y);
        Wide<T> squares;  // of exp(s_j - s_max), but for y and the most probable class
        row.sum_over_others(&squares, [=](int64_t j) {
            const T e = row.exp(j);
            return j == y ? T(0) : e * e;
        });
        const Wide<T> sum_square = n.sum() * n.sum();
        const Wide<T> q_but_m = squares / sum_square, q = (squares + (y == n.at ? 0 : 1)) / sum_square;
        const Wide<T> twice_loss = q + others * others;
        row.set_loss(weight * twice_loss / 2);
        row.set_stats(y);
        if (!row.grad) return;

        const Wide<T> scale = rows.options.scale * weight / Wide<T>(rows.options.temperature);
        const T grad_y = T(-scale * (p_y * twice_loss));
        const Wide<T> p_m = n.largest_p(), q_m = n.others * p_m;
        const T grad_m = T(scale * p_m * (p_m * q_m - q_but_m + p_y * others));
        const T factor = T(p_m), scaled = T(scale * p_m), shift = T(p_y * others - q);
        row.write_grad([=](int64_t j) { return row.exp(j) * scaled * (row.exp(j) * factor + shift); }, grad_m, y,
                       grad_y);
    });
}

// Against a distribution t, L = w/2 sum_j (p_j - t_j)^2 for a row of weight w = sum_j w_j t_j:
//     dL/ds = w J (p - t),    hence    dL/ds_k = w p_k (p_k - t_k - sum_j (p_j - t_j) p_j)
// z_loss adds z_loss lse^2, with the gradient 2 z_loss lse p_k. At the most probable class m, where p_m may be near 1,
//     p_m - t_m = d_m = p_m (1 - t_m) - (1 - p_m) t_m
//     dL/ds_m   = w p_m (d_m (1 - p_m) - sum of the other (p_j - t_j) p_j)
template <class T, class Target> [[gnu::noinline]] void squared_error_soft(const LossRows<T>& rows, Target target) {
    const LossOptions<T>& options = rows.options;
    rows.over(target.classes, [&](const Row<T>& row) {
        const auto t = target.of_row(row);
        const Wide<T> p_m = row.n.largest_p(), q_m = row.n.others * p_m;
        const T factor = T(p_m);
        const auto p = [=](int64_t j) { return row.exp(j) * factor; };
        const Wide<T> z_loss = options.z_loss == 0 ? 0 : options.z_loss * row.lse;
        const T* const class_weight = options.weight;
        const Wide<T> weight = class_weight ? sum_over<T>(row.K, [=](int64_t j) { return class_weight[j] * t(j); }) : 1;
        const int64_t m = row.n.at;
        const Wide<T> d_m = p_m * target.one_minus(row, m) - q_m * t(m);
        const auto square = [=](int64_t j) { return (p(j) - t(j)) * (p(j) - t(j)); };
        Wide<T> sums[2] = {0, 0};  // of (p_j - t_j)^2, and of (p_j - t_j) p_j, over the classes but m
        if (row.grad) {
            row.sum_over_others(sums, square, [=](int64_t j) { return (p(j) - t(j)) * p(j); });
        } else {
            row.sum_over_others(sums, square);
        }
        const Wide<T> squares = sums[0];
        row.set_loss(weight * (squares + d_m * d_m) / 2 + z_loss * row.lse);
        row.set_stats(target.largest(row));
        if (!row.grad) return;

        const Wide<T> others = sums[1];
        const Wide<T> scale = options.scale / Wide<T>(options.temperature);
        const T grad_m = T(scale * p_m * (weight * (d_m * q_m - others) + 2 * z_loss));
        const T inner = T(others + d_m * p_m), pull = T(2 * z_loss), w = T(weight), scaled = T(scale * p_m);
        row.write_grad([=](int64_t j) { return row.exp(j) * scaled * (w * ((p(j) - t(j)) - inner) + pull); }, grad_m);
    });
}

}  // namespace softgrad::SOFTGRAD_ISA
