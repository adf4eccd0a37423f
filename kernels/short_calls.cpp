// The short way to a result, for the arrays of most calls: in C order, aligned, of float16, float32 or float64. What
// stands before a kernel in Python takes longer than the kernel does on a small array. Whatever does not fit is refused
// without an error, and goes the long way through softgrad/_arrays.py, which has the messages.
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <memory>

#include "calls.hpp"
#include "probability_rows.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace softgrad {
namespace {

// Longer rows along an inner axis are copied first: LONG_ROW of softgrad/_arrays.py.
constexpr int64_t rows_at_once = 1 << 18;

using Read = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using Written = nb::ndarray<nb::c_contig, nb::device::cpu>;
using Classes = nb::ndarray<const int64_t, nb::c_contig, nb::device::cpu>;

// Whether a Python object is such an array.
template <class Array> bool read(nb::handle object, Array& array) {
    return nb::try_cast(object, array, false) && uintptr_t(array.data()) % array.itemsize() == 0;
}

// An array around its class axis; nothing if it has no such axis, or no entries.
template <class Array> std::optional<Shape> around(const Array& array, nb::handle axis) {
    if (!PyLong_CheckExact(axis.ptr())) return {};
    const int64_t dims = int64_t(array.ndim());
    int64_t at = PyLong_AsLongLong(axis.ptr());
    if (at == -1 && PyErr_Occurred()) PyErr_Clear(), at = dims;
    if (at < 0) at += dims;
    if (at < 0 || at >= dims || array.size() == 0) return {};
    Shape shape{1, int64_t(array.shape(size_t(at))), 1};
    for (int64_t i = 0; i < at; ++i) shape.outer *= int64_t(array.shape(size_t(i)));
    for (int64_t i = at + 1; i < dims; ++i) shape.inner *= int64_t(array.shape(size_t(i)));
    if (shape.inner > 1 && shape.K > rows_at_once) return {};
    return shape;
}

template <class A, class B> bool alike(const A& a, const B& b) {
    bool same = a.dtype() == b.dtype() && a.ndim() == b.ndim();
    for (size_t i = 0; same && i < a.ndim(); ++i) same = a.shape(i) == b.shape(i);
    return same;
}

// Whether a kernel may write to one array while it reads the other: they are one array, or share no memory.
bool may_write(const Written& out, const Read& x) {
    const char *const to = static_cast<const char*>(out.data()), *const from = static_cast<const char*>(x.data());
    return to == from || to + out.nbytes() <= from || from + x.nbytes() <= to;
}

std::optional<double> temperature_of(nb::handle value) {
    if (!PyFloat_CheckExact(value.ptr())) return {};
    const double T = PyFloat_AsDouble(value.ptr());
    return T >= 1e-30 && T <= 1e30 ? std::optional(T) : std::nullopt;
}

// Calls with(E{}) for the type of the entries, and returns what it returns; or false.
template <class Array, class With> auto with_entries(const Array& array, With with) -> decltype(with(float{})) {
    if (array.dtype() == nb::dtype<float>()) return with(float{});
    if (array.dtype() == nb::dtype<double>()) return with(double{});
    if (array.dtype() == nb::dlpack::dtype{uint8_t(nb::dlpack::dtype_code::Float), 16, 1}) return with(uint16_t{});
    return {};
}

template <class E> Sink sink(const Written& out, bool fresh) { return {out.data(), storage<E>(false), fresh}; }
template <class E> Source source(const Read& x) { return {x.data(), storage<E>(false)}; }

// Binds name(x, out, axis, temperature, fresh), which is False if nothing was computed.
void bind_unary(nb::module_& m, const char* name, Kernels<float>::Unary Kernels<float>::*of_float,
                Kernels<double>::Unary Kernels<double>::*of_double) {
    m.def(
        name,
        [=](nb::handle x_object, nb::handle out_object, nb::handle axis, nb::handle temperature, bool fresh) {
            Read x;
            Written out;
            const std::optional<double> T = temperature_of(temperature);
            if (!T || !read(x_object, x) || !read(out_object, out)) return false;
            const std::optional<Shape> shape = around(x, axis);
            if (!shape || !alike(x, out) || !may_write(out, x)) return false;
            return with_entries(x, [&]<class E>(E) {
                run(*shape, shape->rows() * shape->K, [&](int64_t begin, int64_t end) {
                    if constexpr (std::is_same_v<E, double>) {
                        (kernels<double>().*of_double)(source<E>(x), sink<E>(out, fresh), *shape, begin, end, *T);
                    } else {
                        (kernels<float>().*of_float)(source<E>(x), sink<E>(out, fresh), *shape, begin, end, *T);
                    }
                });
                return true;
            });
        },
        "x"_a.none(), "out"_a.none(), "axis"_a.none(), "temperature"_a.none(), "fresh"_a);
}

// Binds name(x, y, out, axis, temperature, fresh), which is False if nothing was computed.
void bind_product(nb::module_& m, const char* name, Kernels<float>::Binary Kernels<float>::*of_float,
                  Kernels<double>::Binary Kernels<double>::*of_double, bool logarithms,
                  int64_t entries_an_exponential) {
    m.def(
        name,
        [=](nb::handle x_object, nb::handle y_object, nb::handle out_object, nb::handle axis, nb::handle temperature,
            bool fresh) {
            Read x, y;
            Written out;
            const std::optional<double> T = temperature_of(temperature);
            if (!T || !read(x_object, x) || !read(y_object, y) || !read(out_object, out)) return false;
            const std::optional<Shape> shape = around(x, axis);
            if (!shape || !alike(x, out) || !alike(x, y) || !may_write(out, x) || !may_write(out, y)) return false;
            return with_entries(x, [&]<class E>(E) {
                if (SOFTGRAD_ISA::find_no_probabilities<E>(source<E>(x), *shape, logarithms) >= 0) return false;
                run(*shape, shape->rows() * shape->K / entries_an_exponential, [&](int64_t begin, int64_t end) {
                    if constexpr (std::is_same_v<E, double>) {
                        (kernels<double>().*of_double)(source<E>(x), source<E>(y), sink<E>(out, fresh), *shape, begin,
                                                       end, *T);
                    } else {
                        (kernels<float>().*of_float)(source<E>(x), source<E>(y), sink<E>(out, fresh), *shape, begin,
                                                     end, *T);
                    }
                });
                return true;
            });
        },
        "x"_a.none(), "y"_a.none(), "out"_a.none(), "axis"_a.none(), "temperature"_a.none(), "fresh"_a);
}

// The total loss of rows against class indices, and their gradient; nothing, and nothing is computed, if a class is
// outside 0..K-1 or no row counts. A denominator of 0 stands for the number of rows that count.
template <class T>
std::optional<T> loss_of_rows(std::string_view name, Source z, const int64_t* classes, Sink grad, Shape shape,
                              const LossNumbers& numbers, std::optional<int64_t> ignored) {
    const int64_t N = shape.rows(), count = count_rows(classes, N, shape.K, ignored);
    if (count <= 0) return {};
    const auto rows_of = loss_named<T>(name).of_classes;
    LossOptions<T> options{numbers, nullptr, false};
    if (options.denominator == 0) options.scale = 1 / (options.denominator = double(count));
    const std::unique_ptr<T[]> losses(new T[size_t(N)]);
    run(shape, N * shape.K,
        [&](int64_t begin, int64_t end) { rows_of(z, classes, options, losses.get(), grad, {}, shape, begin, end); });
    return total(losses.get(), N, options.denominator);
}

// The same for tensors of torch, which are given by their addresses: to read one as an array takes longer. 16-bit
// entries are bfloat16.
template <class E>
bool loss_at(const char* name, uintptr_t z, uintptr_t target, uintptr_t loss, uintptr_t grad, int64_t N, int64_t K,
             int64_t inner, const LossNumbers& numbers, std::optional<int64_t> ignored) {
    using T = Computed<E>;
    const Storage stored = storage<E>(true);
    const std::optional<T> total =
        loss_of_rows<T>(name, {reinterpret_cast<const void*>(z), stored}, reinterpret_cast<const int64_t*>(target),
                        {reinterpret_cast<void*>(grad), stored, true}, {N / inner, K, inner}, numbers, ignored);
    if (total) *reinterpret_cast<T*>(loss) = *total;
    return total.has_value();
}

// The mean or the sum of a loss, or None if nothing was computed.
std::optional<double> short_loss(const char* name, nb::handle z_object, nb::handle target_object,
                                 nb::handle grad_object, nb::handle axis, const LossNumbers& numbers,
                                 std::optional<int64_t> ignored, bool fresh) {
    Read z;
    Classes target;
    Written grad;
    if (!read(z_object, z) || !read(target_object, target) || !read(grad_object, grad)) return {};
    const std::optional<Shape> shape = around(z, axis);
    if (!shape || !alike(z, grad) || !may_write(grad, z) || target.ndim() + 1 != z.ndim()) return {};
    const int64_t at = PyLong_AsLongLong(axis.ptr()), class_axis = at < 0 ? at + int64_t(z.ndim()) : at;
    for (int64_t i = 0; i < int64_t(target.ndim()); ++i) {
        if (target.shape(size_t(i)) != z.shape(size_t(i < class_axis ? i : i + 1))) return {};
    }
    const char *const to = static_cast<const char*>(grad.data()), *const classes =
                                                                      reinterpret_cast<const char*>(target.data());
    if (!(to + grad.nbytes() <= classes || classes + target.nbytes() <= to)) return {};
    return with_entries(z, [&]<class E>(E) -> std::optional<double> {
        return loss_of_rows<Computed<E>>(name, source<E>(z), target.data(), sink<E>(grad, fresh), *shape, numbers,
                                         ignored);
    });
}

}  // namespace

void bind_short_calls(nb::module_& m) {
    using F = Kernels<float>;
    using D = Kernels<double>;
    bind_unary(m, "short_softmax", &F::softmax, &D::softmax);
    bind_unary(m, "short_log_softmax", &F::log_softmax, &D::log_softmax);
    bind_product(m, "short_softmax_vjp", &F::softmax_vjp, &D::softmax_vjp, false, 3);
    bind_product(m, "short_log_softmax_vjp", &F::log_softmax_vjp, &D::log_softmax_vjp, true, 1);
    bind_product(m, "short_log_softmax_jvp", &F::log_softmax_jvp, &D::log_softmax_jvp, true, 1);
    m.def("short_loss", &short_loss, "name"_a, "z"_a.none(), "target"_a.none(), "grad"_a.none(), "axis"_a.none(),
          "numbers"_a, "ignored"_a.none(), "fresh"_a);
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
}

}  // namespace softgrad
