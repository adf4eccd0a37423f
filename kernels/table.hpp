// The kernels of one instruction set, as a table that the bindings call through.
#pragma once

#include <span>

#include "loss_options.hpp"
#include "shape.hpp"
#include "storage.hpp"
#include "wide.hpp"

namespace softgrad {

// What is computed in T.
template <class T> struct Kernels {
    // Rows begin..end-1 of arrays of this shape; softmax is taken of x / temperature.
    using Unary = void (*)(Source x, Sink out, Shape shape, int64_t begin, int64_t end, double temperature);
    using Binary = void (*)(Source x, Source y, Sink out, Shape shape, int64_t begin, int64_t end, double temperature);
    // Rows begin..end-1 of N; z and grad (N, K), target (N) or (N, K), loss (N). grad and stats may be null.
    template <class Target>
    using Loss = void (*)(Source z, const Target* target, LossOptions<T> options, T* loss, Sink grad, Stats<T> stats,
                          int64_t N, int64_t K, int64_t begin, int64_t end);

    // A loss by its name in Python, against class indices and against probabilities.
    struct NamedLoss {
        const char* name;
        Loss<int64_t> of_classes;
        Loss<T> of_probs;
    };

    Unary softmax, log_softmax, logsumexp;
    Binary softmax_vjp, log_softmax_vjp, log_softmax_jvp;
    std::span<const NamedLoss> losses;
    Widest (*mean)(const T* x, int64_t count, double denominator);  // the sum over the denominator
};

}  // namespace softgrad
