// The short way to a loss of arrays against class indices.
#include "short_losses.hpp"

#include <vector>

namespace nb = nanobind;
using namespace nb::literals;

namespace softgrad {
namespace {

// What is known of a loss; each member is a reference that the tuple holds, which is the self of the short call.
struct Loss {
    PyObject *name, *known, *read, *constant, *result, *most;

    explicit Loss(PyObject* tuple) {
        PyObject** const members[] = {&name, &known, &read, &constant, &result, &most};
        for (Py_ssize_t i = 0; i < 6; ++i) *members[i] = PyTuple_GetItem(tuple, i);
    }

    // What `read` returns for these options, from the second call on without a call; a new reference, or null. Options
    // whose types are not among `constant` can change. No more than `most` options are kept, and none is forgotten.
    PyObject* numbers_of(PyObject* options) const {
        const nb::object key = key_of(options);
        if (!key.is_valid()) {
            PyErr_Clear();  // of a type without a hash
            return nullptr;
        }
        PyObject* found = PyDict_GetItemWithError(known, key.ptr());
        if (found) return Py_NewRef(found);
        if (PyDict_Size(known) < PyLong_AsLongLong(most)) {
            found = PyObject_CallFunctionObjArgs(read, options, nullptr);
            if (found) PyDict_SetItem(known, key.ptr(), found);
            if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception)) throw nb::python_error();  // Ctrl-C
        }
        PyErr_Clear();
        return found;
    }

  private:
    // What tells options apart: True is equal to 1, and not the same.
    nb::object key_of(PyObject* options) const {
        const Py_ssize_t count = PyDict_Size(options);
        nb::object key = nb::steal(PyTuple_New(3 * count));
        PyObject *name, *value;
        Py_ssize_t at = 0;
        for (Py_ssize_t i = 0; PyDict_Next(options, &i, &name, &value); at += 3) {
            PyObject* const type = reinterpret_cast<PyObject*>(Py_TYPE(value));
            if (PySet_Contains(constant, type) != 1) return {};
            PyTuple_SetItem(key.ptr(), at, Py_NewRef(name));
            PyTuple_SetItem(key.ptr(), at + 1, Py_NewRef(value));
            PyTuple_SetItem(key.ptr(), at + 2, Py_NewRef(type));
        }
        return key;
    }
};

// Class indices as 64 bits.
const int64_t* wide(const Array& target, std::vector<int64_t>& copy) {
    if (target.entries == Entries::int64) return reinterpret_cast<const int64_t*>(target.data);
    const int32_t* const narrow = reinterpret_cast<const int32_t*>(target.data);
    copy.assign(narrow, narrow + target.size);
    return copy.data();
}

PyObject* short_loss(PyObject* self, PyObject* args, PyObject* given) {
    if (PyTuple_Size(args) != 2) return none();
    const std::optional<Array> z = read_array(PyTuple_GetItem(args, 0)), target = read_array(PyTuple_GetItem(args, 1));
    if (!z || !target || !z->in_c_order || !target->in_c_order || z->entries >= Entries::int32) return none();
    if (target->entries != Entries::int64 && target->entries != Entries::int32) return none();
    const Loss loss(self);
    const bool with_grad = loss.result != Py_None;
    nb::object options = nb::borrow(given), out;
    if (with_grad && PyDict_Size(given) > 0) {
        PyObject* const given_out = PyDict_GetItemString(given, "out");
        if (given_out) {
            if (given_out != Py_None) out = nb::borrow(given_out);
            options = nb::steal(PyDict_Copy(given));
            PyDict_DelItemString(options.ptr(), "out");
        }
    }
    const nb::object known = nb::steal(loss.numbers_of(options.ptr()));
    if (!known.is_valid() || known.is_none()) return none();
    const int64_t axis = PyLong_AsLongLong(PyTuple_GetItem(known.ptr(), 0));
    PyObject* const ignore_index = PyTuple_GetItem(known.ptr(), 1);
    const LossNumbers& numbers = *nb::inst_ptr<LossNumbers>(PyTuple_GetItem(known.ptr(), 2));
    std::optional<int64_t> ignored;
    if (ignore_index != Py_None) ignored = PyLong_AsLongLong(ignore_index);
    const std::optional<Shape> shape = around(*z, axis);
    if (!shape || !target->has_shape_without(*z, axis < 0 ? axis + z->dims : axis)) return none();
    nb::object grad;
    char* to = nullptr;
    if (with_grad) {
        grad = out.is_valid() ? out : nb::steal(new_array_like(*z));
        const std::optional<Array> array = grad.is_valid() ? read_array(grad.ptr()) : std::nullopt;
        if (!array || !z->alike(*array) || !may_write(*array, *z) || !array->apart_from(*target)) return none();
        to = array->data;
    }
    Py_ssize_t length;
    const char* const name = PyUnicode_AsUTF8AndSize(loss.name, &length);
    std::vector<int64_t> copy;
    const int64_t* const classes = wide(*target, copy);
    return with_entries(z->entries, [&]<class E>(E, Storage stored) -> PyObject* {
        const std::optional<Computed<E>> total =
            loss_of_rows<Computed<E>>({name, size_t(length)}, {z->data, stored}, classes, {to, stored, !out.is_valid()},
                                      *shape, numbers, ignored);
        nb::object value = total ? nb::steal(scalar(*total)) : nb::object();
        if (!value.is_valid()) return none();
        return with_grad ? named_tuple(loss.result, nb::make_tuple(value, grad)) : value.release().ptr();
    });
}

}  // namespace

void bind_short_losses(nb::module_& m) {
    static PyMethodDef method = SOFTGRAD_SHORT("short_loss", short_loss);
    m.def(
        "short_loss",
        [](nb::str name, nb::dict known, nb::callable read, nb::frozenset constant, nb::handle result, nb::int_ most) {
            const nb::object self = nb::make_tuple(name, known, read, constant, result, most);
            return nb::steal(PyCFunction_NewEx(&method, self.ptr(), nullptr));
        },
        "name"_a, "known"_a, "read"_a, "constant"_a, "result"_a.none(), "most"_a);
}

}  // namespace softgrad
