// The target of a loss as a distribution t over the classes, which need not sum to 1. Label smoothing of e turns a
// class index into e / K everywhere and 1 - e more at the class; it smooths probabilities the same way. Where t is near
// 1, 1 - t and log t are computed from e, not from the rounded t.
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
    Wide<T> label_smoothing, each;
    T everywhere, kept;
    SmoothedProbs(const T* probs, double label_smoothing, int64_t K)
        : probs(probs),
          label_smoothing(label_smoothing),
          each(1 / Wide<T>(K)),
          everywhere(T(label_smoothing / double(K))),
          kept(T(1 - label_smoothing)) {}

    auto of_row(const Row<T>& row) const {
        return [t = probs + row.number * row.K, *this](int64_t j) { return kept * t[j] + everywhere; };
    }
    auto log_of_row(const Row<T>& row) const {
        return [t = of_row(row), t_of = probs + row.number * row.K, smooth = label_smoothing != 0, *this](int64_t j) {
            return smooth ? log_of(t(j), one_minus(t_of[j])) : std::log(t(j));
        };
    }
    Wide<T> one_minus(const Row<T>& row, int64_t j) const { return one_minus(probs[row.number * row.K + j]); }
    Wide<T> one_minus(Wide<T> t) const { return (1 - t) + label_smoothing * (t - each); }
    // The first of the most probable classes.
    int64_t largest(const Row<T>& row) const {
        const T* const t = probs + row.number * row.K;
        int64_t first = 0;
        for (int64_t j = 1; j < row.K; ++j) first = t[j] > t[first] ? j : first;
        return first;
    }
};

}  // namespace softgrad::SOFTGRAD_ISA
