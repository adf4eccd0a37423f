// Squared error of the probabilities, L = 1/2 sum_j (p_j - t_j)^2, with its gradient through softmax:
//     dL/dz = J (p - t),    hence    dL/dz_k = p_k (p_k - t_k - sum_j (p_j - t_j) p_j)
// `grad` may be null: then the exponentials are computed again where they would have been kept there.
#pragma once

#include "rows.hpp"

namespace softgrad::SOFTGRAD_ISA {

// Target a class y. With others = 1 - p_y and q = the sum of p_j^2 over j != y, no term cancels:
//     L       = (q + others^2) / 2
//     dL/dz_j = p_j (p_j - q + p_y others),  and at y:  -p_y (q + others^2)
// q is summed from the exponentials and divided once, so that it has the rounding of neither p_j nor 1 / sum.
template <class T>
void squared_error_classes(const T* z, const int64_t* target, double scale, T* loss, T* grad, int64_t N, int64_t K) {
    for (; N > 0; --N, z += K, ++target, ++loss) {
        const int64_t y = *target;
        const auto keep = [=](int64_t j, T e) { grad[j] = e; };
        const Normalizer<T> n = grad ? exponentials(z, K, keep) : exponentials(z, K, discard);
        const auto e = [=](int64_t j) { return grad ? grad[j] : exp_difference(z[j], n.max); };
        const Wide<T> p_y = exp_difference(z[y], n.max) / n.sum();
        const Wide<T> others = z[y] == n.max ? n.others / n.sum() : 1 - p_y;
        const Wide<T> q = sum_over<T>(K, [=](int64_t j) { return j == y ? T(0) : e(j) * e(j); }) / (n.sum() * n.sum());
        const Wide<T> twice_loss = q + others * others;
        *loss = T(twice_loss / 2);
        if (!grad) continue;

        const T factor = T(1 / n.sum()), scaled_factor = T(scale / n.sum()), shift = T(p_y * others - q);
#pragma omp simd
        for (int64_t j = 0; j < K; ++j) grad[j] = grad[j] * scaled_factor * (grad[j] * factor + shift);
        grad[y] = T(-scale * (p_y * twice_loss));
        grad += K;
    }
}

// Target probabilities t.
template <class T>
void squared_error_probs(const T* z, const T* t, double scale, T* loss, T* grad, int64_t N, int64_t K) {
    for (; N > 0; --N, z += K, t += K, ++loss) {
        const auto keep = [=](int64_t j, T e) { grad[j] = e; };
        const Normalizer<T> n = grad ? exponentials(z, K, keep) : exponentials(z, K, discard);
        const T factor = T(1 / n.sum());
        const auto p = [=](int64_t j) { return (grad ? grad[j] : exp_difference(z[j], n.max)) * factor; };
        *loss = T(sum_over<T>(K, [=](int64_t j) { return (p(j) - t[j]) * (p(j) - t[j]); }) / 2);
        if (!grad) continue;

        const T inner = T(sum_over<T>(K, [=](int64_t j) { return (p(j) - t[j]) * p(j); }));
        const T scaled_factor = T(scale / n.sum());
#pragma omp simd
        for (int64_t j = 0; j < K; ++j) grad[j] = grad[j] * scaled_factor * ((p(j) - t[j]) - inner);
        grad += K;
    }
}

}  // namespace softgrad::SOFTGRAD_ISA
