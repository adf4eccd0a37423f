#include "torch_tensors.hpp"

namespace nb = nanobind;

namespace softgrad {
namespace {

PyObject* interned(const char* text) { return PyUnicode_InternFromString(text); }

// Names of what torch and its tensors are asked for.
struct Asked {
    PyObject *is_neg = interned("is_neg"), *contiguous = interned("contiguous"),
             *storage_offset = interned("storage_offset"), *new_empty = interned("new_empty"),
             *requires_grad = interned("requires_grad"), *current_level = interned("_current_level");
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

// A tensor as DLPack describes it: https://dmlc.github.io/dlpack/latest/c_api.html
struct Described {
    void* data;
    struct {
        int32_t type, id;
    } device;
    int32_t dims;
    struct {
        uint8_t code, bits;
        uint16_t lanes;
    } dtype;
    const int64_t *lengths, *strides;
    uint64_t byte_offset;

    Entries entries() const {
        enum { integer = 0, floating = 2, bfloat = 4 };
        if (dtype.code == bfloat && dtype.bits == 16) return Entries::bfloat16;
        if (dtype.code == floating && dtype.bits == 16) return Entries::float16;
        if (dtype.code == floating && dtype.bits == 32) return Entries::float32;
        if (dtype.code == floating && dtype.bits == 64) return Entries::float64;
        return dtype.code == integer && dtype.bits == 64 ? Entries::int64 : Entries::other;
    }
    bool is_on_cpu() const { return device.type == 1; }
    bool is_in_c_order() const {
        int64_t stride = 1;
        for (int32_t i = dims - 1; i >= 0; --i) {
            if (lengths[i] != 1 && strides[i] != stride) return false;
            stride *= lengths[i];
        }
        return true;
    }
};

// What torch hands out, as DLPackExchangeAPI.
struct Functions {
    uint32_t major, minor;
    const void *previous, *allocate, *own, *wrap;
    int (*describe)(void* object, Described* out);
    const void* stream;
};

// False, maybe with an error of Python, if the tensor has no such description.
bool describe(const Torch& torch, PyObject* tensor, Described& out) {
    if (torch.dlpack == Py_None) return false;
    const auto functions = static_cast<const Functions*>(PyCapsule_GetPointer(torch.dlpack, "dlpack_exchange_api"));
    return functions && functions->major == 1 && functions->describe && functions->describe(tensor, &out) == 0;
}

// The address of a view of no memory is its offset.
constexpr uintptr_t no_offset = uintptr_t(1) << 40;
bool is_offset(PyObject* tensor, uintptr_t entries) {
    const nb::object offset = answer(tensor, asked().storage_offset);
    return !offset.is_valid() || uintptr_t(PyLong_AsLongLong(offset.ptr())) == entries;
}

}  // namespace

Torch::Torch(PyObject* tuple) {
    PyObject** const members[] = {&tensor,       &parameter,  &dlpack,      &idle,
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

uintptr_t address_of(const Torch& torch, PyObject* tensor) {
    Described described;
    return describe(torch, tensor, described) ? uintptr_t(described.data) + described.byte_offset : 0;
}

std::optional<Array> read_tensor(const Torch& torch, PyObject* object, Py_ssize_t* lengths) {
    PyObject* const type = reinterpret_cast<PyObject*>(Py_TYPE(object));
    if (type != torch.tensor && type != torch.parameter) return {};
    Described described;
    if (!describe(torch, object, described) || !described.is_on_cpu() || described.dims > most_axes) return {};
    const Entries entries = described.entries();
    if (entries == Entries::other || !described.is_in_c_order()) return {};
    if (answer(object, asked().is_neg).ptr() != Py_False) return {};
    const uintptr_t data = uintptr_t(described.data) + described.byte_offset, itemsize = described.dtype.bits / 8;
    if (data % itemsize || (data < no_offset && is_offset(object, data / itemsize))) return {};
    Array array{object, reinterpret_cast<char*>(data), described.dims, lengths, 1, 0, entries, true, false, true};
    for (int64_t i = 0; i < array.dims; ++i) {
        lengths[i] = Py_ssize_t(described.lengths[i]);
        array.size *= described.lengths[i];
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
