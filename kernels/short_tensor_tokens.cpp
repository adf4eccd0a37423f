// The short way to the log-probabilities of tokens and the entropies, of tensors of torch on the CPU.
#include "short_tokens.hpp"
#include "torch_tensors.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace softgrad {
namespace {

// References that the tuple holds which is the self of the short call.
struct Tokens {
    PyObject *torch, *most, *likes, *differentiated, *result;

    explicit Tokens(PyObject* tuple) {
        PyObject** const members[] = {&torch, &most, &likes, &differentiated, &result};
        for (Py_ssize_t i = 0; i < PyTuple_Size(tuple); ++i) *members[i] = PyTuple_GetItem(tuple, i);
    }

    // A tensor of one number in what is computed, of these entries.
    PyObject* like(Entries entries) const { return PyTuple_GetItem(likes, entries == Entries::float64 ? 1 : 0); }
};

constexpr Entries computed(Entries entries) { return entries == Entries::float64 ? entries : Entries::float32; }

// The logits and the tokens of a call.
struct Rows : RowsWithTokens {
    Py_ssize_t lengths[most_axes], lengths_of_tokens[most_axes];

    bool read(const Torch& torch, PyObject* most, PyObject* logits, PyObject* given, const Options& options) {
        const std::optional<Array> x = read_tensor(torch, logits, lengths);
        if (!x || x->entries >= Entries::int32 || x->size >= PyLong_AsLongLong(most)) return false;
        const std::optional<Array> y = read_tensor(torch, given, lengths_of_tokens);
        return y && take(*x, *y, options.axis);
    }
};

// (log_probs, entropy) of (logits, tokens), by the type of the result.
PyObject* tokens_of_tensors(PyObject* self, PyObject* args, PyObject* given) {
    const Tokens call(self);
    const Torch torch(call.torch);
    Options options;
    Rows rows;
    if (PyTuple_Size(args) != 2 || !read_options(given, {.where = false, .ignore_index = true}, options) ||
        !torch.is_plain() ||
        !rows.read(torch, call.most, PyTuple_GetItem(args, 0), PyTuple_GetItem(args, 1), options)) {
        return declined();
    }
    PyObject* const logits = rows.z.object;
    const bool recorded = torch.records(logits);
    PyObject* const like = call.like(rows.z.entries);
    const nb::object log_probs = new_tensor_without(rows.z, rows.axis, like);
    const nb::object entropy = log_probs.is_valid() ? torch.new_tensor_like(log_probs.ptr()) : nb::object();
    const nb::object saved = recorded ? new_tensor(call.like(Entries::float64), nb::make_tuple(rows.tokens.size, 4))
                                      : nb::object(nb::none());
    if (!entropy.is_valid() || !saved.is_valid()) return declined();
    const std::unique_ptr<TokenRow[]> not_saved(recorded ? nullptr : new TokenRow[size_t(rows.tokens.size)]);
    const uintptr_t to_log_probs = address_of(torch, log_probs.ptr()), to_entropy = address_of(torch, entropy.ptr());
    TokenRow* const to_saved = recorded ? reinterpret_cast<TokenRow*>(address_of(torch, saved.ptr())) : not_saved.get();
    if (!to_log_probs || !to_entropy || !to_saved) return declined();
    with_entries(rows.z.entries, [&]<class E>(E, Storage stored) -> PyObject* {
        using T = Computed<E>;
        rows.values(stored, reinterpret_cast<T*>(to_log_probs), reinterpret_cast<T*>(to_entropy), to_saved,
                    options.temperature);
        return nullptr;
    });
    nb::object outputs = nb::make_tuple(log_probs, entropy);
    if (recorded) {
        const nb::object found = nb::make_tuple(log_probs, entropy, saved), axis = nb::int_(rows.axis),
                         temperature = nb::float_(options.temperature);
        outputs = nb::steal(PyObject_CallFunctionObjArgs(call.differentiated, logits, rows.tokens.object, axis.ptr(),
                                                         temperature.ptr(), Py_None, found.ptr(), nullptr));
        if (!outputs.is_valid()) return nullptr;
    }
    return named_tuple(call.result, outputs);
}

// The gradient at the logits, for (logits, tokens, saved, g, h); one of the upstream gradients may be None.
PyObject* product_with_tokens(PyObject* self, PyObject* args, PyObject* given) {
    const Tokens call(self);
    const Torch torch(call.torch);
    Options options;
    Rows rows;
    if (PyTuple_Size(args) != 5 || !read_options(given, {.where = false, .ignore_index = true}, options) ||
        !torch.is_plain_backward() ||
        !rows.read(torch, call.most, PyTuple_GetItem(args, 0), PyTuple_GetItem(args, 1), options)) {
        return declined();
    }
    Py_ssize_t lengths[most_axes];
    const std::optional<Array> saved = read_tensor(torch, PyTuple_GetItem(args, 2), lengths);
    if (!saved || saved->entries != Entries::float64 || saved->size != 4 * rows.tokens.size) return declined();
    nb::object dense[2];
    const char* upstream[2] = {nullptr, nullptr};
    for (Py_ssize_t i = 0; i < 2; ++i) {
        if (PyTuple_GetItem(args, 3 + i) == Py_None) continue;
        dense[i] = without_gaps(PyTuple_GetItem(args, 3 + i));
        const std::optional<Array> g = dense[i].is_valid() ? read_tensor(torch, dense[i].ptr(), lengths) : std::nullopt;
        if (!g || g->entries != computed(rows.z.entries) || !g->has_shape_without(rows.z, rows.axis)) return declined();
        upstream[i] = g->data;
    }
    const nb::object dz = torch.new_tensor_like(rows.z.object);
    const uintptr_t to = dz.is_valid() ? address_of(torch, dz.ptr()) : 0;
    if (!to) return declined();
    with_entries(rows.z.entries, [&]<class E>(E, Storage stored) -> PyObject* {
        rows.gradient<Computed<E>>(stored, reinterpret_cast<const TokenRow*>(saved->data), upstream,
                                   reinterpret_cast<void*>(to), options.temperature);
        return nullptr;
    });
    return nb::object(dz).release().ptr();
}

}  // namespace

void bind_short_tensor_tokens(nb::module_& m) {
    static PyMethodDef values = SOFTGRAD_SHORT("short_tensor_tokens", tokens_of_tensors),
                       product = SOFTGRAD_SHORT("short_tensor_tokens_vjp", product_with_tokens);
    m.def(
        "short_tensor_tokens",
        [](nb::tuple torch, nb::int_ most, nb::tuple likes, nb::callable differentiated, nb::handle result) {
            const nb::object self = nb::make_tuple(torch, most, likes, differentiated, result);
            return nb::steal(PyCFunction_NewEx(&values, self.ptr(), nullptr));
        },
        "torch"_a, "most"_a, "likes"_a, "differentiated"_a, "result"_a);
    m.def(
        "short_tensor_tokens_vjp",
        [](nb::tuple torch, nb::int_ most) {
            return nb::steal(PyCFunction_NewEx(&product, nb::make_tuple(torch, most).ptr(), nullptr));
        },
        "torch"_a, "most"_a);
}

}  // namespace softgrad
