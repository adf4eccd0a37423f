// The short way to a loss of rows against class indices, of arrays and of tensors.
#pragma once

#include <memory>
#include <optional>

#include "short_calls.hpp"

namespace softgrad {

// The total loss of rows against class indices, and their gradient; nothing, and nothing is computed, if a class is
// outside 0..K-1 or no row counts. A denominator of 0 stands for the number of rows that count. The gradient is that
// times `upstream`, rounded once.
template <class T>
std::optional<T> loss_of_rows(std::string_view name, Source z, const int64_t* classes, Sink grad, Shape shape,
                              const LossNumbers& numbers, std::optional<int64_t> ignored, double upstream = 1) {
    const int64_t N = shape.rows(), count = count_rows(classes, N, shape.K, ignored);
    if (count <= 0) return {};
    const auto rows_of = loss_named<T>(name).of_classes;
    LossOptions<T> options{numbers, nullptr, false};
    if (options.denominator == 0) options.scale = 1 / (options.denominator = double(count));
    if (upstream != 1) options.scale = 1 / (options.denominator / upstream);
    const std::unique_ptr<T[]> losses(new T[size_t(N)]);
    run(shape, N * shape.K,
        [&](int64_t begin, int64_t end) { rows_of(z, classes, options, losses.get(), grad, {}, shape, begin, end); });
    return total(losses.get(), N, options.denominator);
}

}  // namespace softgrad
