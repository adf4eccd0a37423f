// The target of a loss as a distribution t over the classes, which need not sum to 1. Label smoothing of e turns a
// class index into e / K everywhere and 1 - e more at the class; it smooths probabilities the same way.
#pragma once

#include "loss_rows.hpp"

namespace softgrad::SOFTGRAD_ISA {

template <class T> struct SmoothedClasses {
    const int64_t* classes;  // negative for an ignored row
    T everywhere, at_class;
    SmoothedClasses(const int64_t* classes, double label_smoothing, int64_t K)
        : classes(classes), everywhere(T(label_smoothing / double(K))), at_class(T(1 - label_smoothing)) {}

    // t(j) of a row.
    auto of_row(const Row<T>& row) const {
        return [y = row.y, *this](int64_t j) { return everywhere + (j == y ? at_class : T(0)); };
    }
    int64_t largest(const Row<T>& row) const { return row.y; }
};

template <class T> struct SmoothedProbs {
    static constexpr const int64_t* classes = nullptr;  // no row is ignored
    const T* probs;
    T everywhere, kept;
    SmoothedProbs(const T* probs, double label_smoothing, int64_t K)
        : probs(probs), everywhere(T(label_smoothing / double(K))), kept(T(1 - label_smoothing)) {}

    auto of_row(const Row<T>& row) const {
        return [t = probs + row.number * row.K, *this](int64_t j) { return kept * t[j] + everywhere; };
    }
    // The first of the most probable classes.
    int64_t largest(const Row<T>& row) const {
        const T* const t = probs + row.number * row.K;
        int64_t first = 0;
        for (int64_t j = 1; j < row.K; ++j) first = t[j] > t[first] ? j : first;
        return first;
    }
};

}  // namespace softgrad::SOFTGRAD_ISA
