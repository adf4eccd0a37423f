// The loops of this folder for one instruction set. CMake compiles this file once for each, with the set's own flags
// and SOFTGRAD_ISA as its namespace, so that the linker never takes one set's code for another's. For the same reason
// nothing here instantiates a template of the standard library unless it is certain to be inlined.
#include "cross_entropy.hpp"
#include "cross_entropy_columns.hpp"
#include "cross_entropy_tiles.hpp"
#include "focal_loss.hpp"
#include "layer_rows.hpp"
#include "optimizer_steps.hpp"
#include "panels.hpp"
#include "partial_rows.hpp"
#include "probability_rows.hpp"
#include "row_products.hpp"
#include "softmax_columns.hpp"
#include "softmax_rows.hpp"
#include "softmax_tiles.hpp"
#include "squared_error.hpp"
#include "table.hpp"
#include "token_log_probs.hpp"
#include "token_log_probs_tiles.hpp"

namespace softgrad::SOFTGRAD_ISA {

// Calls rows(x, out, span) for rows begin..end-1, contiguous in both arrays.
template <class T, class Rows>
void over_rows(Source x, Sink out, Shape shape, int64_t begin, int64_t end, const Rows& rows) {
    if (shape.inner == 1) return rows(x, out, Span{shape.outer, shape.K, begin, end});
    const Panel<T> panel(shape, x.storage, begin, end);
    panel.over(begin, end, [&](int64_t first, int64_t last) {
        rows(panel.read(x, first, last), panel.results(), Span{last - first, shape.K, 0, last - first});
        panel.write(out, first, last);
    });
}

// The same for two arrays to read.
template <class T, class Rows>
void over_rows(Source x, Source y, Sink out, Shape shape, int64_t begin, int64_t end, const Rows& rows) {
    if (shape.inner == 1) return rows(x, y, out, Span{shape.outer, shape.K, begin, end});
    const Panel<T> panel(shape, x.storage, begin, end), of_y(shape, y.storage, begin, end);
    panel.over(begin, end, [&](int64_t first, int64_t last) {
        rows(panel.read(x, first, last), of_y.read(y, first, last), panel.results(),
             Span{last - first, shape.K, 0, last - first});
        panel.write(out, first, last);
    });
}

template <class T> void softmax(Source z, Sink p, Shape shape, int64_t begin, int64_t end, double temperature) {
    const ExpBelow<T> below(temperature);
    if (in_bands<T>(shape)) return softmax_columns<T>(z, p, shape, begin, end, below);
    over_rows<T>(z, p, shape, begin, end, [&](Source z, Sink p, Span span) {
        span.K <= short_row<T> ? softmax_tiles<T>(z, p, span.shape(), span.begin, span.end, below)
                               : softmax_rows<T>(z, p, span, below);
    });
}

template <class T> void log_softmax(Source z, Sink log_p, Shape shape, int64_t begin, int64_t end, double temperature) {
    const ExpBelow<T> below(temperature);
    if (in_bands<T>(shape)) return log_softmax_columns<T>(z, log_p, shape, begin, end, below);
    over_rows<T>(z, log_p, shape, begin, end, [&](Source z, Sink log_p, Span span) {
        span.K <= short_row<T> ? log_softmax_tiles<T>(z, log_p, span.shape(), span.begin, span.end, below)
                               : log_softmax_rows<T>(z, log_p, span, below);
    });
}

template <class T> void logsumexp(Source z, Sink lse, Shape shape, int64_t begin, int64_t end, double temperature) {
    const ExpBelow<T> below(temperature);
    if (in_bands<T>(shape)) return logsumexp_columns<T>(z, lse, shape, begin, end, below);
    const auto rows = [&](Source z, Sink lse, Span span) {
        span.K <= short_row<T> ? logsumexp_tiles<T>(z, lse, span.shape(), span.begin, span.end, below)
                               : logsumexp_rows<T>(z, lse, span, below);
    };
    if (shape.inner == 1) return rows(z, lse, {shape.outer, shape.K, begin, end});
    const Panel<T> panel(shape, z.storage, begin, end);
    panel.over(begin, end, [&](int64_t first, int64_t last) {
        rows(panel.read(z, first, last), lse.from<T>(first), {last - first, shape.K, 0, last - first});
    });
}

template <class T>
void softmax_vjp(Source p, Source dp, Sink dz, Shape shape, int64_t begin, int64_t end, double temperature) {
    const T scale = T(1 / temperature);
    if (in_bands<T>(shape)) return softmax_vjp_columns<T>(p, dp, dz, shape, begin, end, scale);
    over_rows<T>(p, dp, dz, shape, begin, end, [&](Source p, Source dp, Sink dz, Span span) {
        span.K <= short_row<T> ? softmax_vjp_tiles<T>(p, dp, dz, span.shape(), span.begin, span.end, scale)
                               : softmax_vjp_rows<T>(p, dp, dz, span, scale);
    });
}

template <class T>
void log_softmax_vjp(Source log_p, Source dy, Sink dz, Shape shape, int64_t begin, int64_t end, double temperature) {
    const T scale = T(1 / temperature);
    if (in_bands<T>(shape)) return log_softmax_vjp_columns<T>(log_p, dy, dz, shape, begin, end, scale);
    over_rows<T>(log_p, dy, dz, shape, begin, end, [&](Source log_p, Source dy, Sink dz, Span span) {
        span.K <= short_row<T> ? log_softmax_vjp_tiles<T>(log_p, dy, dz, span.shape(), span.begin, span.end, scale)
                               : log_softmax_vjp_rows<T>(log_p, dy, dz, span, scale);
    });
}

template <class T>
void log_softmax_jvp(Source log_p, Source dz, Sink dy, Shape shape, int64_t begin, int64_t end, double temperature) {
    const T scale = T(1 / temperature);
    if (in_bands<T>(shape)) return log_softmax_jvp_columns<T>(log_p, dz, dy, shape, begin, end, scale);
    over_rows<T>(log_p, dz, dy, shape, begin, end, [&](Source log_p, Source dz, Sink dy, Span span) {
        span.K <= short_row<T> ? log_softmax_jvp_tiles<T>(log_p, dz, dy, span.shape(), span.begin, span.end, scale)
                               : log_softmax_jvp_rows<T>(log_p, dz, dy, span, scale);
    });
}

template <class T>
void partial_sums(Source z, T* max, double* others, Shape shape, int64_t begin, int64_t end, double temperature,
                  double softcap) {
    const Span span{shape.outer, shape.K, begin, end};
    partial_sums_rows(z, span, Scores<T>(temperature, softcap), max, others);
}

template <class T>
void scaled_exponentials(Source z, Sink out, const T* max, const double* factor, Shape shape, int64_t begin,
                         int64_t end, double temperature, double softcap) {
    const Span span{shape.outer, shape.K, begin, end};
    scaled_exponentials_rows(z, out, span, Scores<T>(temperature, softcap), max, factor);
}

// The losses by their kernels. KL divergence and cross-entropy differ for distributions alone.
struct CrossEntropy {
    template <class T> static void classes(const LossRows<T>& rows, const int64_t* target) {
        if (has_tiles(rows)) {
            return rows.inner > 1 ? cross_entropy_classes_columns(rows, target)
                                  : cross_entropy_classes_tiles(rows, target);
        }
        cross_entropy_classes(rows, target);
    }
    // Whether there is a kernel of tiles for these rows.
    template <class T> static bool has_tiles(const LossRows<T>& rows) {
        return (rows.K <= short_row<T> || rows.inner > 1) && rows.options.softcap == 0 && !rows.stats.entropy;
    }
    template <class T, class Target> static void distributions(const LossRows<T>& rows, Target target) {
        cross_entropy_soft(rows, target, false);
    }
};

struct KlDivergence : CrossEntropy {
    template <class T, class Target> static void distributions(const LossRows<T>& rows, Target target) {
        cross_entropy_soft(rows, target, true);
    }
};

struct SquaredError {
    template <class T> static bool has_tiles(const LossRows<T>&) { return false; }
    template <class T> static void classes(const LossRows<T>& rows, const int64_t* target) {
        squared_error_classes(rows, target);
    }
    template <class T, class Target> static void distributions(const LossRows<T>& rows, Target target) {
        squared_error_soft(rows, target);
    }
};

struct FocalLoss : CrossEntropy {  // which it is for gamma = 0
    template <class T> static bool has_tiles(const LossRows<T>& rows) {
        return rows.options.parameter == 0 && CrossEntropy::has_tiles(rows);
    }
    template <class T> static void classes(const LossRows<T>& rows, const int64_t* target) {
        if (rows.options.parameter == 0) return CrossEntropy::classes(rows, target);
        focal_loss_classes(rows, target);
    }
    template <class T, class Target> static void distributions(const LossRows<T>& rows, Target target) {
        if (rows.options.parameter == 0) return CrossEntropy::distributions(rows, target);
        focal_loss_soft(rows, target);
    }
};

// Rows first..last-1 of a loss, from a panel that holds them alone: its results replace their logits.
template <class T> LossRows<T> of_panel(LossRows<T> rows, const Panel<T>& panel, int64_t first, int64_t last) {
    Stats<T>& stats = rows.stats;
    if (stats.entropy) stats = {stats.logsumexp + first, stats.entropy + first, stats.correct + first};
    if (rows.grad.entries) rows.grad = panel.results();
    rows.loss += first;
    rows.z = panel.read(rows.z, first, last);
    rows.N = last - first, rows.begin = 0, rows.end = last - first;
    return rows;
}

// Smoothed class indices, and a z_loss, need the kernel for distributions.
template <class Loss, class T>
void loss_of_classes(Source z, const int64_t* target, LossOptions<T> options, T* loss, Sink grad, Stats<T> stats,
                     Shape shape, int64_t begin, int64_t end) {
    const bool unsmoothed = options.label_smoothing == 0 && options.z_loss == 0;
    const auto compute = [&](const LossRows<T>& rows, const int64_t* target) {
        if (unsmoothed) return Loss::classes(rows, target);
        Loss::distributions(rows, SmoothedClasses<T>(target, options.label_smoothing, shape.K));
    };
    LossRows<T> rows{z, options, loss, grad, stats, shape.rows(), shape.K, begin, end};
    if (shape.inner == 1) return compute(rows, target);
    if (unsmoothed && in_bands<T>(shape)) {
        rows.inner = shape.inner;
        if (Loss::has_tiles(rows)) return compute(rows, target);
        rows.inner = 1;
    }
    const Panel<T> panel(shape, z.storage, begin, end);
    panel.over(begin, end, [&](int64_t first, int64_t last) {
        compute(of_panel(rows, panel, first, last), target + first);
        if (grad.entries) panel.write(grad, first, last);
    });
}

template <class Loss, class T>
void loss_of_probs(Source z, const T* target, LossOptions<T> options, T* loss, Sink grad, Stats<T> stats, Shape shape,
                   int64_t begin, int64_t end) {
    const auto compute = [&](const LossRows<T>& rows, const T* target) {
        Loss::distributions(rows, SmoothedProbs<T>(target, options, shape.K));
    };
    const LossRows<T> rows{z, options, loss, grad, stats, shape.rows(), shape.K, begin, end};
    if (shape.inner == 1) return compute(rows, target);
    const Shape target_shape{shape.outer, options.complemented ? 2 * shape.K : shape.K, shape.inner};
    const Panel<T> panel(shape, z.storage, begin, end), of_target(target_shape, Storage::itself, begin, end);
    // A panel of a 16-bit array, or of shorter rows, holds at least as many rows.
    of_target.over(begin, end, [&](int64_t first, int64_t last) {
        const Source t = of_target.read({target, Storage::itself}, first, last);
        compute(of_panel(rows, panel, first, last), static_cast<const T*>(t.entries));
        if (grad.entries) panel.write(grad, first, last);
    });
}

// Whether tiles, which give the same numbers, were faster when they were measured. Double has none, since the scalars
// of a row need more digits than its entries.
template <class T> constexpr bool has_token_tiles = std::is_same_v<T, float>;
template <class T> bool in_token_tiles(int64_t rows, int64_t K) {
    return K <= short_row<T> / 2 && rows >= lanes<T> / 2;
}

template <class T>
void token_log_probs(Source z, const int64_t* tokens, T* log_probs, T* entropy, TokenRow* saved, Shape shape,
                     int64_t begin, int64_t end, double temperature) {
    LossOptions<T> options{};
    options.temperature = temperature;
    const auto compute = [](const LossRows<T>& rows, const int64_t* tokens, T* entropy, TokenRow* saved) {
        if constexpr (has_token_tiles<T>) {
            if (in_token_tiles<T>(rows.end - rows.begin, rows.K)) {
                return token_log_probs_tiles(rows, tokens, entropy, saved);
            }
        }
        token_log_probs_rows(rows, tokens, entropy, saved);
    };
    const LossRows<T> rows{z, options, log_probs, {}, {}, shape.rows(), shape.K, begin, end};
    if (shape.inner == 1) return compute(rows, tokens, entropy, saved);
    const Panel<T> panel(shape, z.storage, begin, end);
    panel.over(begin, end, [&](int64_t first, int64_t last) {
        compute(of_panel(rows, panel, first, last), tokens + first, entropy + first, saved + first);
    });
}

template <class T>
void token_log_probs_vjp(Source z, const int64_t* tokens, const TokenRow* saved, const T* of_log_probs,
                         const T* of_entropy, Sink dz, Shape shape, int64_t begin, int64_t end, double temperature) {
    const auto compute = [](const TokenGradients<T>& gradients, Source z, Sink dz, Span span) {
        if constexpr (has_token_tiles<T>) {
            if (in_token_tiles<T>(span.end - span.begin, span.K)) {
                return token_gradients_tiles(gradients, z, dz, span.shape(), span.begin, span.end);
            }
        }
        gradients.rows(z, dz, span.rows, span.K, span.begin, span.end);
    };
    const TokenGradients<T> gradients{tokens, saved, of_log_probs, of_entropy, temperature};
    if (shape.inner == 1) return compute(gradients, z, dz, {shape.outer, shape.K, begin, end});
    const Panel<T> panel(shape, z.storage, begin, end);
    panel.over(begin, end, [&](int64_t first, int64_t last) {
        compute(gradients.from(first), panel.read(z, first, last), panel.results(),
                {last - first, shape.K, 0, last - first});
        panel.write(dz, first, last);
    });
}

template <class T> Widest mean(const T* x, int64_t count, double denominator) {
    const Wide<T> sum = sum_over<T>(count, [=](int64_t i) { return x[i]; });
    if (std::isfinite(sum)) return Widest(sum) / denominator;
    Widest quotients = 0;  // the sum overflows T, or an entry is infinite or NaN
    for (int64_t i = 0; i < count; ++i) quotients += x[i] / Widest(denominator);
    return quotients;
}

template <class Loss, class T> constexpr typename Kernels<T>::NamedLoss named(const char* name) {
    return {name, loss_of_classes<Loss, T>, loss_of_probs<Loss, T>};
}

template <class T>
constexpr typename Kernels<T>::NamedLoss losses[] = {
    named<CrossEntropy, T>("cross_entropy"),
    named<KlDivergence, T>("kl_divergence"),
    named<SquaredError, T>("squared_error"),
    named<FocalLoss, T>("focal_loss"),
};

template <class T>
constexpr Kernels<T> kernels{
    .softmax = softmax<T>,
    .log_softmax = log_softmax<T>,
    .logsumexp = logsumexp<T>,
    .partial_sums = partial_sums<T>,
    .scaled_exponentials = scaled_exponentials<T>,
    .softmax_vjp = softmax_vjp<T>,
    .log_softmax_vjp = log_softmax_vjp<T>,
    .log_softmax_jvp = log_softmax_jvp<T>,
    .find_no_probabilities = find_no_probabilities<T>,
    .losses = losses<T>,
    .token_log_probs = token_log_probs<T>,
    .token_log_probs_vjp = token_log_probs_vjp<T>,
    .mean = mean<T>,
    .add_bias_and_activate = add_bias_and_activate<T>,
    .activation_and_bias_grad = activation_and_bias_grad<T>,
    .sgd_step = sgd_step<T>,
    .adam_step = adam_step<T>,
};

extern const Kernels<float> f32 = kernels<float>;
extern const Kernels<double> f64 = kernels<double>;

}  // namespace softgrad::SOFTGRAD_ISA
