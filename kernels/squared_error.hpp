// Squared error of the probabilities, L = 1/2 sum_j (p_j - t_j)^2, with its gradient through softmax:
//     dL/dz = J (p - t),    hence    dL/dz_k = p_k (p_k - t_k - sum_j (p_j - t_j) p_j)
// `grad` is also the room where p is kept, so it is never null.
#pragma once

#include "rows.hpp"

namespace softgrad::SOFTGRAD_ISA {

// Target a class y. With others = 1 - p_y and q = the sum of p_j^2 over j != y, no term cancels:
//     L       = (q + others^2) / 2
//     dL/dz_j = p_j (p_j - q + p_y others),  and at y:  -p_y (q + others^2)
template <class T>
void squared_error_classes(const T* z, const int64_t* target, double scale, T* loss, T* grad, int64_t N, int64_t K) {
    for (; N > 0; --N, z += K, ++target, ++loss, grad += K) {
        const int64_t y = *target;
        const T z_y = z[y];
        const Normalizer<T> n = exponentials(z, K, [=](int64_t j, T e) { grad[j] = e; });
        const Wide<T> p_y = grad[y] / n.sum();
        const Wide<T> others = z_y == n.max ? n.others / n.sum() : 1 - p_y;
        const T factor = T(1 / n.sum());
        const Wide<T> q = sum_over<T>(K, [=](int64_t j) {
            const T p = grad[j] *= factor;
            return j == y ? T(0) : p * p;
        });
        const Wide<T> twice_loss = q + others * others;
        const T shift = T(p_y * others - q);
#pragma omp simd
        for (int64_t j = 0; j < K; ++j) grad[j] = T(scale) * (grad[j] * (grad[j] + shift));
        grad[y] = T(-scale * (p_y * twice_loss));
        *loss = T(twice_loss / 2);
    }
}

// Target probabilities t.
template <class T>
void squared_error_probs(const T* z, const T* t, double scale, T* loss, T* grad, int64_t N, int64_t K) {
    for (; N > 0; --N, z += K, t += K, ++loss, grad += K) {
        const Normalizer<T> n = exponentials(z, K, [=](int64_t j, T e) { grad[j] = e; });
        const T factor = T(1 / n.sum());
        *loss = T(sum_over<T>(K,
                              [=](int64_t j) {
                                  const T error = (grad[j] *= factor) - t[j];
                                  return error * error;
                              }) /
                  2);
        const T inner = T(sum_over<T>(K, [=](int64_t j) { return (grad[j] - t[j]) * grad[j]; }));
#pragma omp simd
        for (int64_t j = 0; j < K; ++j) grad[j] = T(scale) * (grad[j] * ((grad[j] - t[j]) - inner));
    }
}

}  // namespace softgrad::SOFTGRAD_ISA
