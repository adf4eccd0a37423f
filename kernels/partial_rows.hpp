// Rows of which some classes are at hand at a time, in two passes. The first one yields, for these classes alone,
//     m = max_j s_j        others = sum_j exp(s_j - m), without the term 1 of the maximum
// From these the caller has m and sum = 1 + others over all classes. The second pass replaces each logit by
//     factor exp(s_j - m) ds_j/dz_j
// with one factor for each row: dL/dz_j for a factor of dL/dlogsumexp / (sum temperature), but for the class of the
// target.
#pragma once

#include "softmax_rows.hpp"

namespace softgrad::SOFTGRAD_ISA {

// `others` is -1, and the sum 0, where every class is masked.
template <class T> void partial_sums_rows(Source z, Span span, const Scores<T>& scores, T* max, double* others) {
    const RowReader<T> reader(z, span.K, 2);
    Exponentials<T> exponentials(reader, scores, nullptr, span.end);
    for (int64_t i = span.begin; i < span.end; ++i) {
        Background<T> background(reader, nullptr, i, span.end);
        const Normalizer<T> n = exponentials.row(i, background);
        const bool masked = n.max == -std::numeric_limits<T>::infinity() && !exponentials.has_nan();
        max[i] = n.max;
        others[i] = masked ? -1 : double(n.others);
    }
}

template <class T>
void scaled_exponentials_rows(Source z, Sink out, Span span, const Scores<T>& scores, const T* max,
                              const double* factor) {
    const RowReader<T> reader(z, span.K);
    RowWriter<T> writer(out, span.begin * span.K, in_buffers(span.K), span.rows * span.K);
    const bool capped = scores.softcap != 0;
    const Buffer<T> differences(capped ? in_buffers(span.K) : 0), slopes(capped ? in_buffers(span.K) : 0);
    Accumulator<T> ignored;
    for (int64_t i = span.begin; i < span.end; ++i) {
        Background<T> background(reader, &writer, i, span.end);
        const Peak<T> top{max[i], -1};
        over_stretches(span.K, [&](int64_t start, int64_t count) {
            const T* const row = reader.at(i, start, count);
            T* const e = writer.buffer();
            if (capped) {
                capped_exponentials_below(row, count, top, scores, e, differences.entries, slopes.entries, ignored,
                                          background);
                for (int64_t j = 0; j < count; ++j) e[j] *= slopes.entries[j];
            } else if (scores.below.temperature == 1) {
                exponentials_below<false>(row, count, top, scores.below, e, ignored, background);
            } else {
                exponentials_below<true>(row, count, top, scores.below, e, ignored, background);
            }
            put_exponentials<T>(writer, count, factor[i]);
        });
    }
}

}  // namespace softgrad::SOFTGRAD_ISA
