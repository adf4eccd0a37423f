"""Mistakes in how a backward pass of torch behaves, whatever its formula, and the words of other mistakes in torch."""

from __future__ import annotations

from softgrad.check.catalogue.entry import Entry

ENTRIES = (
    Entry(
        "wrong-number-of-gradients",
        "The backward pass returns a wrong number of gradients",
        "backward returns one value for each argument of forward, in their order: a gradient, or None where there is "
        "none. Arguments that are not tensors count too; ctx does not. torch raises an error otherwise.",
    ),
    Entry(
        "gradient-of-no-tensor",
        "A gradient stands where None belongs",
        "backward returns one value for each argument of forward, in their order. An argument that is no tensor, such "
        "as an axis or a flag, gets None. torch raises an error otherwise.",
    ),
    Entry(
        "missing-gradient",
        "An input that requires a gradient gets None",
        "The output depends on this input, and None says that it does not: an optimizer would never change it. Return "
        "its gradient, in the position of the argument.",
    ),
    Entry(
        "no-graph",
        "The output is cut off from its inputs",
        "torch recorded no graph, so that no gradient flows. Usual causes are .detach(), .data, .item(), torch.no_grad "
        "or torch.tensor(...) around a part of the forward pass, and an operator without register_autograd.",
    ),
    Entry(
        "upstream-layout",
        "The backward pass relies on the memory layout of the upstream gradient",
        "torch hands over gradients that are expanded, with stride 0, or transposed: out.sum().backward() does. Use "
        "reshape in place of view, or grad_output.contiguous() where memory is read directly.",
    ),
    Entry(
        "input-layout",
        "The result depends on the memory layout of an input",
        "A tensor that is transposed, sliced or expanded has the same entries as a contiguous one, in other places of "
        "memory. Use reshape in place of view, and call .contiguous() before memory is read directly or passed to a "
        "kernel.",
    ),
    Entry(
        "needs-input-grad",
        "A gradient depends on which other inputs require one",
        "A frozen weight or an input from a data loader requires no gradient, and the other gradients must stay the "
        "same. ctx.needs_input_grad[i] belongs to the i-th argument of forward after ctx. It decides whether that "
        "gradient is computed, and nothing else.",
    ),
    Entry(
        "unused-output",
        "The backward pass needs all outputs to be used",
        "Where an output is not used, its upstream gradient is zeros, or None after ctx.set_materialize_grads(False). "
        "The gradient is the sum of what flows back from each output.",
    ),
    Entry(
        "input-overwritten-by-forward",
        "The forward pass overwrites its input",
        "The caller's tensor has changed, and torch has not been told: other operations that saved it now see other "
        "numbers. Work on a clone. A function that is meant to work in place calls ctx.mark_dirty(x) and returns x.",
    ),
    Entry(
        "saved-tensor-overwritten",
        "The backward pass overwrites a saved tensor",
        "ctx.saved_tensors are the tensors themselves, not copies. A second backward pass with retain_graph=True, or "
        "another operation that saved the same tensor, sees other numbers. Work on a clone.",
    ),
    Entry(
        "second-backward-differs",
        "A second backward pass gives another gradient",
        "With retain_graph=True, torch calls backward again with the same ctx. What ctx holds must stay as the forward "
        "pass left it: do not change, delete or add to it.",
    ),
    Entry(
        "state-outside-ctx",
        "The backward pass uses what a later forward pass has replaced",
        "What backward needs is kept outside of ctx, on the class or in a global. A layer that is called twice before "
        "the backward pass then gets the values of its last call. Keep it with ctx.save_for_backward, or as an "
        "attribute of ctx.",
    ),
    Entry(
        "wrong-in-float32",
        "The gradient is wrong in float32",
        "In float64 it is another one, by more than the rounding of the inputs explains. Usual causes are a constant "
        "of another type, an eps that float32 cannot hold beside 1, such as 1e-12, and a difference of large numbers.",
    ),
)

# What is said of mistakes of the other files where the code is torch's: the words that differ, and those of torch.
IN_TORCH = {
    "write `x = x * 2` for `x *= 2`": "write `x = x * 2` for `x *= 2` or `x.mul_(2)`",
    "Work on a copy of it, as in `dx = dout.copy()`.": "Work on a copy of it, as in `dx = grad_output.clone()`.",
    "`np.zeros_like(x)`": "`torch.zeros_like(x)`",
    "Pass `dtype=float`.": "Pass `dtype=torch.float64`.",
    "np.clip, a maximum and a ReLU": "clamp, a maximum and a ReLU",
    "since NumPy adds only once for each index: use np.add.at(dW, ids, dy).": (
        "since torch adds only once for each index: use dW.index_add_(0, ids, dy)."
    ),
    "`np.add.at(d, index, g)` adds every time.": "`d.index_put_((index,), g, accumulate=True)` adds every time.",
    "np.flip(w, axis=(2, 3))": "w.flip((2, 3))",
    "@ or np.dot": "@ or torch.matmul",
    "With @ or np.dot": "With @ or torch.matmul",
    "keepdims=True": "keepdim=True",
    "NumPy lays": "torch lays",
    "p[np.arange(m), y]": "p[torch.arange(m), y]",
    "`np.mean` of a whole array and `.size` count": "`x.mean()` of a whole tensor and `.numel()` count",
}
