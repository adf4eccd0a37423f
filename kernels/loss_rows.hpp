// The rows of a loss: what each kernel reads, its buffers, and where its results go.
#pragma once

#include "loss_options.hpp"
#include "row_exponentials.hpp"

namespace softgrad::SOFTGRAD_ISA {

// A class index, or -1 if the row is ignored. Python has checked that it is in 0..K-1, but another thread may have
// written to the array since. It is read once, and bounded, so that no kernel writes outside a row.
[[gnu::always_inline]] inline int64_t label_at(const int64_t* classes, int64_t i, int64_t K) {
    const int64_t y = __atomic_load_n(classes + i, __ATOMIC_RELAXED);
    return uint64_t(y) < uint64_t(K) ? y : -1;
}

// One row and its exponentials: all of it, or of a long row a stretch at a time.
template <class T> struct Row {
    int64_t number, K;
    int64_t y;            // the class index, or -1 where the target is a distribution
    Exponentials<T>* in;  // what is at hand; the gradient overwrites the exponentials
    T inverse;            // of the temperature
    T* loss;
    RowWriter<T>* grad;  // or null
    Stats<T> stats;
    Normalizer<T> n{};
    Wide<T> lse = 0;  // logsumexp of the scores

    // exp(s_j - s_max) of an entry at hand: within the terms of sums, and where entries are written. A loop is not
    // vectorised if it reads this on a condition.
    [[gnu::always_inline]] T exp(int64_t j) const { return in->e[j - in->start] * (1 / unit<T>); }

    // 1 - p_j of an entry at hand, without cancellation: of the largest p it is the sum of the others.
    Wide<T> one_minus_p(int64_t j) const { return (j == n.at ? n.others : n.sum() - exp(j)) / n.sum(); }

    void set_loss(Wide<T> value) const { *loss = T(value); }

    // with(difference), where difference(j) is s_j - s_max of an entry at hand.
    template <class With> [[gnu::always_inline]] auto with_differences(With with) const {
        const T* const* const x = in->below ? &in->below : &in->z;
        const T shift = in->below ? T(0) : n.max, factor = in->below ? T(1) : inverse;
        return with([=, in = in](int64_t j) { return ((*x)[j - in->start] - shift) * factor; });
    }
    T difference(int64_t j) const {
        return with_differences([=](auto difference) { return difference(j); });
    }

    // The same of any entry.
    T exp_at(int64_t j) const {
        in->stretch_of(j);
        return exp(j);
    }
    T difference_at(int64_t j) const {
        in->stretch_of(j);
        return difference(j);
    }

    // Calls work(start, count) for the parts of the row, each at hand.
    template <class Work> [[gnu::always_inline]] void over_parts(Work work) const {
        over_stretches(K, [&](int64_t start, int64_t count) {
            in->stretch(start, count);
            work(start, count);
        });
    }

    // sums[i] is the sum of the i-th term(j) over all classes but the most probable one. In a confident row these terms
    // are far smaller.
    template <class... Term> [[gnu::always_inline]] void sum_over_others(Wide<T>* sums, Term... term) const {
        Accumulator<T> totals[sizeof...(Term)];
        over_parts([&](int64_t start, int64_t count) {
            add_terms_but([at = n.at](int64_t, int64_t) { return at; }, start, start + count, totals, nullptr, term...);
        });
        for (const Accumulator<T>& total : totals) *sums++ = total.total();
    }

    // The sum of term(j) over the row.
    template <class Term> [[gnu::always_inline]] Wide<T> sum(Term term) const {
        Accumulator<T> total;
        over_parts([&](int64_t start, int64_t count) { add_terms(start, start + count, total, term); });
        return total.total();
    }

    // <p, d> with d_j = s_j - s_max: no term is positive. It is summed in units, so that no small p_j is lost.
    [[gnu::noinline]] Wide<T> mean_difference() const {
        const Wide<T> in_units = with_differences([&](auto difference) {
            return sum([=, in = in](int64_t j) {
                const T d = difference(j), e = in->e[j - in->start];
                return d < T(ExpConstants<T>::lowest) ? T(0) : e * d;
            });
        });
        return in_units / unit<T> / n.sum();
    }

    // logsumexp, the entropy log(sum) - <p, d>, and whether the first largest score is that of class `target`.
    void set_stats(int64_t target) const {
        if (!stats.entropy) return;
        stats.logsumexp[number] = T(lse);
        stats.entropy[number] = T(n.log_sum() - mean_difference());
        stats.correct[number] = n.at == target;
    }

    // Writes the gradient factor * p_j * sum, with `value` at y. Both are dL/ds without the slope of a cap.
    void write_exponentials(Wide<T> factor, int64_t y, Wide<T> value) const {
        over_parts([&](int64_t start, int64_t count) {
            const int64_t special = start <= y && y < start + count ? y - start : -1;
            T* const e = in->e;
            for (int64_t j = 0; in->slope && j < count; ++j) e[j] *= in->slope[j];
            const Wide<T> sloped = in->slope && special >= 0 ? value * in->slope[special] : value;
            put_exponentials(*grad, count, factor, special, T(sloped));
        });
    }

    // Writes the gradient entry(j), with `value` at y and `value_at_max` at the most probable class unless that is y;
    // entry may read e_j.
    template <class Entry>
    [[gnu::always_inline]] void write_grad(Entry entry, T value_at_max, int64_t y = -1, T value = 0) const {
        over_parts([&](int64_t start, int64_t count) {
            T* const e = in->e;
#pragma omp simd
            for (int64_t j = 0; j < count; ++j) e[j] = entry(start + j);
            if (start <= n.at && n.at < start + count) e[n.at - start] = value_at_max;
            if (start <= y && y < start + count) e[y - start] = value;
            for (int64_t j = 0; in->slope && j < count; ++j) e[j] *= in->slope[j];
            grad->put(count);
        });
    }
};

// Rows begin..end-1 of N.
template <class T> struct LossRows {
    Source z;
    LossOptions<T> options;
    T* loss;
    Sink grad;  // its entries are null if it is not asked for
    Stats<T> stats;
    int64_t N, K, begin, end;
    int64_t inner = 1;  // the distance of a row's entries: kernels of tiles alone take others than 1

    // Calls work(row) for each row that is not ignored: `classes` may be null, and is negative for an ignored row.
    // Kernels read the class from the row. The loss, the gradient and the statistics of an ignored row are 0, whatever
    // its logits.
    template <class Work> [[gnu::always_inline]] void over(const int64_t* classes, Work work) const {
        const bool with_grad = grad.entries;
        const Scores<T> scores(options.temperature, options.softcap);
        const RowReader<T> reader(z, K, 2);
        RowWriter<T> writer(grad, begin * K, with_grad ? in_buffers(K) : 0, N * K);
        Exponentials<T> exponentials(reader, scores, with_grad ? &writer : nullptr, end);
        for (int64_t i = begin; i < end; ++i) {
            const int64_t y = classes ? label_at(classes, i, K) : -1;
            if (classes && y < 0) {
                ignore(i, with_grad ? &writer : nullptr);
                continue;
            }
            Background<T> background(reader, with_grad ? &writer : nullptr, i, end);
            Row<T> row{.number = i,
                       .K = K,
                       .y = y,
                       .in = &exponentials,
                       .inverse = scores.below.inverse,
                       .loss = loss + i,
                       .grad = with_grad ? &writer : nullptr,
                       .stats = stats};
            row.n = exponentials.row(i, background);
            row.lse = scores.value(row.n.max) + row.n.log_sum();
            work(row);
        }
    }

  private:
    [[gnu::noinline]] void ignore(int64_t i, RowWriter<T>* writer) const {
        loss[i] = 0;
        if (stats.entropy) {
            stats.logsumexp[i] = stats.entropy[i] = 0;
            stats.correct[i] = false;
        }
        if (!writer) return;
        over_stretches(K, [&](int64_t, int64_t count) {
            T* const zeros = writer->buffer();
            for (int64_t j = 0; j < count; ++j) zeros[j] = 0;
            writer->put(count);
        });
    }
};

}  // namespace softgrad::SOFTGRAD_ISA
