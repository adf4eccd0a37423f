// Tensors of torch on the CPU, read through the C functions of DLPack that torch offers. To read one as an array of
// NumPy takes longer than a small call. softgrad/torch/asked.py says what the short calls need of torch; nothing of
// torch is linked.
#pragma once

#include <nanobind/nanobind.h>

#include <optional>

#include "numpy_arrays.hpp"

namespace softgrad {

constexpr int64_t most_axes = 16;

// What a short call needs of torch; references that the tuple holds.
struct Torch {
    PyObject *tensor, *parameter, *dlpack, *idle, *forward_mode, *empty_like, *is_recorded, *keeps_graph;

    explicit Torch(PyObject* tuple);

    // Whether nothing transforms, traces or intercepts calls.
    bool is_plain() const;
    // Whether autograd records calls that it is differentiated at.
    bool records(PyObject* tensor) const;
    // Whether nothing does that to a backward pass, nor records it.
    bool is_plain_backward() const;
    // Whether another backward pass through the same graph may follow this one.
    bool may_follow() const;

    nanobind::object new_tensor_like(PyObject* tensor) const;
};

// The entries of a tensor as those of an array in C order; nothing unless they are on the CPU without gaps, in memory.
// `lengths` gets the shape.
std::optional<Array> read_tensor(const Torch& torch, PyObject* object, Py_ssize_t* lengths);

// The address of the entries of a new tensor, or 0.
uintptr_t address_of(const Torch& torch, PyObject* tensor);

// A new tensor in this shape, and in the dtype of another.
nanobind::object new_tensor(PyObject* like, const nanobind::object& shape);

// A new tensor in the shape of an array without one axis, and in the dtype of another tensor.
nanobind::object new_tensor_without(const Array& array, int64_t axis, PyObject* like);

// A tensor with the same entries that has no gaps: itself, if it has none.
nanobind::object without_gaps(PyObject* tensor);

// What a short call on tensors returns if it has computed nothing: an error of torch is not that of the call.
PyObject* declined();

}  // namespace softgrad
