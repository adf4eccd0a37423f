// The short way to softmax, log_softmax and logsumexp of tensors of torch on the CPU. To read a tensor as an array
// takes longer than a small call, so tensors are asked for the addresses of their entries.
// softgrad/torch/softmax_shortcut.py says what it needs of torch.
#include <string_view>

#include "short_calls.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace softgrad {
namespace {

constexpr int64_t most_axes = 16;

PyObject* interned(const char* text) { return PyUnicode_InternFromString(text); }

// Names of what torch and its tensors are asked for.
struct Asked {
    PyObject *dtype = interned("dtype"), *is_cpu = interned("is_cpu"), *is_contiguous = interned("is_contiguous"),
             *is_neg = interned("is_neg"), *data_ptr = interned("data_ptr"), *shape = interned("shape"),
             *storage_offset = interned("storage_offset"), *new_empty = interned("new_empty"),
             *requires_grad = interned("requires_grad"), *current_level = interned("_current_level");
};

const Asked& asked() {
    static const Asked& names = *new Asked;
    return names;
}

// What a short call needs of torch; references that the tuple holds which is its self.
struct Torch {
    PyObject *name, *tensor, *parameter, *dtypes, *idle, *forward_mode, *empty_like, *is_recorded, *differentiated,
        *most;

    explicit Torch(PyObject* tuple) {
        PyObject** const members[] = {&name,         &tensor,     &parameter,   &dtypes,         &idle,
                                      &forward_mode, &empty_like, &is_recorded, &differentiated, &most};
        for (Py_ssize_t i = 0; i < 10; ++i) *members[i] = PyTuple_GetItem(tuple, i);
    }

    // Whether nothing transforms, traces or intercepts calls.
    bool is_plain() const {
        for (Py_ssize_t i = 0; i < PyTuple_Size(idle); ++i) {
            const nb::object state = nb::steal(PyObject_CallNoArgs(PyTuple_GetItem(idle, i)));
            if (!state.is_valid() || PyObject_IsTrue(state.ptr()) != 0) return false;
        }
        const nb::object level = nb::steal(PyObject_GetAttr(forward_mode, asked().current_level));
        return level.is_valid() && PyLong_AsLongLong(level.ptr()) < 0;
    }
};

nb::object attribute(PyObject* tensor, PyObject* name) { return nb::steal(PyObject_GetAttr(tensor, name)); }
nb::object answer(PyObject* tensor, PyObject* method) {
    return nb::steal(PyObject_VectorcallMethod(method, &tensor, 1, nullptr));
}
uintptr_t address_of(PyObject* tensor) {
    const nb::object address = answer(tensor, asked().data_ptr);
    return address.is_valid() ? uintptr_t(PyLong_AsUnsignedLongLong(address.ptr())) : 0;
}

// The address of a view of no memory is its offset.
constexpr uintptr_t no_offset = uintptr_t(1) << 40;
bool is_offset(PyObject* tensor, uintptr_t entries) {
    const nb::object offset = answer(tensor, asked().storage_offset);
    return !offset.is_valid() || uintptr_t(PyLong_AsLongLong(offset.ptr())) == entries;
}

// The entries of a tensor as those of an array in C order; nothing unless they are on the CPU without gaps, in memory.
// `lengths` gets the shape.
std::optional<Array> read_tensor(const Torch& torch, PyObject* object, Py_ssize_t* lengths) {
    const Asked& names = asked();
    PyObject* const type = reinterpret_cast<PyObject*>(Py_TYPE(object));
    if (type != torch.tensor && type != torch.parameter) return {};
    const nb::object dtype = attribute(object, names.dtype);
    PyObject* const code = dtype.is_valid() ? PyDict_GetItemWithError(torch.dtypes, dtype.ptr()) : nullptr;
    if (!code || attribute(object, names.is_cpu).ptr() != Py_True) return {};
    if (answer(object, names.is_contiguous).ptr() != Py_True || answer(object, names.is_neg).ptr() != Py_False)
        return {};
    const nb::object shape = attribute(object, names.shape);
    const uintptr_t data = address_of(object);
    if (!shape.is_valid() || PyTuple_Size(shape.ptr()) > most_axes) return {};
    const Entries entries = Entries(PyLong_AsLongLong(code));
    const uintptr_t itemsize = entries == Entries::float64 ? 8 : entries == Entries::float32 ? 4 : 2;
    if (data % itemsize || (data < no_offset && is_offset(object, data / itemsize))) return {};
    Array array{object, reinterpret_cast<char*>(data), PyTuple_Size(shape.ptr()), lengths, 1, 0, entries, true, false,
                true};
    for (int64_t i = 0; i < array.dims; ++i) {
        lengths[i] = PyLong_AsSsize_t(PyTuple_GetItem(shape.ptr(), i));
        array.size *= int64_t(lengths[i]);
    }
    array.bytes = array.size * int64_t(itemsize);
    return array;
}

nb::object new_tensor_without(const Array& array, int64_t axis) {
    const nb::object shape = nb::steal(PyTuple_New(Py_ssize_t(array.dims - 1)));
    for (int64_t i = 0, to = 0; i < array.dims; ++i) {
        if (i != axis) PyTuple_SetItem(shape.ptr(), Py_ssize_t(to++), PyLong_FromSsize_t(array.lengths[i]));
    }
    PyObject* const arguments[] = {array.object, shape.ptr()};
    return nb::steal(PyObject_VectorcallMethod(asked().new_empty, arguments, 2, nullptr));
}

nb::object new_tensor_like(const Torch& torch, const Array& array) {
    return nb::steal(PyObject_Vectorcall(torch.empty_like, &array.object, 1, nullptr));
}

PyObject* declined() {
    PyErr_Clear();
    return none();
}

PyObject* values_of_tensor(PyObject* self, PyObject* args, PyObject* given) {
    const Torch torch(self);
    const bool of_rows = is_named(torch.name, "logsumexp");
    Options options;
    if (PyTuple_Size(args) != 1 || !read_options(given, {.keepdims = of_rows}, options) || !torch.is_plain()) {
        return declined();
    }
    PyObject* const logits = PyTuple_GetItem(args, 0);
    Py_ssize_t lengths[most_axes];
    const std::optional<Array> x = read_tensor(torch, logits, lengths);
    const std::optional<Shape> shape = x ? around(*x, options.axis) : std::nullopt;
    if (!shape || x->size >= PyLong_AsLongLong(torch.most)) return declined();
    const int64_t axis = options.axis < 0 ? options.axis + x->dims : options.axis;
    const nb::object result = of_rows ? new_tensor_without(*x, axis) : new_tensor_like(torch, *x);
    const uintptr_t to = result.is_valid() ? address_of(result.ptr()) : 0;
    if (!to) return declined();
    with_entries(x->entries, [&]<class E>(E, Storage stored) -> PyObject* {
        const auto& all = kernels<Computed<E>>();
        const auto kernel = of_rows ? all.logsumexp : is_named(torch.name, "softmax") ? all.softmax : all.log_softmax;
        run(*shape, x->size, [&](int64_t begin, int64_t end) {
            kernel({x->data, stored}, {reinterpret_cast<void*>(to), stored, true}, *shape, begin, end,
                   options.temperature);
        });
        return nullptr;
    });
    if (attribute(logits, asked().requires_grad).ptr() == Py_False) return nb::object(result).release().ptr();
    const nb::object recorded = nb::steal(PyObject_CallNoArgs(torch.is_recorded));
    if (recorded.ptr() == Py_False) return nb::object(result).release().ptr();
    const nb::object found = nb::make_tuple(result), temperature = nb::float_(options.temperature), at = nb::int_(axis);
    return PyObject_CallFunctionObjArgs(torch.differentiated, logits, found.ptr(), at.ptr(), temperature.ptr(),
                                        nullptr);
}

// The vector-Jacobian product of softmax or log_softmax, for the backward pass.
PyObject* product_of_tensors(PyObject* self, PyObject* args, PyObject* given) {
    const Torch torch(self);
    Options options;
    if (PyTuple_Size(args) != 2 || !read_options(given, {}, options) || !torch.is_plain()) return declined();
    Py_ssize_t lengths_of_x[most_axes], lengths_of_y[most_axes];
    const std::optional<Array> x = read_tensor(torch, PyTuple_GetItem(args, 0), lengths_of_x),
                               y = read_tensor(torch, PyTuple_GetItem(args, 1), lengths_of_y);
    if (!x || !y || !x->alike(*y) || x->size >= PyLong_AsLongLong(torch.most)) return declined();
    const std::optional<Shape> shape = around(*x, options.axis);
    if (!shape) return declined();
    const bool logarithms = is_named(torch.name, "log_softmax");
    PyObject* const result = with_entries(x->entries, [&]<class E>(E, Storage stored) -> PyObject* {
        const Source from{x->data, stored}, upstream{y->data, stored};
        const auto& all = kernels<Computed<E>>();
        if (all.find_no_probabilities(from, *shape, logarithms) >= 0) return nullptr;
        nb::object created = new_tensor_like(torch, *x);
        const uintptr_t to = created.is_valid() ? address_of(created.ptr()) : 0;
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
        [](nb::tuple torch, bool vjp) {
            return nb::steal(PyCFunction_NewEx(vjp ? &product : &values, torch.ptr(), nullptr));
        },
        "torch"_a, "vjp"_a);
}

}  // namespace softgrad
