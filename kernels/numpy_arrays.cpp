#include "numpy_arrays.hpp"

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#include <numpy/arrayobject.h>
#include <numpy/arrayscalars.h>

namespace softgrad {
namespace {

Entries entries_of(const PyArray_Descr* dtype) {
    switch (dtype->type_num) {
        case NPY_HALF:
            return Entries::float16;
        case NPY_FLOAT:
            return Entries::float32;
        case NPY_DOUBLE:
            return Entries::float64;
        case NPY_INT:
            return Entries::int32;
        case NPY_LONG:
            return sizeof(long) == 8 ? Entries::int64 : Entries::int32;
        case NPY_LONGLONG:
            return Entries::int64;
        default:  // bfloat16 of ml_dtypes
            return dtype->type == 'E' && PyDataType_ELSIZE(dtype) == 2 ? Entries::bfloat16 : Entries::other;
    }
}

PyObject* or_nothing(PyObject* created) {
    if (!created) PyErr_Clear();
    return created;
}

template <class T> PyObject* scalar_of(T value, int type) {
    PyArray_Descr* const dtype = PyArray_DescrFromType(type);
    PyObject* const created = PyArray_Scalar(&value, dtype, nullptr);
    Py_DECREF(reinterpret_cast<PyObject*>(dtype));
    return or_nothing(created);
}

}  // namespace

bool import_numpy() { return PyArray_ImportNumPyAPI() == 0; }

std::optional<Array> read_array(PyObject* object) {
    if (!PyArray_CheckExact(object)) return {};
    PyArrayObject* const array = reinterpret_cast<PyArrayObject*>(object);
    const int flags = PyArray_FLAGS(array);
    if (!(flags & NPY_ARRAY_ALIGNED) || !PyArray_ISNOTSWAPPED(array)) return {};
    const int64_t size = int64_t(PyArray_SIZE(array));
    return Array{object,
                 PyArray_BYTES(array),
                 PyArray_NDIM(array),
                 PyArray_DIMS(array),
                 size,
                 size * int64_t(PyArray_ITEMSIZE(array)),
                 entries_of(PyArray_DESCR(array)),
                 (flags & NPY_ARRAY_C_CONTIGUOUS) != 0,
                 (flags & NPY_ARRAY_F_CONTIGUOUS) != 0,
                 (flags & NPY_ARRAY_WRITEABLE) != 0};
}

PyObject* new_array_like(const Array& array) {
    return or_nothing(PyArray_NewLikeArray(reinterpret_cast<PyArrayObject*>(array.object), NPY_KEEPORDER, nullptr, 0));
}

PyObject* new_array_without(const Array& array, int64_t axis) {
    npy_intp lengths[NPY_MAXDIMS];
    for (int64_t i = 0, to = 0; i < array.dims; ++i) {
        if (i != axis) lengths[to++] = array.lengths[i];
    }
    PyArray_Descr* const dtype = PyArray_DESCR(reinterpret_cast<PyArrayObject*>(array.object));
    Py_INCREF(reinterpret_cast<PyObject*>(dtype));
    return or_nothing(PyArray_Empty(int(array.dims - 1), lengths, dtype, !array.in_c_order));
}

PyObject* or_scalar(PyObject* array) { return or_nothing(PyArray_Return(reinterpret_cast<PyArrayObject*>(array))); }
PyObject* scalar(float value) { return scalar_of(value, NPY_FLOAT); }
PyObject* scalar(double value) { return scalar_of(value, NPY_DOUBLE); }

}  // namespace softgrad
