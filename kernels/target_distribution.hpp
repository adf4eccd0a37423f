// The target of a loss as a distribution t over the classes, which need not sum to 1. Label smoothing of e turns a
// class index into e / K everywhere and 1 - e more at the class; it smooths probabilities the same way. Where t is near
// 1, 1 - t and log t are computed from e, not from the rounded t. Where a mask leaves each row its own number of
// classes, probabilities come smoothed, and each row of them is followed by its 1 - t.
#pragma once

#include <cmath>

#include "loss_rows.hpp"

namespace softgrad::SOFTGRAD_ISA {

// log t
template <class T> [[gnu::always_inline]] inline T log_of(T t, Wide<T> one_minus_t) {
    return std::abs(one_minus_t) < Wide<T>(0.5) ? T(std::log1p(double(-one_minus_t))) : std::log(t);
}

template <class T> struct SmoothedClasses {
    const int64_t* classes;  // negative for an ignored row
    Wide<T> label_smoothing, each;
    T everywhere, at_class;
    SmoothedClasses(const int64_t* classes, double label_smoothing, int64_t K)
        : classes(classes),
          label_smoothing(label_smoothing),
          each(label_smoothing / Wide<T>(K)),
          everywhere(T(each)),
          at_class(T(1 - label_smoothing)) {}

    // t(j) of a row.
    auto of_row(const Row<T>& row) const {
        return [y = row.y, *this](int64_t j) { return everywhere + (j == y ? at_class : T(0)); };
    }
    auto log_of_row(const Row<T>& row) const {
        const T at_y = log_of(everywhere + at_class, label_smoothing - each), elsewhere = log_of(everywhere, 1 - each);
        return [y = row.y, at_y, elsewhere](int64_t j) { return j == y ? at_y : elsewhere; };
    }
    Wide<T> one_minus(const Row<T>& row, int64_t j) const { return j == row.y ? label_smoothing - each : 1 - each; }
    int64_t largest(const Row<T>& row) const { return row.y; }
};

template <class T> struct SmoothedProbs {
    static constexpr const int64_t* classes = nullptr;  // no row is ignored
    const T* probs;
    bool complemented;
    int64_t stride;  // from one row to the next
    Wide<T> label_smoothing, each;
    T everywhere, kept;
    SmoothedProbs(const T* probs, const LossOptions<T>& options, int64_t K)
        : probs(probs),
          complemented(options.complemented),
          stride(complemented ? 2 * K : K),
          label_smoothing(options.label_smoothing),
          each(1 / Wide<T>(K)),
          everywhere(T(label_smoothing / double(K))),
          kept(T(1 - label_smoothing)) {}

    auto of_row(const Row<T>& row) const {
        return [t = at(row), *this](int64_t j) { return kept * t[j] + everywhere; };
    }
    auto log_of_row(const Row<T>& row) const {
        const bool smooth = complemented || label_smoothing != 0;
        return [t = of_row(row), given = at(row), K = row.K, smooth, *this](int64_t j) {
            return smooth ? log_of(t(j), one_minus(given, K, j)) : std::log(t(j));
        };
    }
    Wide<T> one_minus(const Row<T>& row, int64_t j) const { return one_minus(at(row), row.K, j); }
    // The first of the most probable classes.
    int64_t largest(const Row<T>& row) const {
        const T* const t = at(row);
        int64_t first = 0;
        for (int64_t j = 1; j < row.K; ++j) first = t[j] > t[first] ? j : first;
        return first;
    }

  private:
    const T* at(const Row<T>& row) const { return probs + row.number * stride; }
    Wide<T> one_minus(const T* t, int64_t K, int64_t j) const {
        if (complemented) return t[K + j];
        return (1 - Wide<T>(t[j])) + label_smoothing * (t[j] - each);
    }
};

}  // namespace softgrad::SOFTGRAD_ISA
