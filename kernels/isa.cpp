// The loops of this folder for one instruction set. CMake compiles this file once for each, with the set's own flags
// and SOFTGRAD_ISA as its namespace, so that the linker never takes one set's code for another's.
#include "cross_entropy.hpp"
#include "softmax.hpp"
#include "squared_error.hpp"
#include "table.hpp"

namespace softgrad::SOFTGRAD_ISA {

template <class T>
constexpr Kernels<T> kernels{
    .softmax = softmax<T>,
    .log_softmax = log_softmax<T>,
    .logsumexp = logsumexp<T>,
    .softmax_vjp = softmax_vjp<T>,
    .log_softmax_vjp = log_softmax_vjp<T>,
    .log_softmax_jvp = log_softmax_jvp<T>,
    .cross_entropy_classes = cross_entropy_classes<T>,
    .squared_error_classes = squared_error_classes<T>,
    .cross_entropy_probs = cross_entropy_probs<Divergence::cross_entropy, T>,
    .kl_divergence_probs = cross_entropy_probs<Divergence::kl, T>,
    .squared_error_probs = squared_error_probs<T>,
};

extern const Kernels<float> f32 = kernels<float>;
extern const Kernels<double> f64 = kernels<double>;

}  // namespace softgrad::SOFTGRAD_ISA
