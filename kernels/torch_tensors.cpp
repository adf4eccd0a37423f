#include "torch_tensors.hpp"

namespace nb = nanobind;

namespace softgrad {
namespace {

PyObject* interned(const char* text) { return PyUnicode_InternFromString(text); }

// Names of what torch and its tensors are asked for.
struct Asked {
    PyObject *dtype = interned("dtype"), *is_cpu = interned("is_cpu"), *is_contiguous = interned("is_contiguous"),
             *is_neg = interned("is_neg"), *data_ptr = interned("data_ptr"), *shape = interned("shape"),
             *contiguous = interned("contiguous"), *storage_offset = interned("storage_offset"),
             *new_empty = interned("new_empty"), *requires_grad = interned("requires_grad"),
             *current_level = interned("_current_level");
};

const Asked& asked() {
    static const Asked& names = *new Asked;
    return names;
}

nb::object attribute(PyObject* tensor, PyObject* name) { return nb::steal(PyObject_GetAttr(tensor, name)); }
nb::object answer(PyObject* tensor, PyObject* method) {
    return nb::steal(PyObject_VectorcallMethod(method, &tensor, 1, nullptr));
}
bool is_false(PyObject* function) {
    const nb::object state = nb::steal(PyObject_CallNoArgs(function));
    return state.is_valid() && PyObject_IsTrue(state.ptr()) == 0;
}

uintptr_t itemsize_of(Entries entries) {
    switch (entries) {
        case Entries::float64:
        case Entries::int64:
            return 8;
        case Entries::float32:
        case Entries::int32:
            return 4;
        default:
            return 2;
    }
}

// The address of a view of no memory is its offset.
constexpr uintptr_t no_offset = uintptr_t(1) << 40;
bool is_offset(PyObject* tensor, uintptr_t entries) {
    const nb::object offset = answer(tensor, asked().storage_offset);
    return !offset.is_valid() || uintptr_t(PyLong_AsLongLong(offset.ptr())) == entries;
}

}  // namespace

Torch::Torch(PyObject* tuple) {
    PyObject** const members[] = {&tensor,       &parameter,  &dtypes,      &idle,
                                  &forward_mode, &empty_like, &is_recorded, &keeps_graph};
    for (Py_ssize_t i = 0; i < 8; ++i) *members[i] = PyTuple_GetItem(tuple, i);
}

bool Torch::is_plain() const {
    for (Py_ssize_t i = 0; i < PyTuple_Size(idle); ++i) {
        if (!is_false(PyTuple_GetItem(idle, i))) return false;
    }
    const nb::object level = attribute(forward_mode, asked().current_level);
    return level.is_valid() && PyLong_AsLongLong(level.ptr()) < 0;
}

bool Torch::records(PyObject* tensor) const {
    return attribute(tensor, asked().requires_grad).ptr() != Py_False && !is_false(is_recorded);
}

bool Torch::is_plain_backward() const { return is_plain() && is_false(is_recorded); }

bool Torch::may_follow() const { return !is_false(keeps_graph); }

nb::object Torch::new_tensor_like(PyObject* tensor) const {
    return nb::steal(PyObject_Vectorcall(empty_like, &tensor, 1, nullptr));
}

uintptr_t address_of(PyObject* tensor) {
    const nb::object address = answer(tensor, asked().data_ptr);
    return address.is_valid() ? uintptr_t(PyLong_AsUnsignedLongLong(address.ptr())) : 0;
}

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
    const uintptr_t itemsize = itemsize_of(entries);
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

nb::object new_tensor(PyObject* like, const nb::object& shape) {
    PyObject* const arguments[] = {like, shape.ptr()};
    return nb::steal(PyObject_VectorcallMethod(asked().new_empty, arguments, 2, nullptr));
}

nb::object without_gaps(PyObject* tensor) { return answer(tensor, asked().contiguous); }

nb::object new_tensor_without(const Array& array, int64_t axis, PyObject* like) {
    const nb::object shape = nb::steal(PyTuple_New(Py_ssize_t(array.dims - 1)));
    for (int64_t i = 0, to = 0; i < array.dims; ++i) {
        if (i != axis) PyTuple_SetItem(shape.ptr(), Py_ssize_t(to++), PyLong_FromSsize_t(array.lengths[i]));
    }
    return new_tensor(like, shape);
}

PyObject* declined() {
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception)) throw nb::python_error();  // Ctrl-C
    PyErr_Clear();
    return Py_NewRef(Py_None);
}

}  // namespace softgrad
