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
// z_loss adds z_loss lse^2, with the gradient 2 z_loss lse p_j.
template <class T, class Target>
[[gnu::noinline]] void cross_entropy_soft(const LossRows<T>& rows, Target target, bool kl_divergence) {
    const LossOptions<T>& options = rows.options;
    rows.over(target.classes, [&](const Row<T>& row) {
        const auto t = target.of_row(row);
        const T* const weight = options.weight;
        const auto a = [=](int64_t j) { return weight ? weight[j] * t(j) : t(j); };
        const T log_sum = T(row.n.log_sum());
        const auto loss_with = [&](auto log_t) {
            return row.with_differences([&](auto difference) {
                return row.sum([=](int64_t j) {
                    const T minus_log_p = log_sum - difference(j);
                    return a(j) == 0 ? T(0) : a(j) * (log_t(j) + minus_log_p);
                });
            });
        };
        const Wide<T> loss = kl_divergence ? loss_with([=](int64_t j) { return std::log(t(j)); })  //
                                           : loss_with([](int64_t) { return T(0); });
        row.set_loss(options.z_loss == 0 ? loss : loss + options.z_loss * row.lse * row.lse);
        row.set_stats(target.largest(row));
        if (!row.grad) return;

        const Wide<T> pulled = row.sum(a) + (options.z_loss == 0 ? 0 : 2 * options.z_loss * row.lse);
        const T factor = T(pulled / row.n.sum());
        const T scale = T(options.scale / Wide<T>(options.temperature));
        row.write_grad([=](int64_t j) { return scale * (row.exp(j) * factor - a(j)); });
    });
}

}  // namespace softgrad::SOFTGRAD_ISA
