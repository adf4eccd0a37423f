// The short way to the log-probabilities of tokens and the entropies, of arrays and of tensors.
#pragma once

#include <memory>
#include <optional>

#include "short_calls.hpp"

namespace softgrad {

// Logits and a token for each row. No row is left out: if one is, its token is no class.
struct RowsWithTokens {
    Array z, tokens;
    Shape shape;
    int64_t axis;

    // False if they do not fit each other.
    bool take(const Array& logits, const Array& classes_of_rows, int64_t given_axis) {
        const std::optional<Shape> around_axis = around(logits, given_axis);
        if (!around_axis || classes_of_rows.entries != Entries::int64) return false;
        z = logits, tokens = classes_of_rows, shape = *around_axis;
        axis = given_axis < 0 ? given_axis + z.dims : given_axis;
        return tokens.has_shape_without(z, axis) && find_label_outside(classes(), tokens.size, shape.K) < 0;
    }
    const int64_t* classes() const { return reinterpret_cast<const int64_t*>(tokens.data); }

    // What kernels of T compute of logits in this storage.
    template <class T>
    void values(Storage stored, T* log_probs, T* entropy, TokenRow* saved, double temperature) const {
        run(shape, z.size, [&](int64_t begin, int64_t end) {
            kernels<T>().token_log_probs({z.data, stored}, classes(), log_probs, entropy, saved, shape, begin, end,
                                         temperature);
        });
    }

    // The gradient at the logits, in fresh memory; one of the upstream gradients may be null.
    template <class T>
    void gradient(Storage stored, const TokenRow* saved, const char* const (&upstream)[2], void* dz,
                  double temperature) const {
        run(shape, z.size, [&](int64_t begin, int64_t end) {
            kernels<T>().token_log_probs_vjp(
                {z.data, stored}, classes(), saved, reinterpret_cast<const T*>(upstream[0]),
                reinterpret_cast<const T*>(upstream[1]), {dz, stored, true}, shape, begin, end, temperature);
        });
    }
};

}  // namespace softgrad
