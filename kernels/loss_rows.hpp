// The rows of a loss: what each kernel reads, the room it works in, and where its results go.
#pragma once

#include "buffer.hpp"
#include "loss_options.hpp"
#include "rows.hpp"
#include "stream.hpp"

namespace softgrad::SOFTGRAD_ISA {

// One row. `e` is room for K entries, apart from z and the gradient, which may be written over z.
template <class T> struct Row {
    int64_t number, K;
    const T* z;
    T* e;
    T* loss;
    RowWriter<T>* grad;  // or null
    Stats<T> stats;

    // e_j = exp(s_j - s_max), kept where they are needed again.
    template <class Scores> [[gnu::always_inline]] Normalizer<T> exponentials(Scores scores) const {
        if (!grad) return SOFTGRAD_ISA::exponentials(z, K, scores, discard);
        T* const room = e;
        return SOFTGRAD_ISA::exponentials(z, K, scores, [=](int64_t j, T x) { room[j] = x; });
    }

    void set_loss(T value) const { *loss = value; }

    // logsumexp, the entropy log(sum) - sum_j p_j (s_j - s_max), and whether the first largest score is that of class
    // y.
    template <class Scores> void set_stats(const Normalizer<T>& n, Scores scores, int64_t y) const {
        if (!stats.entropy) return;
        const Wide<T> below = sum_over<T>(K, [&](int64_t j) {
            const T x = exp_below(scores, z[j], n.max);
            return x == 0 ? T(0) : -x * scores.difference(z[j], n.max).hi;
        });
        stats.logsumexp[number] = T(scores.value(n.max) + n.log_sum());
        stats.entropy[number] = T(n.log_sum() + below / n.sum());
        int64_t first = 0;
        while (first < K && z[first] != n.max) ++first;
        stats.correct[number] = first == y;
    }

    // entry(j) for every j but `special`, and there `value`; entry may read e_j.
    template <class Entry>
    [[gnu::always_inline]] void write_grad(Entry entry, int64_t special = -1, T value = 0) const {
        compute_row(e, K, entry);
        if (special >= 0) e[special] = value;
        grad->row(e, K);
    }

    // Its loss and gradient are 0, whatever its logits; its statistics are those of no row.
    void ignore() const {
        *loss = 0;
        if (grad) write_grad([](int64_t) { return T(0); });
        if (stats.entropy) {
            stats.logsumexp[number] = stats.entropy[number] = 0;
            stats.correct[number] = false;
        }
    }
};

// Rows begin..end-1 of N.
template <class T> struct LossRows {
    const T* z;
    LossOptions<T> options;
    T* loss;
    T* grad;
    Stats<T> stats;
    int64_t N, K, begin, end;

    template <class Work> [[gnu::always_inline]] void over(Work work) const {
        const Buffer<T> room(K);
        RowWriter<T> writer(grad ? grad + begin * K : nullptr, grad && N * K * int64_t(sizeof(T)) >= streamed_from);
        for (int64_t i = begin; i < end; ++i) {
            work(Row<T>{i, K, z + i * K, room.entries, loss + i, grad ? &writer : nullptr, stats});
        }
    }
};

}  // namespace softgrad::SOFTGRAD_ISA
