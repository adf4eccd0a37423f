#include "short_calls.hpp"

namespace nb = nanobind;

namespace softgrad {
namespace {

// Whether it is an integer of Python that fits.
bool read_integer(PyObject* value, int64_t& integer) {
    if (!PyLong_CheckExact(value)) return false;
    integer = PyLong_AsLongLong(value);
    if (integer != -1 || !PyErr_Occurred()) return true;
    PyErr_Clear();
    return false;
}

bool read_temperature(PyObject* value, double& temperature) {
    if (!PyFloat_Check(value) && !PyLong_CheckExact(value)) return false;
    temperature = PyFloat_AsDouble(value);
    if (temperature >= 1e-30 && temperature <= 1e30) return true;
    PyErr_Clear();  // of an integer too large for a double
    return false;
}

}  // namespace

bool read_options(PyObject* given, Takes takes, Options& options) {
    PyObject *name, *value;
    for (Py_ssize_t i = 0; PyDict_Next(given, &i, &name, &value);) {
        if (is_named(name, "axis")) {
            if (!read_integer(value, options.axis)) return false;
        } else if (is_named(name, "temperature")) {
            if (!read_temperature(value, options.temperature)) return false;
        } else if (takes.out && is_named(name, "out")) {
            options.out = value == Py_None ? nullptr : value;
        } else if (takes.keepdims && is_named(name, "keepdims")) {
            if (value != Py_False) return false;
        } else if (takes.ignore_index && is_named(name, "ignore_index")) {
            int64_t index = -1;
            if ((value != Py_None && !read_integer(value, index)) || index >= 0) return false;
        } else if (!takes.where || !is_named(name, "where") || value != Py_None) {
            return false;
        }
    }
    return true;
}

namespace {

// The arrays that are read and the one that is written, with the options.
template <size_t count> struct Call {
    Array read[count], out;
    nb::object result;
    Shape shape;  // of the first array, around the class axis
    Options options;

    // Whether the arguments can be read.
    bool prepare(PyObject* args, PyObject* given, Takes takes) {
        if (PyTuple_Size(args) != Py_ssize_t(count) || !read_options(given, takes, options)) return false;
        for (size_t i = 0; i < count; ++i) {
            const std::optional<Array> array = read_array(PyTuple_GetItem(args, Py_ssize_t(i)));
            if (!array) return false;
            read[i] = *array;
        }
        const std::optional<Shape> around_axis = around(read[0], options.axis);
        if (around_axis) shape = *around_axis;
        return around_axis.has_value() && read[0].entries < Entries::int32;
    }

    // Whether there is a result to write to, in the shape of the first array.
    bool prepare_out() {
        result = options.out ? nb::borrow(options.out) : nb::steal(new_array_like(read[0]));
        const std::optional<Array> array = result.is_valid() ? read_array(result.ptr()) : std::nullopt;
        bool fits = array && read[0].alike(*array);
        for (const Array& other : read) fits = fits && may_write(*array, other);
        if (fits) out = *array;
        return fits;
    }

    bool fresh() const { return !options.out; }
    int64_t class_axis() const { return options.axis < 0 ? options.axis + read[0].dims : options.axis; }
};

// Computes softmax or log_softmax.
template <auto of_float, auto of_double> PyObject* unary(PyObject*, PyObject* args, PyObject* given) {
    Call<1> call;
    if (!call.prepare(args, given, {.out = true}) || !call.prepare_out()) return none();
    const Shape shape = call.shape;
    return with_entries(call.out.entries, [&]<class E>(E, Storage stored) {
        run(shape, shape.rows() * shape.K, [&](int64_t begin, int64_t end) {
            const Source x{call.read[0].data, stored};
            const Sink out{call.out.data, stored, call.fresh()};
            if constexpr (std::is_same_v<E, double>) {
                (kernels<double>().*of_double)(x, out, shape, begin, end, call.options.temperature);
            } else {
                (kernels<float>().*of_float)(x, out, shape, begin, end, call.options.temperature);
            }
        });
        return call.result.release().ptr();
    });
}

PyObject* logsumexp(PyObject*, PyObject* args, PyObject* given) {
    Call<1> call;
    if (!call.prepare(args, given, {.out = true, .keepdims = true}) || call.options.out) return none();
    const Array& x = call.read[0];
    nb::object result = nb::steal(new_array_without(x, call.class_axis()));
    if (!result.is_valid()) return none();
    const std::optional<Array> out = read_array(result.ptr());
    return with_entries(x.entries, [&]<class E>(E, Storage stored) -> PyObject* {
        using T = Computed<E>;
        run(call.shape, x.size, [&](int64_t begin, int64_t end) {
            kernels<T>().logsumexp({x.data, stored}, {out->data, stored, true}, call.shape, begin, end,
                                   call.options.temperature);
        });
        PyObject* const values = or_scalar(result.release().ptr());
        return values ? values : none();
    });
}

// Computes the product of a vector and the Jacobian of softmax or log_softmax.
template <auto of_float, auto of_double, bool logarithms, int64_t entries_an_exponential>
PyObject* product(PyObject*, PyObject* args, PyObject* given) {
    Call<2> call;
    if (!call.prepare(args, given, {.out = true}) || !call.read[0].alike(call.read[1])) return none();
    const Shape shape = call.shape;
    return with_entries(call.read[0].entries, [&]<class E>(E, Storage stored) -> PyObject* {
        const Source x{call.read[0].data, stored}, y{call.read[1].data, stored};
        if (kernels<Computed<E>>().find_no_probabilities(x, shape, logarithms) >= 0 || !call.prepare_out())
            return none();
        run(shape, shape.rows() * shape.K / entries_an_exponential, [&](int64_t begin, int64_t end) {
            const Sink out{call.out.data, stored, call.fresh()};
            if constexpr (std::is_same_v<E, double>) {
                (kernels<double>().*of_double)(x, y, out, shape, begin, end, call.options.temperature);
            } else {
                (kernels<float>().*of_float)(x, y, out, shape, begin, end, call.options.temperature);
            }
        });
        return call.result.release().ptr();
    });
}

// The product of logsumexp: of float32 and float64, with the classes on the innermost axis.
PyObject* logsumexp_vjp(PyObject*, PyObject* args, PyObject* given) {
    Call<2> call;
    if (!call.prepare(args, given, {})) return none();
    const auto& [logits, g] = call.read;
    if (call.shape.inner != 1 || !logits.in_c_order || !g.in_c_order || g.entries != logits.entries) return none();
    if (!g.has_shape_without(logits, call.class_axis())) return none();
    return with_entries(g.entries, [&]<class E>(E, Storage) -> PyObject* {
        if constexpr (std::is_same_v<E, uint16_t>) {
            return none();
        } else {
            if (!call.prepare_out()) return none();
            logsumexp_product<E>(call.read[0].data, call.read[1].data, call.out.data, call.shape,
                                 call.options.temperature);
            return call.result.release().ptr();
        }
    });
}

}  // namespace

void bind_short_calls(nb::module_& m) {
    using F = Kernels<float>;
    using D = Kernels<double>;
    static PyMethodDef methods[] = {
        SOFTGRAD_SHORT("short_softmax", unary<&F::softmax, &D::softmax>),
        SOFTGRAD_SHORT("short_log_softmax", unary<&F::log_softmax, &D::log_softmax>),
        SOFTGRAD_SHORT("short_logsumexp", logsumexp),
        SOFTGRAD_SHORT("short_softmax_vjp", product<&F::softmax_vjp, &D::softmax_vjp, false, 3>),
        SOFTGRAD_SHORT("short_log_softmax_vjp", product<&F::log_softmax_vjp, &D::log_softmax_vjp, true, 1>),
        SOFTGRAD_SHORT("short_log_softmax_jvp", product<&F::log_softmax_jvp, &D::log_softmax_jvp, true, 1>),
        SOFTGRAD_SHORT("short_logsumexp_vjp", logsumexp_vjp),
    };
    for (PyMethodDef& method : methods) {
        m.attr(method.ml_name) = nb::steal(PyCFunction_NewEx(&method, nullptr, m.attr("__name__").ptr()));
    }
}

}  // namespace softgrad
