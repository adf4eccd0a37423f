// The loops of this folder for one instruction set. CMake compiles this file once for each, with the set's own flags
// and SOFTGRAD_ISA as its namespace, so that the linker never takes one set's code for another's. For the same reason
// nothing here instantiates a template of the standard library unless it is certain to be inlined.
#include "cross_entropy.hpp"
#include "cross_entropy_tiles.hpp"
#include "focal_loss.hpp"
#include "softmax_rows.hpp"
#include "softmax_tiles.hpp"
#include "squared_error.hpp"
#include "table.hpp"

namespace softgrad::SOFTGRAD_ISA {

template <class T> bool in_tiles(Shape shape) { return shape.inner > 1 || shape.K <= short_row<T>; }

template <class T> void softmax(Source z, Sink p, Shape shape, int64_t begin, int64_t end, double temperature) {
    const ExpBelow<T> below(temperature);
    if (!in_tiles<T>(shape)) return softmax_rows<T>(z, p, {shape.outer, shape.K, begin, end}, below);
    softmax_tiles<T>(z, p, shape, begin, end, below);
}

template <class T> void log_softmax(Source z, Sink log_p, Shape shape, int64_t begin, int64_t end, double temperature) {
    const ExpBelow<T> below(temperature);
    if (!in_tiles<T>(shape)) return log_softmax_rows<T>(z, log_p, {shape.outer, shape.K, begin, end}, below);
    log_softmax_tiles<T>(z, log_p, shape, begin, end, below);
}

template <class T> void logsumexp(Source z, Sink lse, Shape shape, int64_t begin, int64_t end, double temperature) {
    const ExpBelow<T> below(temperature);
    if (!in_tiles<T>(shape)) return logsumexp_rows<T>(z, lse, {shape.outer, shape.K, begin, end}, below);
    logsumexp_tiles<T>(z, lse, shape, begin, end, below);
}

template <class T>
void softmax_vjp(Source p, Source dp, Sink dz, Shape shape, int64_t begin, int64_t end, double temperature) {
    const T scale = T(1 / temperature);
    if (in_tiles<T>(shape)) return softmax_vjp_tiles<T>(p, dp, dz, shape, begin, end, scale);
    softmax_vjp_rows<T>(p, dp, dz, {shape.outer, shape.K, begin, end}, scale);
}

template <class T>
void log_softmax_vjp(Source log_p, Source dy, Sink dz, Shape shape, int64_t begin, int64_t end, double temperature) {
    const T scale = T(1 / temperature);
    if (in_tiles<T>(shape)) return log_softmax_vjp_tiles<T>(log_p, dy, dz, shape, begin, end, scale);
    log_softmax_vjp_rows<T>(log_p, dy, dz, {shape.outer, shape.K, begin, end}, scale);
}

template <class T>
void log_softmax_jvp(Source log_p, Source dz, Sink dy, Shape shape, int64_t begin, int64_t end, double temperature) {
    const T scale = T(1 / temperature);
    if (in_tiles<T>(shape)) return log_softmax_jvp_tiles<T>(log_p, dz, dy, shape, begin, end, scale);
    log_softmax_jvp_rows<T>(log_p, dz, dy, {shape.outer, shape.K, begin, end}, scale);
}

// The losses by their kernels. KL divergence and cross-entropy differ for distributions alone.
struct CrossEntropy {
    template <class T> static void classes(const LossRows<T>& rows, const int64_t* target) {
        if (rows.K > short_row<T> || rows.options.softcap != 0 || rows.stats.entropy) {
            cross_entropy_classes(rows, target);
        } else {
            cross_entropy_classes_tiles(rows, target);
        }
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
    template <class T> static void classes(const LossRows<T>& rows, const int64_t* target) {
        squared_error_classes(rows, target);
    }
    template <class T, class Target> static void distributions(const LossRows<T>& rows, Target target) {
        squared_error_soft(rows, target);
    }
};

struct FocalLoss : CrossEntropy {  // which it is for gamma = 0
    template <class T> static void classes(const LossRows<T>& rows, const int64_t* target) {
        if (rows.options.parameter == 0) return CrossEntropy::classes(rows, target);
        focal_loss_classes(rows, target);
    }
    template <class T, class Target> static void distributions(const LossRows<T>& rows, Target target) {
        if (rows.options.parameter == 0) return CrossEntropy::distributions(rows, target);
        focal_loss_soft(rows, target);
    }
};

// Smoothed class indices, and a z_loss, need the kernel for distributions.
template <class Loss, class T>
void loss_of_classes(Source z, const int64_t* target, LossOptions<T> options, T* loss, Sink grad, Stats<T> stats,
                     int64_t N, int64_t K, int64_t begin, int64_t end) {
    const LossRows<T> rows{z, options, loss, grad, stats, N, K, begin, end};
    if (options.label_smoothing == 0 && options.z_loss == 0) return Loss::classes(rows, target);
    Loss::distributions(rows, SmoothedClasses<T>(target, options.label_smoothing, K));
}

template <class Loss, class T>
void loss_of_probs(Source z, const T* target, LossOptions<T> options, T* loss, Sink grad, Stats<T> stats, int64_t N,
                   int64_t K, int64_t begin, int64_t end) {
    const LossRows<T> rows{z, options, loss, grad, stats, N, K, begin, end};
    Loss::distributions(rows, SmoothedProbs<T>(target, options.label_smoothing, K));
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
    .softmax_vjp = softmax_vjp<T>,
    .log_softmax_vjp = log_softmax_vjp<T>,
    .log_softmax_jvp = log_softmax_jvp<T>,
    .losses = losses<T>,
    .mean = mean<T>,
};

extern const Kernels<float> f32 = kernels<float>;
extern const Kernels<double> f64 = kernels<double>;

}  // namespace softgrad::SOFTGRAD_ISA
