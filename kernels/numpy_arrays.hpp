// Arrays of NumPy through its C interface: to read one takes some nanoseconds. Whatever is not a plain array is
// refused, without an error.
#pragma once

#include <Python.h>

#include <cstdint>
#include <optional>

#include "shape.hpp"

namespace softgrad {

enum class Entries { float16, bfloat16, float32, float64, int32, int64, other };

// An array of no subclass, aligned and in the byte order of the machine.
struct Array {
    PyObject* object;
    char* data;
    int64_t dims;
    const Py_ssize_t* lengths;
    int64_t size, bytes;
    Entries entries;
    bool in_c_order, in_fortran_order, writeable;

    int64_t length(int64_t axis) const { return int64_t(lengths[axis]); }

    // Whether all entries of one stand where those of the other do.
    bool alike(const Array& other) const {
        bool same = entries == other.entries && dims == other.dims &&
                    (in_c_order ? other.in_c_order : in_fortran_order && other.in_fortran_order);
        for (int64_t i = 0; same && i < dims; ++i) same = lengths[i] == other.lengths[i];
        return same;
    }
    // Whether it has the shape of the other one without an axis.
    bool has_shape_without(const Array& other, int64_t axis) const {
        bool same = dims + 1 == other.dims;
        for (int64_t i = 0; same && i < dims; ++i) same = lengths[i] == other.lengths[i < axis ? i : i + 1];
        return same;
    }
    bool apart_from(const Array& other) const { return data + bytes <= other.data || other.data + other.bytes <= data; }
};

// Once, before any other function; false, with an error of Python, if NumPy cannot be imported.
bool import_numpy();

std::optional<Array> read_array(PyObject* object);

// A new array in the shape, the dtype and the order of another. All functions that return a new object return null,
// with no error set, if there is no memory for it.
PyObject* new_array_like(const Array& array);

// A new array, without one axis of another.
PyObject* new_array_without(const Array& array, int64_t axis);

// The array itself, or the scalar if it has no axes; takes the reference.
PyObject* or_scalar(PyObject* array);

// A scalar of NumPy.
PyObject* scalar(float value);
PyObject* scalar(double value);

}  // namespace softgrad
