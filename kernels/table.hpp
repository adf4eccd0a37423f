// The kernels of one instruction set, as a table that the bindings call through. Arrays are contiguous rows: z, p, t
// and their derivatives (N, K); target, loss and lse (N).
#pragma once

#include <cstdint>

namespace softgrad {

template <class T> struct Kernels {
    using Unary = void (*)(const T* x, T* out, int64_t N, int64_t K);
    using Binary = void (*)(const T* x, const T* y, T* out, int64_t N, int64_t K);
    template <class Target>
    using Loss = void (*)(const T* z, const Target* target, double scale, T* loss, T* grad, int64_t N, int64_t K);

    Unary softmax, log_softmax, logsumexp;
    Binary softmax_vjp, log_softmax_vjp, log_softmax_jvp;
    Loss<int64_t> cross_entropy_classes, squared_error_classes;
    Loss<T> cross_entropy_probs, kl_divergence_probs, squared_error_probs;
};

}  // namespace softgrad
