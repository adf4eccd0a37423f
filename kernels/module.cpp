// The Python bindings of the kernels. They check nothing: softgrad/_arrays.py checks shapes, labels and strides.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <memory>

#include "calls.hpp"
#include "short_calls.hpp"
#include "subnormals.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace softgrad {
namespace {

template <class T> using Cube = nb::ndarray<T, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
template <class T> using Matrix = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <class T> using Vector = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

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
            const int64_t wrong = kernels<T>().find_no_probabilities({x.data(), stored}, shape, logarithms);
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

// For probabilities alone, without a product.
template <class E> int64_t find_no_probabilities(Cube<const E> p, bool bfloat16) {
    return kernels<Computed<E>>().find_no_probabilities({p.data(), storage<E>(bfloat16)}, shape_of(p), false);
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
    nb::set_leak_warnings(false);  // of what torch holds until the process ends
    Pool::of_process();            // no thread is started yet
    const char* wanted = std::getenv("SOFTGRAD_ISA");
    try {
        const Choice choice = choose(wanted ? wanted : "");
        chosen = choice.set;
        m.attr("ISA_WARNING") = choice.warning;
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
    if (!import_numpy()) throw nb::python_error();
    bind_short_calls(m);
    bind_short_losses(m);
    bind_short_tokens(m);
    bind_short_tensors(m);
    bind_short_tensor_losses(m);
    bind_short_tensor_tokens(m);
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
    m.def(
        "self_test",
        [](const std::string& name) {
            const Choice choice = choose(name);
            return self_test(*choice.set);
        },
        "name"_a);
    // The set that would be chosen if the sets computed these values in their self-tests, and the warning.
    m.def(
        "widest_sound",
        [](const nb::dict& values) {
            const auto of_set = [&](const InstructionSet& set) {
                return nb::cast<std::vector<double>>(values[set.name.c_str()]);
            };
            const Choice choice = widest_sound(of_set);
            return std::tuple(choice.set->name, choice.warning);
        },
        "values"_a);
    m.def("instruction_sets", [] {
        std::vector<std::string> names;
        for (const InstructionSet& set : instruction_sets()) {
            if (set.runs_here) names.push_back(set.name);
        }
        return names;
    });
}
