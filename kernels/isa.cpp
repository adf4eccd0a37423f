// The loops of this folder for one instruction set. CMake compiles this file once for each, with the set's own flags
// and SOFTGRAD_ISA as its namespace, so that the linker never takes one set's code for another's. For the same reason
// nothing here instantiates a template of the standard library that is not surely inlined.
#include "cross_entropy.hpp"
#include "cross_entropy_tiles.hpp"
#include "soft_losses.hpp"
#include "softmax.hpp"
#include "softmax_tiles.hpp"
#include "squared_error.hpp"
#include "table.hpp"

namespace softgrad::SOFTGRAD_ISA {

// Rows up to this length go through tiles; measured where the two meet.
template <class T> constexpr int64_t short_row = 256 / sizeof(T);

template <class T> bool in_tiles(Shape shape) { return shape.inner > 1 || shape.K <= short_row<T>; }

template <class T, class Work> void with_temperature(double temperature, Work work) {
    if (temperature == 1) {
        work(Plain<T>{});
    } else {
        work(Tempered<T>{temperature});
    }
}

template <class T, class Work> void with_scores(const LossOptions<T>& options, Work work) {
    if (options.softcap > 0) {
        work(Capped<T>{options.softcap, options.temperature});
    } else {
        with_temperature<T>(options.temperature, work);
    }
}

template <class T> void softmax(const T* z, T* p, Shape shape, int64_t begin, int64_t end, double temperature) {
    with_temperature<T>(temperature, [&](auto scores) {
        if (in_tiles<T>(shape)) return softmax_tiles(z, p, shape, begin, end, scores);
        softmax_rows(z + begin * shape.K, p + begin * shape.K, end - begin, shape.K, scores);
    });
}

template <class T> void log_softmax(const T* z, T* log_p, Shape shape, int64_t begin, int64_t end, double temperature) {
    with_temperature<T>(temperature, [&](auto scores) {
        if (in_tiles<T>(shape)) return log_softmax_tiles(z, log_p, shape, begin, end, scores);
        log_softmax_rows(z + begin * shape.K, log_p + begin * shape.K, end - begin, shape.K, scores);
    });
}

template <class T> void logsumexp(const T* z, T* lse, Shape shape, int64_t begin, int64_t end, double temperature) {
    with_temperature<T>(temperature, [&](auto scores) {
        if (in_tiles<T>(shape)) return logsumexp_tiles(z, lse, shape, begin, end, scores);
        logsumexp_rows(z + begin * shape.K, lse + begin, end - begin, shape.K, scores);
    });
}

template <class T>
void softmax_vjp(const T* p, const T* dp, T* dz, Shape shape, int64_t begin, int64_t end, double temperature) {
    const T scale = T(1 / temperature);
    if (in_tiles<T>(shape)) return softmax_vjp_tiles(p, dp, dz, shape, begin, end, scale);
    const int64_t at = begin * shape.K;
    softmax_vjp_rows(p + at, dp + at, dz + at, end - begin, shape.K, scale);
}

template <class T>
void log_softmax_vjp(const T* log_p, const T* dy, T* dz, Shape shape, int64_t begin, int64_t end, double temperature) {
    const T scale = T(1 / temperature);
    if (in_tiles<T>(shape)) return log_softmax_vjp_tiles(log_p, dy, dz, shape, begin, end, scale);
    const int64_t at = begin * shape.K;
    log_softmax_vjp_rows(log_p + at, dy + at, dz + at, end - begin, shape.K, scale);
}

template <class T>
void log_softmax_jvp(const T* log_p, const T* dz, T* dy, Shape shape, int64_t begin, int64_t end, double temperature) {
    const T scale = T(1 / temperature);
    if (in_tiles<T>(shape)) return log_softmax_jvp_tiles(log_p, dz, dy, shape, begin, end, scale);
    const int64_t at = begin * shape.K;
    log_softmax_jvp_rows(log_p + at, dz + at, dy + at, end - begin, shape.K, scale);
}

enum class Loss { cross_entropy, kl_divergence, squared_error };

// Against class numbers themselves where nothing smooths them, and by the kernel for distributions where something
// does.
template <Loss loss_kind, class T>
void loss_of_classes(const T* z, const int64_t* target, LossOptions<T> options, T* loss, T* grad, Stats<T> stats,
                     int64_t N, int64_t K, int64_t begin, int64_t end) {
    const LossRows<T> rows{z, options, loss, grad, stats, N, K, begin, end};
    const bool hard = options.label_smoothing == 0 && options.z_loss == 0;
    const bool plain = options.softcap == 0 && options.temperature == 1 && !stats.entropy;
    if (hard && loss_kind != Loss::squared_error && plain && K <= short_row<T>) {
        return cross_entropy_classes_tiles(rows, target);
    }
    const T everywhere = T(options.label_smoothing / double(K));
    const SmoothedClasses<T> smoothed{target, everywhere, T(1 - options.label_smoothing)};
    with_scores(options, [&](auto scores) {
        if constexpr (loss_kind == Loss::squared_error) {
            if (hard) return squared_error_classes(rows, target, scores);
            squared_error_soft(rows, smoothed, scores);
        } else {
            if (hard) return cross_entropy_classes(rows, target, scores);
            cross_entropy_soft<loss_kind == Loss::kl_divergence>(rows, smoothed, scores);
        }
    });
}

template <Loss loss_kind, class T>
void loss_of_probs(const T* z, const T* target, LossOptions<T> options, T* loss, T* grad, Stats<T> stats, int64_t N,
                   int64_t K, int64_t begin, int64_t end) {
    const LossRows<T> rows{z, options, loss, grad, stats, N, K, begin, end};
    const T everywhere = T(options.label_smoothing / double(K));
    const SmoothedProbs<T> smoothed{target, everywhere, T(1 - options.label_smoothing)};
    with_scores(options, [&](auto scores) {
        if constexpr (loss_kind == Loss::squared_error) {
            squared_error_soft(rows, smoothed, scores);
        } else {
            cross_entropy_soft<loss_kind == Loss::kl_divergence>(rows, smoothed, scores);
        }
    });
}

template <class T>
constexpr Kernels<T> kernels{
    .softmax = softmax<T>,
    .log_softmax = log_softmax<T>,
    .logsumexp = logsumexp<T>,
    .softmax_vjp = softmax_vjp<T>,
    .log_softmax_vjp = log_softmax_vjp<T>,
    .log_softmax_jvp = log_softmax_jvp<T>,
    .cross_entropy_classes = loss_of_classes<Loss::cross_entropy, T>,
    .kl_divergence_classes = loss_of_classes<Loss::kl_divergence, T>,
    .squared_error_classes = loss_of_classes<Loss::squared_error, T>,
    .cross_entropy_probs = loss_of_probs<Loss::cross_entropy, T>,
    .kl_divergence_probs = loss_of_probs<Loss::kl_divergence, T>,
    .squared_error_probs = loss_of_probs<Loss::squared_error, T>,
};

extern const Kernels<float> f32 = kernels<float>;
extern const Kernels<double> f64 = kernels<double>;

}  // namespace softgrad::SOFTGRAD_ISA
