// The losses against a target distribution t, which need not sum to 1, each with its gradient. Class numbers become one
// by label smoothing, e / K everywhere and 1 - e more at the class; probabilities are smoothed the same way.
// `grad` may be null, and may be z itself.
#pragma once

#include "loss_rows.hpp"

namespace softgrad::SOFTGRAD_ISA {

template <class T> struct SmoothedClasses {
    const int64_t* target;
    T everywhere, at_class;
    bool ignored(int64_t row) const { return target[row] < 0; }
    auto of_row(int64_t row, int64_t) const {
        return [y = target[row], *this](int64_t j) { return everywhere + (j == y ? at_class : T(0)); };
    }
    int64_t largest(int64_t row, int64_t) const { return target[row]; }
};

template <class T> struct SmoothedProbs {
    const T* target;
    T everywhere, kept;
    bool ignored(int64_t) const { return false; }
    auto of_row(int64_t row, int64_t K) const {
        return [t = target + row * K, *this](int64_t j) { return kept * t[j] + everywhere; };
    }
    int64_t largest(int64_t row, int64_t K) const {
        const T* const t = target + row * K;
        int64_t first = 0;
        for (int64_t j = 1; j < K; ++j) first = t[j] > t[first] ? j : first;
        return first;
    }
};

// With a_j = w_j t_j for class weights w; a class with a_j = 0 adds 0, even where log p_j is -inf:
//     cross-entropy   L = -sum_j a_j log p_j
//     KL(t || p)      L = sum_j a_j (log t_j - log p_j)
//     either          dL/ds_j = p_j sum(a) - a_j
// and z_loss lse^2 more, with gradient 2 z_loss lse p_j.
template <bool kl, class T, class Target> void cross_entropy_soft(const LossRows<T>& rows, Target targets) {
    const LossOptions<T>& options = rows.options;
    rows.over([&](int64_t i) { return targets.ignored(i); },
              [&](const Row<T>& row) {
                  const auto t = targets.of_row(row.number, row.K);
                  const T* const weight = options.weight;
                  const auto a = [=](int64_t j) { return weight ? weight[j] * t(j) : t(j); };
                  const T log_sum = T(row.n.log_sum());
                  const Wide<T> loss = row.with_differences([&](auto difference) {
                      return sum_over<T>(row.K, [=](int64_t j) {
                          const T minus_log_p = log_sum - difference(j);
                          const T log_t = kl ? std::log(t(j)) : T(0);
                          return a(j) == 0 ? T(0) : a(j) * (log_t + minus_log_p);
                      });
                  });
                  row.set_loss(options.z_loss == 0 ? loss : loss + options.z_loss * row.lse * row.lse);
                  row.set_stats(targets.largest(row.number, row.K));
                  if (!row.grad) return;

                  const Wide<T> pulled =
                      sum_over<T>(row.K, a) + (options.z_loss == 0 ? 0 : 2 * options.z_loss * row.lse);
                  const T factor = T(pulled / row.n.sum());
                  const T scale = T(options.scale / Wide<T>(options.temperature));
                  row.write_grad([=](int64_t j) { return scale * (row.exp(j) * factor - a(j)); });
              });
}

// L = w/2 sum_j (p_j - t_j)^2 for a row of weight w = sum_j w_j t_j, and its gradient through softmax:
//     dL/ds = w J (p - t),    hence    dL/ds_k = w p_k (p_k - t_k - sum_j (p_j - t_j) p_j)
// and z_loss lse^2 more, with gradient 2 z_loss lse p_k.
template <class T, class Target> void squared_error_soft(const LossRows<T>& rows, Target targets) {
    const LossOptions<T>& options = rows.options;
    rows.over([&](int64_t i) { return targets.ignored(i); },
              [&](const Row<T>& row) {
                  const auto t = targets.of_row(row.number, row.K);
                  const T factor = T(1 / row.n.sum());
                  const auto p = [=](int64_t j) { return row.exp(j) * factor; };
                  const Wide<T> z_loss = options.z_loss == 0 ? 0 : options.z_loss * row.lse;
                  const Wide<T> weight =
                      options.weight ? sum_over<T>(row.K, [&](int64_t j) { return options.weight[j] * t(j); }) : 1;
                  const Wide<T> squares = sum_over<T>(row.K, [=](int64_t j) { return (p(j) - t(j)) * (p(j) - t(j)); });
                  row.set_loss(weight * squares / 2 + z_loss * row.lse);
                  row.set_stats(targets.largest(row.number, row.K));
                  if (!row.grad) return;

                  const T inner = T(sum_over<T>(row.K, [=](int64_t j) { return (p(j) - t(j)) * p(j); }));
                  const T pull = T(2 * z_loss), w = T(weight);
                  const T scaled = T(options.scale / Wide<T>(options.temperature) / row.n.sum());
                  row.write_grad([=](int64_t j) { return row.exp(j) * scaled * (w * ((p(j) - t(j)) - inner) + pull); });
              });
}

}  // namespace softgrad::SOFTGRAD_ISA
