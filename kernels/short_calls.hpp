// The short way to a result, for the arrays of most calls: in C order, or in Fortran order where no loss is added up,
// of floating numbers, without a mask. On a small array, the Python code before a kernel takes longer than the kernel.
// A call that does not fit is refused before any work and without an error: it goes the long way through
// softgrad/_arrays.py, which has the messages. The results are the same.
//
// A short call is given the arguments of the public function, as a tuple and a dict, and returns what it returns; or
// None, if it has computed nothing.
#pragma once

#include <nanobind/nanobind.h>

#include <exception>
#include <new>

#include "calls.hpp"
#include "numpy_arrays.hpp"

namespace softgrad {

// Longer rows along an inner axis are copied first: LONG_ROW of softgrad/_arrays.py.
constexpr int64_t rows_at_once = 1 << 18;

// An array around its class axis; nothing if it has no such axis, no entries, or gaps between them. In Fortran order
// the axes are counted from the other end.
inline std::optional<Shape> around(const Array& array, int64_t axis) {
    if (axis < 0) axis += array.dims;
    if (axis < 0 || axis >= array.dims || array.size == 0 || !(array.in_c_order || array.in_fortran_order)) return {};
    int64_t before = 1, after = 1;
    for (int64_t i = 0; i < axis; ++i) before *= array.length(i);
    for (int64_t i = axis + 1; i < array.dims; ++i) after *= array.length(i);
    if (!array.in_c_order) std::swap(before, after);
    const Shape shape{before, array.length(axis), after};
    if (shape.inner > 1 && shape.K > rows_at_once) return {};
    return shape;
}

// Whether a kernel may write to one array while it reads the other: they are one array, or share no memory.
inline bool may_write(const Array& out, const Array& read) {
    return out.writeable && (out.data == read.data || out.apart_from(read));
}

// Calls with(E{}, storage) for floating entries, and returns what it returns; or null.
template <class With> PyObject* with_entries(Entries entries, With with) {
    switch (entries) {
        case Entries::float32:
            return with(float{}, Storage::itself);
        case Entries::float64:
            return with(double{}, Storage::itself);
        case Entries::float16:
            return with(uint16_t{}, Storage::float16);
        case Entries::bfloat16:
            return with(uint16_t{}, Storage::bfloat16);
        default:
            return nullptr;
    }
}

inline bool is_named(PyObject* name, const char* other) { return PyUnicode_CompareWithASCIIString(name, other) == 0; }

// Options that some of the functions of softmax have. A mask has to be None, and an index to ignore None or negative.
struct Takes {
    bool out = false, keepdims = false, where = true, ignore_index = false;
};

struct Options {
    int64_t axis = -1;
    double temperature = 1;
    PyObject* out = nullptr;
};

// Reads the options of softmax or of a function like it, in short_calls.cpp; false if one does not fit.
bool read_options(PyObject* given, Takes takes, Options& options);

// The product of logsumexp, softmax times one number per row, of rows with the classes side by side.
template <class E>
void logsumexp_product(const char* z, const char* upstream, void* out, Shape shape, double temperature) {
    const E *const g = reinterpret_cast<const E*>(upstream), T = E(temperature);
    E* const dz = static_cast<E*>(out);
    const int64_t rows_in_cache = std::max<int64_t>(1, (1 << 15) / shape.K);
    run(shape, shape.rows() * shape.K, [&](int64_t begin, int64_t end) {
        for (int64_t first = begin; first < end; first += rows_in_cache) {
            const int64_t last = std::min(end, first + rows_in_cache);
            kernels<E>().softmax({z, Storage::itself}, {dz, Storage::itself, false}, shape, first, last, temperature);
            for (int64_t i = first; i < last; ++i) {
                const E factor = g[i] / T;
                for (int64_t j = i * shape.K; j < (i + 1) * shape.K; ++j) dz[j] *= factor;
            }
        }
    });
}

// What a short call returns if it has computed nothing.
inline PyObject* none() { return Py_NewRef(Py_None); }

// An object of a named tuple with the entries of a tuple, by tuple.__new__(type, entries), which is faster than the
// constructor.
inline PyObject* named_tuple(PyObject* type, const nanobind::object& entries) {
    static const newfunc new_tuple = reinterpret_cast<newfunc>(PyType_GetSlot(&PyTuple_Type, Py_tp_new));
    const nanobind::object arguments = nanobind::make_tuple(entries);
    return new_tuple(reinterpret_cast<PyTypeObject*>(type), arguments.ptr(), nullptr);
}

// A Python function whose document is its signature, as "name(args, options, /)\n--\n\n". No exception of C++ leaves
// it.
template <PyObject* (*function)(PyObject* self, PyObject* const* given, Py_ssize_t count)>
PyMethodDef python_method(const char* name, const char* signature) {
    PyObject* (*const call)(PyObject*, PyObject* const*, Py_ssize_t) = [](PyObject* self, PyObject* const* given,
                                                                          Py_ssize_t count) -> PyObject* {
        try {
            return function(self, given, count);
        } catch (nanobind::python_error& error) {
            error.restore();
        } catch (const std::bad_alloc& error) {
            PyErr_SetString(PyExc_MemoryError, error.what());
        } catch (const std::exception& error) {
            PyErr_SetString(PyExc_RuntimeError, error.what());
        }
        return nullptr;
    };
    return {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(call)), METH_FASTCALL, signature};
}

template <PyObject* (*function)(PyObject* self, PyObject* args, PyObject* options)>
PyObject* with_options(PyObject* self, PyObject* const* given, Py_ssize_t count) {
    if (count != 2 || !PyTuple_Check(given[0]) || !PyDict_Check(given[1])) return none();
    return function(self, given[0], given[1]);
}

#define SOFTGRAD_SHORT(name, ...) python_method<with_options<__VA_ARGS__>>(name, name "(args, options, /)\n--\n\n")

// short_calls.cpp, short_losses.cpp, short_tokens.cpp and short_tensor*.cpp
void bind_short_calls(nanobind::module_& m);
void bind_short_losses(nanobind::module_& m);
void bind_short_tokens(nanobind::module_& m);
void bind_short_tensors(nanobind::module_& m);
void bind_short_tensor_losses(nanobind::module_& m);
void bind_short_tensor_tokens(nanobind::module_& m);

}  // namespace softgrad
