// Cross-entropy of softmax(s) and its gradient, for class indices and for distributions. The KL divergence has the same
// gradient. `grad` may be null, and may be z itself.
#pragma once

#include "loss_rows.hpp"
#include "target_distribution.hpp"

namespace softgrad::SOFTGRAD_ISA {

// For a target class y of weight w:
//     L       = w (log(sum) + (s_max - s_y))         two terms that are not negative
//     dL/ds_j = w (p_j - [j = y])
// At y itself p_y - 1 = -(sum of the others) / sum. The gradient is multiplied by its scale before it is rounded.
template <class T> void cross_entropy_classes(const LossRows<T>& rows, const int64_t* target) {
    rows.over(target, [&](const Row<T>& row) {
        const int64_t y = row.y;
        const double weight = rows.options.weight ? rows.options.weight[y] : 1;
        const Normalizer<T>& n = row.n;
        row.set_loss(weight == 0 ? 0 : weight * (n.log_sum() - row.difference_at(y)));
        row.set_stats(y);
        if (!row.grad) return;

        const Wide<T> scale = rows.options.scale * weight / Wide<T>(rows.options.temperature);
        const Wide<T> minus_others = y == n.at ? -n.others : row.exp_at(y) - n.sum();
        row.write_exponentials(scale / n.sum(), y, scale * (minus_others / n.sum()));
    });
}

// With a_j = w_j t_j for class weights w; a class with a_j = 0 adds 0, even where log p_j is -inf:
//     cross-entropy   L = -sum_j a_j log p_j
//     KL(t || p)      L = sum_j a_j (log t_j - log p_j)
//     either          dL/ds_j = p_j sum(a) - a_j
// z_loss adds z_loss lse^2, with the gradient 2 z_loss lse p_j. At the most probable class m, p_m sum(a) and a_m may
// both be near 1 where their difference is not:
//     dL/ds_m = p_m (sum of the other a_j) - (1 - p_m) a_m,    1 - p_m = (sum of the other exp(s_j - s_max)) / sum
// of which a one-hot target leaves one term. Elsewhere p_j is at most 1/2.
template <class T, class Target>
[[gnu::noinline]] void cross_entropy_soft(const LossRows<T>& rows, Target target, bool kl_divergence) {
    const LossOptions<T>& options = rows.options;
    rows.over(target.classes, [&](const Row<T>& row) {
        const auto t = target.of_row(row);
        const T* const weight = options.weight;
        const auto a = [=](int64_t j) { return weight ? weight[j] * t(j) : t(j); };
        const T log_sum = T(row.n.log_sum());
        const int64_t m = row.n.at;
        Wide<T> sums[2] = {0, 0};  // of the losses, and of the a_j, over the classes but m
        const auto sum_with = [&](auto log_t) {
            return row.with_differences([&](auto difference) {
                const auto loss = [=](int64_t j) {
                    const T minus_log_p = log_sum - difference(j);
                    return a(j) == 0 ? T(0) : a(j) * (log_t(j) + minus_log_p);
                };
                if (row.grad) {
                    row.sum_over_others(sums, loss, a);
                } else {
                    row.sum_over_others(sums, loss);
                }
                const T log_p_m = -log_sum;
                return sums[0] + (a(m) == 0 ? T(0) : a(m) * (log_t(m) - log_p_m));
            });
        };
        const Wide<T> loss = kl_divergence ? sum_with(target.log_of_row(row))  //
                                           : sum_with([](int64_t) { return T(0); });
        row.set_loss(options.z_loss == 0 ? loss : loss + options.z_loss * row.lse * row.lse);
        row.set_stats(target.largest(row));
        if (!row.grad) return;

        const Wide<T> a_m = a(m), others = sums[1], p_m = row.n.largest_p();
        const Wide<T> pull = options.z_loss == 0 ? 0 : 2 * options.z_loss * row.lse;
        const Wide<T> scale = options.scale / Wide<T>(options.temperature);
        const Wide<T> grad_m = p_m * (others + pull - row.n.others * a_m);
        const T factor = T((others + a_m + pull) * p_m), rounded_scale = T(scale);
        row.write_grad([=](int64_t j) { return rounded_scale * (row.exp(j) * factor - a(j)); }, T(scale * grad_m));
    });
}

}  // namespace softgrad::SOFTGRAD_ISA
