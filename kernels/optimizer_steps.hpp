// A step of an optimizer in one pass over the parameters θ, their gradient g and the optimizer's own arrays.
#pragma once

#include <cmath>

#include "layers.hpp"

namespace softgrad::SOFTGRAD_ISA {

// g' = g + l2 θ;    v <- momentum v - rate g';    θ <- (1 - decay) θ + v, or with Nesterov's momentum
//                                                 θ <- (1 - decay) θ + momentum v - rate g'
template <class T> void sgd_step(T* parameter, const T* grad, T* velocity, int64_t count, const SgdNumbers& n) {
    const T rate = T(n.learning_rate), momentum = T(n.momentum), l2 = T(n.l2), kept = T(1 - n.decay);
    const auto pass = [&](auto move) {
#pragma omp simd
        for (int64_t i = 0; i < count; ++i) {
            const T slope = rate * (grad[i] + l2 * parameter[i]);
            velocity[i] = momentum * velocity[i] - slope;
            parameter[i] = kept * parameter[i] + move(velocity[i], slope);
        }
    };
    if (n.nesterov) return pass([=](T v, T slope) { return momentum * v - slope; });
    pass([](T v, T) { return v; });
}

// g' = g + l2 θ;    m <- beta1 m + (1 - beta1) g';    v <- beta2 v + (1 - beta2) g'^2
// θ <- (1 - decay) θ - rate (m / m_correction) / (sqrt(v / v_correction) + epsilon)
template <class T> void adam_step(T* parameter, const T* grad, T* m, T* v, int64_t count, const AdamNumbers& n) {
    const T rate = T(n.learning_rate / n.m_correction), l2 = T(n.l2), kept = T(1 - n.decay);
    const T beta1 = T(n.beta1), beta2 = T(n.beta2), of_g = T(1 - n.beta1), of_square = T(1 - n.beta2);
    const T root = T(1 / std::sqrt(n.v_correction)), epsilon = T(n.epsilon);
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) {
        const T g = grad[i] + l2 * parameter[i];
        m[i] = beta1 * m[i] + of_g * g;
        v[i] = beta2 * v[i] + of_square * g * g;  // v + of_square (g^2 - v) can round to 0 where beta2 is small
        parameter[i] = kept * parameter[i] - rate * m[i] / (std::sqrt(v[i]) * root + epsilon);
    }
}

}  // namespace softgrad::SOFTGRAD_ISA
