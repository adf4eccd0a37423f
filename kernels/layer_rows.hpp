// The rows of a fully connected layer with its activation, beside the matrix products that BLAS computes.
#pragma once

#include "exp.hpp"
#include "layers.hpp"

namespace softgrad::SOFTGRAD_ISA {

// The activations: y = f(z), and dL/dz from y and g = dL/dy, as in the table of softgrad/nn/layers.py. A NaN stays one.
struct Identity {
    template <class T> static T forward(T z) { return z; }
    template <class T> static T backward(T, T g) { return g; }
};

struct Relu {
    template <class T> static T forward(T z) { return z < 0 ? T(0) : z; }
    template <class T> static T backward(T y, T g) { return y > 0 ? g : T(0); }
};

struct Sigmoid {
    // 1 / (1 + exp(-z)); for z < 0 as exp(z) / (1 + exp(z)), so that exp never overflows
    template <class T> static T forward(T z) {
        const T e = exp_nonpositive(-std::abs(z));
        return (z < 0 ? e : T(1)) / (T(1) + e);
    }
    template <class T> static T backward(T y, T g) { return g * y * (T(1) - y); }
};

struct Tanh {
    // w / (2 - w) with w = 1 - exp(-2 |z|), which does not cancel near 0; then the sign of z
    template <class T> static T forward(T z) {
        const T x = T(-2) * std::abs(z);
        const T w = x > log_half<T> ? one_minus_exp(x) : T(1) - exp_nonpositive(x);
        return std::copysign(w / (T(2) - w), z);
    }
    template <class T> static T backward(T y, T g) { return g * (T(1) - y) * (T(1) + y); }
};

// Calls with(f) for the activation of this number.
template <class With> void with_activation(Activation activation, With with) {
    switch (activation) {
        case Activation::identity:
            return with(Identity{});
        case Activation::relu:
            return with(Relu{});
        case Activation::sigmoid:
            return with(Sigmoid{});
        case Activation::tanh:
            return with(Tanh{});
    }
}

// y <- f(y + b) for rows y of a product x W.
template <class T> void add_bias_and_activate(T* y, const T* bias, int64_t N, int64_t units, Activation activation) {
    with_activation(activation, [&]<class F>(F) {
        for (int64_t i = 0; i < N; ++i, y += units) {
#pragma omp simd
            for (int64_t j = 0; j < units; ++j) y[j] = F::forward(y[j] + bias[j]);
        }
    });
}

// g <- dL/dz for the rows of g = dL/dy, and db <- the sum of its rows, which are added from the first to the last.
template <class T>
void activation_and_bias_grad(const T* y, T* g, T* bias_grad, int64_t N, int64_t units, Activation activation) {
    for (int64_t j = 0; j < units; ++j) bias_grad[j] = 0;
    with_activation(activation, [&]<class F>(F) {
        for (int64_t i = 0; i < N; ++i, y += units, g += units) {
#pragma omp simd
            for (int64_t j = 0; j < units; ++j) bias_grad[j] += g[j] = F::backward(y[j], g[j]);
        }
    });
}

}  // namespace softgrad::SOFTGRAD_ISA
