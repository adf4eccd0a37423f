// The short way to the log-probabilities of tokens, of arrays of float32 and float64 without a row to leave out.
#include "short_tokens.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace softgrad {
namespace {

// The logits and the tokens of a call.
struct Rows : RowsWithTokens {
    Options options;

    bool read(PyObject* args, PyObject* given) {
        if (!read_options(given, {.where = false, .ignore_index = true}, options)) return false;
        const std::optional<Array> x = read_array(PyTuple_GetItem(args, 0)), y = read_array(PyTuple_GetItem(args, 1));
        if (!x || !y || !x->in_c_order || !y->in_c_order) return false;
        if (x->entries != Entries::float32 && x->entries != Entries::float64) return false;
        return take(*x, *y, options.axis);
    }
};

template <class T> T* entries_of(const Array& array) { return reinterpret_cast<T*>(array.data); }

// Calls with(T{}) for the entries of the logits.
template <class With> void computed_in(const Rows& rows, With with) {
    rows.z.entries == Entries::float64 ? with(double{}) : with(float{});
}

PyObject* token_log_probs(PyObject* result, PyObject* args, PyObject* given) {
    Rows rows;
    if (PyTuple_Size(args) != 2 || !rows.read(args, given)) return none();
    nb::object values[2];
    Array out[2];
    for (int i = 0; i < 2; ++i) {
        values[i] = nb::steal(new_array_without(rows.z, rows.axis));
        const std::optional<Array> array = values[i].is_valid() ? read_array(values[i].ptr()) : std::nullopt;
        if (!array) return none();
        out[i] = *array;
    }
    const std::unique_ptr<TokenRow[]> saved(new TokenRow[size_t(rows.tokens.size)]);
    computed_in(rows, [&]<class T>(T) {
        rows.values(Storage::itself, entries_of<T>(out[0]), entries_of<T>(out[1]), saved.get(),
                    rows.options.temperature);
    });
    for (nb::object& value : values) {
        value = nb::steal(or_scalar(value.release().ptr()));
        if (!value.is_valid()) return none();
    }
    return named_tuple(result, nb::make_tuple(values[0], values[1]));
}

PyObject* token_log_probs_vjp(PyObject*, PyObject* args, PyObject* given) {
    Rows rows;
    const Py_ssize_t count = PyTuple_Size(args);
    if (count < 3 || count > 4 || !rows.read(args, given)) return none();
    const char* upstream[2] = {nullptr, nullptr};
    for (Py_ssize_t i = 2; i < count; ++i) {
        if (PyTuple_GetItem(args, i) == Py_None) continue;
        const std::optional<Array> g = read_array(PyTuple_GetItem(args, i));
        if (!g || g->entries != rows.z.entries || !g->in_c_order || !g->has_shape_without(rows.z, rows.axis))
            return none();
        upstream[i - 2] = g->data;
    }
    nb::object dz = nb::steal(new_array_like(rows.z));
    const std::optional<Array> out = dz.is_valid() ? read_array(dz.ptr()) : std::nullopt;
    if (!out || (!upstream[0] && !upstream[1])) return none();
    computed_in(rows, [&]<class T>(T) {
        const size_t N = size_t(rows.tokens.size);
        const std::unique_ptr<T[]> unused(new T[2 * N]);
        const std::unique_ptr<TokenRow[]> saved(new TokenRow[N]);
        rows.values(Storage::itself, unused.get(), unused.get() + N, saved.get(), rows.options.temperature);
        rows.gradient<T>(Storage::itself, saved.get(), upstream, out->data, rows.options.temperature);
    });
    return dz.release().ptr();
}

}  // namespace

void bind_short_tokens(nb::module_& m) {
    static PyMethodDef values = SOFTGRAD_SHORT("short_token_log_probs", token_log_probs),
                       product = SOFTGRAD_SHORT("short_token_log_probs_vjp", token_log_probs_vjp);
    m.def(
        "short_token_log_probs",
        [](nb::handle result) { return nb::steal(PyCFunction_NewEx(&values, result.ptr(), nullptr)); }, "result"_a);
    m.attr(product.ml_name) = nb::steal(PyCFunction_NewEx(&product, nullptr, m.attr("__name__").ptr()));
}

}  // namespace softgrad
