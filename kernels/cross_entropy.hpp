// Cross-entropy and KL divergence of softmax(z) against a target, with their gradient. `grad` may be null.
#pragma once

#include "rows.hpp"

namespace softgrad::SOFTGRAD_ISA {

// Target a class y:
//     L       = log(sum) + (max - z_y)         two terms that are not negative
//     dL/dz_j = p_j - [j = y]
// At y itself p_y - 1 = -(sum of the others) / sum. The gradient is multiplied by `scale` before it is rounded.
template <class T>
void cross_entropy_classes(const T* z, const int64_t* target, double scale, T* loss, T* grad, int64_t N, int64_t K) {
    for (; N > 0; --N, z += K, ++target, ++loss) {
        const int64_t y = *target;
        const T z_y = z[y];
        const auto keep = [=](int64_t j, T e) { grad[j] = e; };
        const Normalizer<T> n = grad ? exponentials(z, K, keep) : exponentials(z, K, discard);
        *loss = T(n.log_sum() + (Wide<T>(n.max) - z_y));
        if (!grad) continue;

        const Wide<T> minus_others = z_y == n.max ? -n.others : grad[y] - n.sum();
        const T factor = T(scale / n.sum());
#pragma omp simd
        for (int64_t j = 0; j < K; ++j) grad[j] *= factor;
        grad[y] = T(scale * (minus_others / n.sum()));
        grad += K;
    }
}

// Target probabilities t, which need not sum to 1; a class with t_j = 0 adds 0 to the loss, even where log p_j is -inf:
//     cross-entropy   L = -sum_j t_j log p_j
//     KL(t || p)      L = sum_j t_j (log t_j - log p_j)
//     either          dL/dz_j = p_j sum(t) - t_j
enum class Divergence { cross_entropy, kl };

template <Divergence divergence, class T>
void cross_entropy_probs(const T* z, const T* t, double scale, T* loss, T* grad, int64_t N, int64_t K) {
    for (; N > 0; --N, z += K, t += K, ++loss) {
        const auto keep = [=](int64_t j, T e) { grad[j] = e; };
        const Normalizer<T> n = grad ? exponentials(z, K, keep) : exponentials(z, K, discard);
        const T log_sum = T(n.log_sum());
        *loss = T(sum_over<T>(K, [=](int64_t j) {
            const T minus_log_p = (n.max - z[j]) + log_sum;
            const T log_t = divergence == Divergence::kl ? std::log(t[j]) : T(0);
            return t[j] == 0 ? T(0) : t[j] * (log_t + minus_log_p);
        }));
        if (!grad) continue;

        const T factor = T(sum_over<T>(K, [=](int64_t j) { return t[j]; }) / n.sum());
#pragma omp simd
        for (int64_t j = 0; j < K; ++j) grad[j] = T(scale) * (grad[j] * factor - t[j]);
        grad += K;
    }
}

}  // namespace softgrad::SOFTGRAD_ISA
