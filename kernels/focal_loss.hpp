// Focal loss of p = softmax(s), with its gradient: the cross-entropy times a factor that is small where p is right.
// The parameter of the options is gamma > 0. `grad` may be null, and may be z itself.
//
// With q_j = 1 - p_j, and a_j = w_j t_j for class weights w,
//     L       = -sum_j a_j q_j^gamma log p_j
//     dL/ds_k = p_k sum_j a_j c_j - a_k c_k,     c_j = q_j^gamma (1 + gamma p_j (-log p_j) / q_j)
// c_j has two terms that are not negative. Where p_j is near 1, (-log p_j) / q_j is too. At the most probable class m
// the two terms of dL/ds_m may both be near 1 where their difference is not:
//     dL/ds_m = p_m (sum of the other a_j c_j) - q_m a_m c_m
//
// Source: Lin et al., Focal Loss for Dense Object Detection, arXiv:1708.02002.
#pragma once

#include "loss_rows.hpp"
#include "target_distribution.hpp"

namespace softgrad::SOFTGRAD_ISA {

// The factors of class j in a row.
template <class T> struct Focus {
    Wide<T> minus_log_p, p, q;
    Wide<T> power;  // q^gamma
    Wide<T> c;

    Focus(const Row<T>& row, int64_t j, double gamma) {
        minus_log_p = row.n.log_sum() - row.difference(j);
        p = row.exp(j) / row.n.sum();
        q = row.one_minus_p(j);
        power = std::pow(q, Wide<T>(gamma));
        c = p == 0 || q == 0 ? power : power * (1 + gamma * p * (minus_log_p / q));
    }
};

// For a target class y of weight w, the row's gradient is w c_y p_k, and -w c_y q_y at y.
template <class T> void focal_loss_classes(const LossRows<T>& rows, const int64_t* target) {
    rows.over(target, [&](const Row<T>& row) {
        const int64_t y = row.y;
        const double weight = rows.options.weight ? rows.options.weight[y] : 1;
        row.in->stretch_of(y);
        const Focus<T> at_y(row, y, rows.options.parameter);
        row.set_loss(weight == 0 ? 0 : weight * (at_y.power * at_y.minus_log_p));
        row.set_stats(y);
        if (!row.grad) return;

        const Wide<T> scale = rows.options.scale * weight / Wide<T>(rows.options.temperature);
        row.write_exponentials(scale * at_y.c / row.n.sum(), y, -scale * at_y.c * at_y.q);
    });
}

// A class with a_j = 0 adds 0, even where log p_j is -inf.
template <class T, class Target> [[gnu::noinline]] void focal_loss_soft(const LossRows<T>& rows, Target target) {
    const LossOptions<T>& options = rows.options;
    rows.over(target.classes, [&](const Row<T>& row) {
        const auto t = target.of_row(row);
        const auto a = [&](int64_t j) { return options.weight ? options.weight[j] * t(j) : t(j); };
        const int64_t m = row.n.at;
        CompensatedSum<T> loss, others;  // others: sum of a_j c_j over j != m
        Wide<T> ac_m = 0;
        row.over_parts([&](int64_t start, int64_t count) {
            for (int64_t j = start; j < start + count; ++j) {
                if (a(j) == 0) continue;
                const Focus<T> at_j(row, j, options.parameter);
                loss.add(a(j) * (at_j.power * at_j.minus_log_p));
                if (j == m) {
                    ac_m = a(j) * at_j.c;
                } else {
                    others.add(a(j) * at_j.c);
                }
            }
        });
        row.set_loss(loss.sum);
        row.set_stats(target.largest(row));
        if (!row.grad) return;

        const Wide<T> scale = options.scale / Wide<T>(options.temperature), total = others.sum + ac_m;
        const Wide<T> grad_m = row.n.largest_p() * (others.sum - row.n.others * ac_m);
        const auto entry = [&](int64_t j) {
            const Focus<T> at_j(row, j, options.parameter);
            return T(scale * (at_j.p * total - (a(j) == 0 ? 0 : a(j) * at_j.c)));
        };
        row.write_grad(entry, T(scale * grad_m));
    });
}

}  // namespace softgrad::SOFTGRAD_ISA
