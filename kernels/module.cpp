// The Python bindings of the kernels. They check nothing: softgrad/_arrays.py checks shapes, labels and strides. They
// release the GIL, split the rows over threads, and call through the table of the chosen instruction set.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <type_traits>

#include "dispatch.hpp"
#include "gil.hpp"
#include "probability_rows.hpp"
#include "subnormals.hpp"
#include "threads.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace softgrad {
namespace {

template <class T> using Cube = nb::ndarray<T, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
template <class T> using Matrix = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <class T> using Vector = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

std::atomic<int64_t> num_threads{1};
const InstructionSet* chosen = nullptr;

// What entries of type E are computed in. 16-bit floats come as the integers that hold their bits.
template <class E> using Computed = std::conditional_t<std::is_same_v<E, uint16_t>, float, E>;

template <class E> Storage storage(bool bfloat16) {
    if constexpr (std::is_same_v<E, uint16_t>) return bfloat16 ? Storage::bfloat16 : Storage::float16;
    return Storage::itself;
}

template <class T> const Kernels<T>& kernels() {
    if constexpr (std::is_same_v<T, float>) {
        return chosen->f32;
    } else {
        return chosen->f64;
    }
}

// Releases the GIL during the computation.
class WithoutGil {
  public:
    ~WithoutGil() { restore_thread(state_); }

  private:
    PyThreadState* const state_ = PyEval_SaveThread();
};

// Calls rows(begin, end) on the threads. Along an inner axis, a thread takes whole cache lines of rows side by side.
template <class Rows> void run(Shape shape, int64_t exponentials, const Rows& rows) {
    const WithoutGil without_gil;
    split_rows(shape.rows(), shape.inner == 1 ? 1 : rows_side_by_side, exponentials, num_threads, rows);
}

template <class T> Shape shape_of(const Cube<T>& array) {
    return {int64_t(array.shape(0)), int64_t(array.shape(1)), int64_t(array.shape(2))};
}

// (outer, K, inner) to the same, or to (outer * inner) for logsumexp.
template <class E, class Out, class T = Computed<E>>
void bind_unary(nb::module_& m, const char* name, typename Kernels<T>::Unary Kernels<T>::*kernel) {
    m.def(
        name,
        [kernel](Cube<const E> x, Out out, double temperature, bool bfloat16, bool fresh) {
            const Shape shape = shape_of(x);
            const Storage stored = storage<E>(bfloat16);
            run(shape, shape.rows() * shape.K, [&](int64_t begin, int64_t end) {
                (kernels<T>().*kernel)({x.data(), stored}, {out.data(), stored, fresh}, shape, begin, end, temperature);
            });
        },
        "x"_a.noconvert(), "out"_a.noconvert(), "temperature"_a, "bfloat16"_a = false, "fresh"_a = true);
}

// Returns the row that holds no probabilities, before anything is computed; or else -1.
template <class E, class T = Computed<E>>
void bind_product(nb::module_& m, const char* name, typename Kernels<T>::Binary Kernels<T>::*kernel, bool logarithms,
                  int64_t entries_an_exponential = 1) {
    m.def(
        name,
        [=](Cube<const E> x, Cube<const E> y, Cube<E> out, double temperature, bool bfloat16, bool fresh) {
            const Shape shape = shape_of(x);
            const Storage stored = storage<E>(bfloat16);
            const int64_t wrong = SOFTGRAD_ISA::find_no_probabilities<E>({x.data(), stored}, shape, logarithms);
            if (wrong >= 0) return wrong;
            run(shape, shape.rows() * shape.K / entries_an_exponential, [&](int64_t begin, int64_t end) {
                (kernels<T>().*kernel)({x.data(), stored}, {y.data(), stored}, {out.data(), stored, fresh}, shape,
                                       begin, end, temperature);
            });
            return wrong;
        },
        "x"_a.noconvert(), "y"_a.noconvert(), "out"_a.noconvert(), "temperature"_a, "bfloat16"_a = false,
        "fresh"_a = true);
}

// Both take contiguous rows (rows, K, 1); the second writes over them.
template <class E, class T = Computed<E>> void bind_partial_rows(nb::module_& m) {
    m.def(
        "partial_sums",
        [](Cube<const E> z, Vector<T> max, Vector<double> others, double temperature, double softcap, bool bfloat16) {
            const Shape shape = shape_of(z);
            run(shape, shape.rows() * shape.K, [&](int64_t begin, int64_t end) {
                kernels<T>().partial_sums({z.data(), storage<E>(bfloat16)}, max.data(), others.data(), shape, begin,
                                          end, temperature, softcap);
            });
        },
        "z"_a.noconvert(), "max"_a.noconvert(), "others"_a.noconvert(), "temperature"_a, "softcap"_a,
        "bfloat16"_a = false);
    m.def(
        "scaled_exponentials",
        [](Cube<E> z, Vector<const T> max, Vector<const double> factor, double temperature, double softcap,
           bool bfloat16) {
            const Shape shape = shape_of(z);
            const Storage stored = storage<E>(bfloat16);
            run(shape, shape.rows() * shape.K, [&](int64_t begin, int64_t end) {
                kernels<T>().scaled_exponentials({z.data(), stored}, {z.data(), stored, false}, max.data(),
                                                 factor.data(), shape, begin, end, temperature, softcap);
            });
        },
        "z"_a.noconvert(), "max"_a.noconvert(), "factor"_a.noconvert(), "temperature"_a, "softcap"_a,
        "bfloat16"_a = false);
}

// logsumexp, entropy, correct
template <class T> using StatsArrays = std::tuple<Vector<T>, Vector<T>, Vector<bool>>;

template <class T> const typename Kernels<T>::NamedLoss& loss_named(std::string_view name) {
    for (const typename Kernels<T>::NamedLoss& loss : kernels<T>().losses) {
        if (name == loss.name) return loss;
    }
    throw nb::value_error("no loss of this name");
}

// The sum of the losses over the denominator, rounded once; 0 where that is 0.
template <class T> T total(const T* losses, int64_t N, double denominator) {
    return denominator == 0 ? T(0) : T(kernels<T>().mean(losses, N, denominator));
}

// Returns the total of the losses.
template <class E, class Target, class TargetArray, class T = Computed<E>>
void bind_loss(nb::module_& m, const char* function,
               typename Kernels<T>::template Loss<Target> Kernels<T>::NamedLoss::*kernel) {
    m.def(
        function,
        [kernel](const char* name, Cube<const E> z, TargetArray target, std::optional<Vector<const T>> weight,
                 const LossNumbers& numbers, std::optional<Vector<T>> loss, std::optional<Cube<E>> grad,
                 std::optional<StatsArrays<T>> stats, bool bfloat16, bool fresh) {
            const auto rows_of = loss_named<T>(name).*kernel;
            const Shape shape = shape_of(z);
            const int64_t N = shape.rows();
            bool complemented = false;
            if constexpr (std::is_same_v<Target, T>) complemented = int64_t(target.shape(1)) == 2 * shape.K;
            const LossOptions<T> options{numbers, weight ? weight->data() : nullptr, complemented};
            const Storage stored = storage<E>(bfloat16);
            const Sink grads{grad ? grad->data() : nullptr, stored, fresh};
            const std::unique_ptr<T[]> buffer(loss ? nullptr : new T[size_t(N)]);
            T* const losses = loss ? loss->data() : buffer.get();
            Stats<T> row_stats{};
            if (stats) {
                auto& [logsumexp, entropy, correct] = *stats;
                row_stats = {logsumexp.data(), entropy.data(), correct.data()};
            }
            run(shape, N * shape.K, [&](int64_t begin, int64_t end) {
                rows_of({z.data(), stored}, target.data(), options, losses, grads, row_stats, shape, begin, end);
            });
            return total(losses, N, numbers.denominator);
        },
        "name"_a, "z"_a.noconvert(), "target"_a.noconvert(), "weight"_a.noconvert().none(), "numbers"_a,
        "loss"_a.noconvert().none(), "grad"_a.noconvert().none(), "stats"_a.noconvert().none(), "bfloat16"_a = false,
        "fresh"_a = true);
}

// (N, 4), the members of a TokenRow
template <class T> using TokenRows = nb::ndarray<T, nb::shape<-1, 4>, nb::c_contig, nb::device::cpu>;

template <class E, class T = Computed<E>> void bind_tokens(nb::module_& m) {
    using Classes = Vector<const int64_t>;
    m.def(
        "token_log_probs",
        [](Cube<const E> z, Classes tokens, Vector<T> log_probs, Vector<T> entropy, TokenRows<double> saved,
           double temperature, bool bfloat16) {
            const Shape shape = shape_of(z);
            TokenRow* const rows = reinterpret_cast<TokenRow*>(saved.data());
            run(shape, shape.rows() * shape.K, [&](int64_t begin, int64_t end) {
                kernels<T>().token_log_probs({z.data(), storage<E>(bfloat16)}, tokens.data(), log_probs.data(),
                                             entropy.data(), rows, shape, begin, end, temperature);
            });
        },
        "z"_a.noconvert(), "tokens"_a.noconvert(), "log_probs"_a.noconvert(), "entropy"_a.noconvert(),
        "saved"_a.noconvert(), "temperature"_a, "bfloat16"_a = false);
    m.def(
        "token_log_probs_vjp",
        [](Cube<const E> z, Classes tokens, TokenRows<const double> saved, std::optional<Vector<const T>> of_log_probs,
           std::optional<Vector<const T>> of_entropy, Cube<E> dz, double temperature, bool bfloat16, bool fresh) {
            const Shape shape = shape_of(z);
            const Storage stored = storage<E>(bfloat16);
            const TokenRow* const rows = reinterpret_cast<const TokenRow*>(saved.data());
            run(shape, shape.rows() * shape.K, [&](int64_t begin, int64_t end) {
                kernels<T>().token_log_probs_vjp({z.data(), stored}, tokens.data(), rows,
                                                 of_log_probs ? of_log_probs->data() : nullptr,
                                                 of_entropy ? of_entropy->data() : nullptr, {dz.data(), stored, fresh},
                                                 shape, begin, end, temperature);
            });
        },
        "z"_a.noconvert(), "tokens"_a.noconvert(), "saved"_a.noconvert(), "of_log_probs"_a.noconvert().none(),
        "of_entropy"_a.noconvert().none(), "dz"_a.noconvert(), "temperature"_a, "bfloat16"_a = false, "fresh"_a = true);
}

// The first label outside 0..K-1, or -1.
int64_t find_label_outside(const int64_t* y, int64_t N, int64_t K) {
    constexpr int64_t block = 1024;
    for (int64_t start = 0; start < N; start += block) {
        const int64_t end = std::min(N, start + block);
        uint64_t outside = 0;  // in its first bit: whether some y or some K - 1 - y is negative
        for (int64_t i = start; i < end; ++i) outside |= uint64_t(y[i]) | (uint64_t(K - 1) - uint64_t(y[i]));
        if (!(outside >> 63)) continue;
        for (int64_t i = start; i < end; ++i) {
            if (uint64_t(y[i]) >= uint64_t(K)) return i;
        }
    }
    return -1;
}

// The number of rows whose class is not `ignored`, or -1 if one of them is outside 0..K-1. `ignored` is no class.
int64_t count_rows(const int64_t* y, int64_t N, int64_t K, std::optional<int64_t> ignored) {
    if (find_label_outside(y, N, K) < 0) return N;
    if (!ignored) return -1;
    int64_t rows = 0;
    for (int64_t i = 0; i < N; ++i) {
        if (y[i] == *ignored) continue;
        if (uint64_t(y[i]) >= uint64_t(K)) return -1;
        ++rows;
    }
    return rows;
}

// A loss of N rows of logits (N / inner, K, inner) and their class indices, with the gradient unless that is null. Each
// array is given by the address of its first entry: to read a small array of another library takes longer than to
// compute its loss. A denominator of 0 stands for the number of rows that count. Computes nothing, and returns false,
// if a class is outside 0..K-1 or no row counts. 16-bit entries are bfloat16.
template <class E, class T = Computed<E>>
bool loss_at(const char* name, uintptr_t z, uintptr_t target, uintptr_t loss, uintptr_t grad, int64_t N, int64_t K,
             int64_t inner, const LossNumbers& numbers, std::optional<int64_t> ignored) {
    const auto* const classes = reinterpret_cast<const int64_t*>(target);
    const int64_t count = count_rows(classes, N, K, ignored);
    if (count <= 0) return false;
    const auto rows_of = loss_named<T>(name).of_classes;
    const Shape shape{N / inner, K, inner};
    const Storage stored = storage<E>(true);
    LossOptions<T> options{numbers, nullptr, false};
    if (options.denominator == 0) options.scale = 1 / (options.denominator = double(count));
    const std::unique_ptr<T[]> losses(new T[size_t(N)]);
    run(shape, N * K, [&](int64_t begin, int64_t end) {
        rows_of({reinterpret_cast<const void*>(z), stored}, classes, options, losses.get(),
                {reinterpret_cast<void*>(grad), stored, true}, {}, shape, begin, end);
    });
    *reinterpret_cast<T*>(loss) = total(losses.get(), N, options.denominator);
    return true;
}

// For probabilities alone, without a product.
template <class E> int64_t find_no_probabilities(Cube<const E> p, bool bfloat16) {
    return SOFTGRAD_ISA::find_no_probabilities<E>({p.data(), storage<E>(bfloat16)}, shape_of(p), false);
}

template <class E> void bind(nb::module_& m) {
    using T = Computed<E>;
    using Table = Kernels<T>;
    using Classes = Vector<const int64_t>;
    using Probs = Cube<const T>;
    bind_unary<E, Cube<E>>(m, "softmax", &Table::softmax);
    bind_unary<E, Cube<E>>(m, "log_softmax", &Table::log_softmax);
    bind_unary<E, Vector<E>>(m, "logsumexp", &Table::logsumexp);
    bind_partial_rows<E>(m);
    bind_product<E>(m, "softmax_vjp", &Table::softmax_vjp, false, 3);
    bind_product<E>(m, "log_softmax_vjp", &Table::log_softmax_vjp, true);
    bind_product<E>(m, "log_softmax_jvp", &Table::log_softmax_jvp, true);
    m.def("find_no_probabilities", &find_no_probabilities<E>, "p"_a.noconvert(), "bfloat16"_a = false);
    bind_loss<E, int64_t, Classes>(m, "loss_of_classes", &Table::NamedLoss::of_classes);
    bind_loss<E, T, Probs>(m, "loss_of_probs", &Table::NamedLoss::of_probs);
    bind_tokens<E>(m);
}

// The layers and the optimizers of networks, on the calling thread: their arrays are small beside the products of BLAS.
template <class T> void bind_training(nb::module_& m) {
    m.def(
        "add_bias_and_activate",
        [](Matrix<T> y, Vector<const T> bias, int activation) {
            const WithoutGil without_gil;
            kernels<T>().add_bias_and_activate(y.data(), bias.data(), int64_t(y.shape(0)), int64_t(y.shape(1)),
                                               Activation(activation));
        },
        "y"_a.noconvert(), "bias"_a.noconvert(), "activation"_a);
    m.def(
        "activation_and_bias_grad",
        [](Matrix<const T> y, Matrix<T> g, Vector<T> bias_grad, int activation) {
            const WithoutGil without_gil;
            kernels<T>().activation_and_bias_grad(y.data(), g.data(), bias_grad.data(), int64_t(y.shape(0)),
                                                  int64_t(y.shape(1)), Activation(activation));
        },
        "y"_a.noconvert(), "g"_a.noconvert(), "bias_grad"_a.noconvert(), "activation"_a);
    m.def(
        "sgd_step",
        [](Vector<T> parameter, Vector<const T> grad, Vector<T> velocity, double learning_rate, double l2, double decay,
           double momentum, bool nesterov) {
            const SgdNumbers numbers{{learning_rate, l2, decay}, momentum, nesterov};
            const WithoutGil without_gil;
            const SubnormalsAreZero subnormals;
            kernels<T>().sgd_step(parameter.data(), grad.data(), velocity.data(), int64_t(parameter.size()), numbers);
        },
        "parameter"_a.noconvert(), "grad"_a.noconvert(), "velocity"_a.noconvert(), nb::kw_only(), "learning_rate"_a,
        "l2"_a, "decay"_a, "momentum"_a, "nesterov"_a);
    m.def(
        "adam_step",
        [](Vector<T> parameter, Vector<const T> grad, Vector<T> mean, Vector<T> square, double learning_rate, double l2,
           double decay, double beta1, double beta2, double m_correction, double v_correction, double epsilon) {
            const AdamNumbers numbers{{learning_rate, l2, decay}, beta1, beta2, m_correction, v_correction, epsilon};
            const WithoutGil without_gil;
            const SubnormalsAreZero subnormals;
            kernels<T>().adam_step(parameter.data(), grad.data(), mean.data(), square.data(), int64_t(parameter.size()),
                                   numbers);
        },
        "parameter"_a.noconvert(), "grad"_a.noconvert(), "mean"_a.noconvert(), "square"_a.noconvert(), nb::kw_only(),
        "learning_rate"_a, "l2"_a, "decay"_a, "beta1"_a, "beta2"_a, "m_correction"_a, "v_correction"_a, "epsilon"_a);
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
    nb::class_<LossNumbers>(m, "LossNumbers")
        .def(
            "__init__",
            [](LossNumbers* self, double scale, double denominator, double label_smoothing, double z_loss,
               double softcap, double temperature, double parameter) {
                new (self) LossNumbers{scale, denominator, label_smoothing, z_loss, softcap, temperature, parameter};
            },
            nb::kw_only(), "scale"_a, "denominator"_a, "label_smoothing"_a, "z_loss"_a, "softcap"_a, "temperature"_a,
            "parameter"_a);
    bind<float>(m);
    bind<double>(m);
    bind<uint16_t>(m);
    bind_training<float>(m);
    bind_training<double>(m);
    m.def(
        "total",
        [](Vector<const float> x, double denominator) { return total(x.data(), int64_t(x.size()), denominator); },
        "losses"_a.noconvert(), "denominator"_a);
    m.def(
        "total",
        [](Vector<const double> x, double denominator) { return total(x.data(), int64_t(x.size()), denominator); },
        "losses"_a.noconvert(), "denominator"_a);
    m.attr("ISA") = chosen->name;
    m.def(
        "loss_at",
        [](const char* dtype, const char* name, uintptr_t z, uintptr_t target, uintptr_t loss, uintptr_t grad,
           int64_t N, int64_t K, int64_t inner, const LossNumbers& numbers, std::optional<int64_t> ignored) {
            const std::string_view stored = dtype;
            const auto compute = stored == "float32"   ? loss_at<float>
                                 : stored == "float64" ? loss_at<double>
                                                       : loss_at<uint16_t>;
            return compute(name, z, target, loss, grad, N, K, inner, numbers, ignored);
        },
        "dtype"_a, "name"_a, "z"_a, "target"_a, "loss"_a, "grad"_a, "N"_a, "K"_a, "inner"_a, "numbers"_a,
        "ignored"_a.none());
    m.def(
        "find_label_outside",
        [](Vector<const int64_t> target, int64_t K) {
            return find_label_outside(target.data(), int64_t(target.shape(0)), K);
        },
        "target"_a.noconvert(), "K"_a);
    m.def("losses", [] {
        std::vector<std::string> names;
        for (const Kernels<float>::NamedLoss& loss : kernels<float>().losses) names.push_back(loss.name);
        return names;
    });
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
