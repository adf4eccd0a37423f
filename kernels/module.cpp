// The Python face of the kernels. It checks nothing: shapes, labels and strides are softgrad/_arrays.py's business.
// What it does is release the GIL, split the rows, and call through the table of the chosen instruction set.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <cstdlib>

#include "dispatch.hpp"
#include "threads.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace softgrad {
namespace {

template <class T> using Matrix = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <class T> using Vector = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

std::atomic<int64_t> num_threads{1};
const InstructionSet* chosen = nullptr;

template <class T> const Kernels<T>& kernels() {
    if constexpr (std::is_same_v<T, float>) {
        return chosen->f32;
    } else {
        return chosen->f64;
    }
}

template <class Rows> void run(int64_t N, int64_t K, const Rows& rows) {
    nb::gil_scoped_release release;
    split_rows(N, K, num_threads, rows);
}

template <class T> void bind_unary(nb::module_& m, const char* name, typename Kernels<T>::Unary Kernels<T>::*kernel) {
    m.def(
        name,
        [kernel](Matrix<const T> x, Matrix<T> out) {
            const int64_t K = x.shape(1);
            run(x.shape(0), K, [&](int64_t begin, int64_t end) {
                (kernels<T>().*kernel)(x.data() + begin * K, out.data() + begin * K, end - begin, K);
            });
        },
        "x"_a.noconvert(), "out"_a.noconvert());
}

template <class T> void bind_binary(nb::module_& m, const char* name, typename Kernels<T>::Binary Kernels<T>::*kernel) {
    m.def(
        name,
        [kernel](Matrix<const T> x, Matrix<const T> y, Matrix<T> out) {
            const int64_t K = x.shape(1);
            run(x.shape(0), K, [&](int64_t begin, int64_t end) {
                const int64_t at = begin * K;
                (kernels<T>().*kernel)(x.data() + at, y.data() + at, out.data() + at, end - begin, K);
            });
        },
        "x"_a.noconvert(), "y"_a.noconvert(), "out"_a.noconvert());
}

// The target has one entry a row (class numbers) or K (probabilities). Without a gradient, `grad` is None.
template <class T, class Target, class TargetArray>
void bind_loss(nb::module_& m, const char* name, typename Kernels<T>::template Loss<Target> Kernels<T>::*kernel) {
    m.def(
        name,
        [kernel](Matrix<const T> z, TargetArray target, double scale, Vector<T> loss, std::optional<Matrix<T>> grad) {
            const int64_t K = z.shape(1);
            const int64_t target_width = target.ndim() == 1 ? 1 : K;
            T* const grad_data = grad ? grad->data() : nullptr;
            run(z.shape(0), K, [&](int64_t begin, int64_t end) {
                (kernels<T>().*kernel)(z.data() + begin * K, target.data() + begin * target_width, scale,
                                       loss.data() + begin, grad_data ? grad_data + begin * K : nullptr, end - begin,
                                       K);
            });
        },
        "z"_a.noconvert(), "target"_a.noconvert(), "scale"_a, "loss"_a.noconvert(), "grad"_a.noconvert().none());
}

template <class T> void bind(nb::module_& m) {
    using Table = Kernels<T>;
    bind_unary<T>(m, "softmax", &Table::softmax);
    bind_unary<T>(m, "log_softmax", &Table::log_softmax);
    m.def(
        "logsumexp",
        [](Matrix<const T> z, Vector<T> lse) {
            const int64_t K = z.shape(1);
            run(z.shape(0), K, [&](int64_t begin, int64_t end) {
                kernels<T>().logsumexp(z.data() + begin * K, lse.data() + begin, end - begin, K);
            });
        },
        "z"_a.noconvert(), "lse"_a.noconvert());
    bind_binary<T>(m, "softmax_vjp", &Table::softmax_vjp);
    bind_binary<T>(m, "log_softmax_vjp", &Table::log_softmax_vjp);
    bind_binary<T>(m, "log_softmax_jvp", &Table::log_softmax_jvp);
    bind_loss<T, int64_t, Vector<const int64_t>>(m, "cross_entropy_classes", &Table::cross_entropy_classes);
    bind_loss<T, int64_t, Vector<const int64_t>>(m, "squared_error_classes", &Table::squared_error_classes);
    bind_loss<T, T, Matrix<const T>>(m, "cross_entropy_probs", &Table::cross_entropy_probs);
    bind_loss<T, T, Matrix<const T>>(m, "kl_divergence_probs", &Table::kl_divergence_probs);
    bind_loss<T, T, Matrix<const T>>(m, "squared_error_probs", &Table::squared_error_probs);
}

}  // namespace
}  // namespace softgrad

NB_MODULE(_kernels, m) {
    using namespace softgrad;
    const char* wanted = std::getenv("SOFTGRAD_ISA");
    try {
        chosen = &choose(wanted ? wanted : "");
    } catch (const std::invalid_argument& error) {
        throw nb::import_error(error.what());
    }
    bind<float>(m);
    bind<double>(m);
    m.attr("ISA") = chosen->name;
    m.def("get_num_threads", [] { return num_threads.load(); });
    m.def(
        "set_num_threads", [](int64_t n) { num_threads = n; }, "n"_a);
    m.def("instruction_sets", [] {
        std::vector<std::string> names;
        for (const InstructionSet& set : instruction_sets()) {
            if (set.runs_here) names.push_back(set.name);
        }
        return names;
    });
}
