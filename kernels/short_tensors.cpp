// The short way to softmax, log_softmax and logsumexp of tensors of torch on the CPU.
#include <string_view>

#include "short_calls.hpp"
#include "torch_tensors.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace softgrad {
namespace {

// References that the tuple holds which is the self of the short call.
struct Function {
    PyObject *name, *torch, *differentiated, *most;

    explicit Function(PyObject* tuple) {
        PyObject** const members[] = {&name, &torch, &differentiated, &most};
        for (Py_ssize_t i = 0; i < 4; ++i) *members[i] = PyTuple_GetItem(tuple, i);
    }

    bool is_logarithm() const { return is_named(name, "log_softmax"); }
    bool is_of_rows() const { return is_named(name, "logsumexp"); }
    bool takes(const Array& x) const { return x.entries < Entries::int32 && x.size < PyLong_AsLongLong(most); }
};

PyObject* values_of_tensor(PyObject* self, PyObject* args, PyObject* given) {
    const Function function(self);
    const Torch torch(function.torch);
    const bool of_rows = function.is_of_rows();
    Options options;
    if (PyTuple_Size(args) != 1 || !read_options(given, {.keepdims = of_rows}, options) || !torch.is_plain()) {
        return declined();
    }
    PyObject* const logits = PyTuple_GetItem(args, 0);
    Py_ssize_t lengths[most_axes];
    const std::optional<Array> x = read_tensor(torch, logits, lengths);
    const std::optional<Shape> shape = x ? around(*x, options.axis) : std::nullopt;
    if (!shape || !function.takes(*x)) return declined();
    const int64_t axis = options.axis < 0 ? options.axis + x->dims : options.axis;
    const nb::object result = of_rows ? new_tensor_without(*x, axis, logits) : torch.new_tensor_like(logits);
    const uintptr_t to = result.is_valid() ? address_of(torch, result.ptr()) : 0;
    if (!to) return declined();
    with_entries(x->entries, [&]<class E>(E, Storage stored) -> PyObject* {
        const auto& all = kernels<Computed<E>>();
        const auto kernel = of_rows ? all.logsumexp : function.is_logarithm() ? all.log_softmax : all.softmax;
        run(*shape, x->size, [&](int64_t begin, int64_t end) {
            kernel({x->data, stored}, {reinterpret_cast<void*>(to), stored, true}, *shape, begin, end,
                   options.temperature);
        });
        return nullptr;
    });
    if (!torch.records(logits)) return nb::object(result).release().ptr();
    const nb::object axes = nb::make_tuple(axis), temperature = nb::float_(options.temperature);
    return PyObject_CallFunctionObjArgs(function.differentiated, logits, axes.ptr(), temperature.ptr(), Py_None,
                                        nb::make_tuple(result).ptr(), nullptr);
}

PyObject* product_of_logsumexp(const Torch& torch, const Array& z, const Array& g, Shape shape, double temperature) {
    nb::object created = torch.new_tensor_like(z.object);
    const uintptr_t to = created.is_valid() ? address_of(torch, created.ptr()) : 0;
    if (!to || (z.entries != Entries::float32 && z.entries != Entries::float64)) return declined();
    const auto compute = z.entries == Entries::float32 ? logsumexp_product<float> : logsumexp_product<double>;
    compute(z.data, g.data, reinterpret_cast<void*>(to), shape, temperature);
    return created.release().ptr();
}

// The vector-Jacobian product for a backward pass: of softmax and log_softmax from their values, of logsumexp from the
// logits.
PyObject* product_of_tensors(PyObject* self, PyObject* args, PyObject* given) {
    const Function function(self);
    const Torch torch(function.torch);
    Options options;
    if (PyTuple_Size(args) != 2 || !read_options(given, {}, options)) return declined();
    if (!torch.is_plain_backward()) return declined();
    Py_ssize_t lengths_of_x[most_axes], lengths_of_y[most_axes];
    const std::optional<Array> x = read_tensor(torch, PyTuple_GetItem(args, 0), lengths_of_x);
    const std::optional<Shape> shape = x ? around(*x, options.axis) : std::nullopt;
    if (!shape || !function.takes(*x)) return declined();
    const nb::object g = without_gaps(PyTuple_GetItem(args, 1));
    const std::optional<Array> y = g.is_valid() ? read_tensor(torch, g.ptr(), lengths_of_y) : std::nullopt;
    if (!y || y->entries != x->entries) return declined();
    if (function.is_of_rows()) {
        const int64_t axis = options.axis < 0 ? options.axis + x->dims : options.axis;
        const bool fits = shape->inner == 1 && y->has_shape_without(*x, axis);
        return fits ? product_of_logsumexp(torch, *x, *y, *shape, options.temperature) : declined();
    }
    if (!x->alike(*y)) return declined();
    const bool logarithms = function.is_logarithm();
    PyObject* const result = with_entries(x->entries, [&]<class E>(E, Storage stored) -> PyObject* {
        const Source from{x->data, stored}, upstream{y->data, stored};
        const auto& all = kernels<Computed<E>>();
        if (all.find_no_probabilities(from, *shape, logarithms) >= 0) return nullptr;
        nb::object created = torch.new_tensor_like(x->object);
        const uintptr_t to = created.is_valid() ? address_of(torch, created.ptr()) : 0;
        if (!to) return nullptr;
        const auto kernel = logarithms ? all.log_softmax_vjp : all.softmax_vjp;
        run(*shape, logarithms ? x->size : x->size / 3, [&](int64_t begin, int64_t end) {
            kernel(from, upstream, {reinterpret_cast<void*>(to), stored, true}, *shape, begin, end,
                   options.temperature);
        });
        return created.release().ptr();
    });
    return result ? result : declined();
}

}  // namespace

void bind_short_tensors(nb::module_& m) {
    static PyMethodDef values = SOFTGRAD_SHORT("short_tensor", values_of_tensor),
                       product = SOFTGRAD_SHORT("short_tensor_vjp", product_of_tensors);
    m.def(
        "short_tensor",
        [](nb::str name, nb::tuple torch, nb::object differentiated, nb::int_ most) {
            const nb::object self = nb::make_tuple(name, torch, differentiated, most);
            return nb::steal(PyCFunction_NewEx(differentiated.is_none() ? &product : &values, self.ptr(), nullptr));
        },
        "name"_a, "torch"_a, "differentiated"_a.none(), "most"_a);
}

}  // namespace softgrad
