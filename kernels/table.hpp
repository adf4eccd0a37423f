// The kernels of one instruction set, as a table that the bindings call through.
#pragma once

#include <span>

#include "layers.hpp"
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
    // Rows begin..end-1 of z, grad and probabilities of this shape; class indices and losses are one per row. grad and
    // stats may be null.
    template <class Target>
    using Loss = void (*)(Source z, const Target* target, LossOptions<T> options, T* loss, Sink grad, Stats<T> stats,
                          Shape shape, int64_t begin, int64_t end);

    // log_probs, entropy and what is saved for their gradient are one per row, and so are the upstream gradients,
    // either of which may be null.
    using Tokens = void (*)(Source z, const int64_t* tokens, T* log_probs, T* entropy, TokenRow* saved, Shape shape,
                            int64_t begin, int64_t end, double temperature);
    using TokensVjp = void (*)(Source z, const int64_t* tokens, const TokenRow* saved, const T* of_log_probs,
                               const T* of_entropy, Sink dz, Shape shape, int64_t begin, int64_t end,
                               double temperature);

    // A loss by its name in Python, against class indices and against probabilities.
    struct NamedLoss {
        const char* name;
        Loss<int64_t> of_classes;
        Loss<T> of_probs;
    };

    Unary softmax, log_softmax, logsumexp;
    // Rows begin..end-1 of contiguous rows that hold some of the classes, as partial_rows.hpp says.
    void (*partial_sums)(Source z, T* max, double* others, Shape shape, int64_t begin, int64_t end, double temperature,
                         double softcap);
    void (*scaled_exponentials)(Source z, Sink out, const T* max, const double* factor, Shape shape, int64_t begin,
                                int64_t end, double temperature, double softcap);
    Binary softmax_vjp, log_softmax_vjp, log_softmax_jvp;
    int64_t (*find_no_probabilities)(Source p, Shape shape, bool logarithms);  // a row, or -1
    std::span<const NamedLoss> losses;
    Tokens token_log_probs;
    TokensVjp token_log_probs_vjp;
    Widest (*mean)(const T* x, int64_t count, double denominator);  // the sum over the denominator

    // Rows of a layer, in place.
    void (*add_bias_and_activate)(T* y, const T* bias, int64_t N, int64_t units, Activation activation);
    void (*activation_and_bias_grad)(const T* y, T* g, T* bias_grad, int64_t N, int64_t units, Activation activation);
    // Steps of the optimizers, in place.
    void (*sgd_step)(T* parameter, const T* grad, T* velocity, int64_t count, const SgdNumbers& numbers);
    void (*adam_step)(T* parameter, const T* grad, T* m, T* v, int64_t count, const AdamNumbers& numbers);
};

}  // namespace softgrad
