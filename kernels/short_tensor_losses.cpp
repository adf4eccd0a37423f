// The short way to a loss of tensors against class indices. softgrad/torch/cpu_shortcut.py says what it takes.
#include <cmath>

#include "short_losses.hpp"
#include "torch_tensors.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace softgrad {
namespace {

// References that the tuple holds which is the self of the short call.
struct Loss {
    PyObject *torch, *known, *likes, *huge, *new_huge;

    explicit Loss(PyObject* tuple) {
        PyObject** const members[] = {&torch, &known, &likes, &huge, &new_huge};
        for (Py_ssize_t i = 0; i < 5; ++i) *members[i] = PyTuple_GetItem(tuple, i);
    }

    // The numbers of these options, if they are known and have the same types: True is equal to 1, and not the same.
    nb::object numbers_of(PyObject* options) const {
        const nb::object found = nb::borrow(PyDict_GetItemWithError(known, options));
        if (!found.is_valid()) return {};
        PyObject* const types = PyTuple_GetItem(found.ptr(), 0);
        for (Py_ssize_t i = 0; i < PyTuple_Size(types); ++i) {
            PyObject* const type = reinterpret_cast<PyObject*>(Py_TYPE(PyTuple_GetItem(options, i)));
            if (type != PyTuple_GetItem(types, i)) return {};
        }
        return nb::borrow(PyTuple_GetItem(found.ptr(), 1));
    }

    // A tensor for the gradient. From some size on NumPy asks the system for large pages, and torch does not.
    nb::object new_grad(const Torch& of, const Array& z) const {
        if (z.size < PyLong_AsLongLong(huge)) return of.new_tensor_like(z.object);
        return nb::steal(PyObject_CallFunctionObjArgs(new_huge, z.object, nullptr));
    }
};

// The options, logits and target of a call, read.
struct Call {
    Py_ssize_t lengths[most_axes], lengths_of_target[most_axes];
    nb::object known;
    std::optional<Array> z, target;
    std::optional<Shape> shape;
    std::optional<int64_t> ignored;
    std::string_view name;

    // False for a call that goes the long way, maybe with an error of Python.
    bool read(const Loss& loss, const Torch& torch, PyObject* const* given) {
        PyObject* const options = given[0];
        if (!PyTuple_Check(options)) return false;
        known = loss.numbers_of(options);
        if (!known.is_valid()) return false;
        z = read_tensor(torch, given[1], lengths);
        if (!z || z->entries >= Entries::int32) return false;
        target = read_tensor(torch, given[2], lengths_of_target);
        if (!target || target->entries != Entries::int64) return false;
        const int64_t axis = PyLong_AsLongLong(PyTuple_GetItem(options, 1));
        shape = around(*z, axis);
        if (!shape || !target->has_shape_without(*z, axis < 0 ? axis + z->dims : axis)) return false;
        PyObject* const ignore_index = PyTuple_GetItem(options, 2);
        if (ignore_index != Py_None) ignored = PyLong_AsLongLong(ignore_index);
        Py_ssize_t length;
        const char* const text = PyUnicode_AsUTF8AndSize(PyTuple_GetItem(options, 0), &length);
        name = {text, size_t(length)};
        return true;
    }

    // What with(loss) returns for the total loss, or None if nothing is computed. The gradient times `upstream` is
    // written to the address `to`, unless it is 0.
    template <class With> PyObject* run(uintptr_t to, double upstream, With with) const {
        PyObject* const result = with_entries(z->entries, [&]<class E>(E, Storage stored) -> PyObject* {
            using T = Computed<E>;
            const std::optional<T> total =
                loss_of_rows<T>(name, {z->data, stored}, reinterpret_cast<const int64_t*>(target->data),
                                {reinterpret_cast<void*>(to), stored, true}, *shape, *nb::inst_ptr<LossNumbers>(known),
                                ignored, upstream);
            return total ? with(*total) : nullptr;
        });
        return result ? result : declined();
    }
};

// The loss and its gradient, as (loss, gradient or None), for (options, logits, target, with_grad). If with_grad is
// None, the gradient is computed if autograd records the logits; that of float16 waits for the backward pass.
PyObject* loss_of_tensors(PyObject* self, PyObject* const* given, Py_ssize_t count) {
    const Loss loss(self);
    const Torch torch(loss.torch);
    Call call;
    if (count != 4 || !torch.is_plain() || !call.read(loss, torch, given)) return declined();
    const nb::object value = torch.new_tensor_like(PyTuple_GetItem(loss.likes, Py_ssize_t(call.z->entries)));
    const uintptr_t at = value.is_valid() ? address_of(torch, value.ptr()) : 0;
    if (!at) return declined();
    nb::object grad = nb::none();
    uintptr_t to = 0;
    const bool waits = call.z->entries == Entries::float16;
    if (given[3] == Py_None ? !waits && torch.records(call.z->object) : given[3] == Py_True) {
        grad = loss.new_grad(torch, *call.z);
        to = grad.is_valid() ? address_of(torch, grad.ptr()) : 0;
        if (!to) return declined();
    }
    return call.run(to, 1, [&]<class T>(T total) {
        *reinterpret_cast<T*>(at) = total;
        return nb::make_tuple(value, grad).release().ptr();
    });
}

// The gradient of float16 logits, for (options, logits, target, upstream gradient).
PyObject* product_of_tensors(PyObject* self, PyObject* const* given, Py_ssize_t count) {
    const Loss loss(self);
    const Torch torch(loss.torch);
    Call call;
    Py_ssize_t lengths[most_axes];
    if (count != 4 || !torch.is_plain_backward() || !call.read(loss, torch, given)) return declined();
    const std::optional<Array> g = read_tensor(torch, given[3], lengths);
    if (!g || g->dims != 0 || g->entries != Entries::float32) return declined();
    const float upstream = *reinterpret_cast<const float*>(g->data);
    if (upstream == 0 || !std::isfinite(upstream)) return declined();
    const nb::object grad = loss.new_grad(torch, *call.z);
    const uintptr_t to = grad.is_valid() ? address_of(torch, grad.ptr()) : 0;
    return to ? call.run(to, upstream, [&](auto) { return Py_NewRef(grad.ptr()); }) : declined();
}

// Whether the backward pass of a loss can return the gradient of the forward pass itself, for (upstream gradient): it
// is 1, and no other backward pass needs that gradient.
PyObject* returns_saved_gradient(PyObject* self, PyObject* const* given, Py_ssize_t count) {
    const Torch torch(self);
    Py_ssize_t lengths[most_axes];
    if (count != 1 || !torch.is_plain_backward() || torch.may_follow()) return declined();
    const std::optional<Array> g = read_tensor(torch, given[0], lengths);
    if (!g || g->dims != 0) return declined();
    const bool is_one = (g->entries == Entries::float32 && *reinterpret_cast<const float*>(g->data) == 1) ||
                        (g->entries == Entries::float64 && *reinterpret_cast<const double*>(g->data) == 1);
    return is_one ? Py_NewRef(Py_True) : declined();
}

}  // namespace

void bind_short_tensor_losses(nb::module_& m) {
    static PyMethodDef of_loss =
                           python_method<loss_of_tensors>("short_tensor_loss", "short_tensor_loss(*args)\n--\n\n"),
                       of_product = python_method<product_of_tensors>("short_tensor_loss_vjp",
                                                                      "short_tensor_loss_vjp(*args)\n--\n\n"),
                       returns_saved = python_method<returns_saved_gradient>("returns_saved_gradient",
                                                                             "returns_saved_gradient(g, /)\n--\n\n");
    const auto offer = [&m](const char* name, PyMethodDef* method) {
        m.def(
            name,
            [method](nb::tuple torch, nb::dict known, nb::tuple likes, nb::int_ huge, nb::callable new_huge) {
                const nb::object self = nb::make_tuple(torch, known, likes, huge, new_huge);
                return nb::steal(PyCFunction_NewEx(method, self.ptr(), nullptr));
            },
            "torch"_a, "known"_a, "likes"_a, "huge"_a, "new_huge"_a);
    };
    offer("short_tensor_loss", &of_loss);
    offer("short_tensor_loss_vjp", &of_product);
    m.def(
        "returns_saved_gradient",
        [](nb::tuple torch) { return nb::steal(PyCFunction_NewEx(&returns_saved, torch.ptr(), nullptr)); }, "torch"_a);
}

}  // namespace softgrad
