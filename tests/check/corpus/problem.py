"""A case by its arrays: the inputs of a case and its gradients may be dicts and tuples, and differences want arrays."""

import copy

import numpy as np


def leaves(tree):
    """The arrays in a tuple, a dict or an array alone, by where they stand; None has none."""
    if isinstance(tree, dict):
        return {(key, *rest): leaf for key, value in tree.items() for rest, leaf in leaves(value).items()}
    if isinstance(tree, tuple | list):
        return leaves(dict(enumerate(tree)))
    return {} if tree is None else {(): np.asarray(tree)}


def with_leaves(tree, arrays, place=()):
    """`tree` with those of its arrays replaced that `arrays` has, by where they stand."""
    if isinstance(tree, dict):
        return {key: with_leaves(value, arrays, (*place, key)) for key, value in tree.items()}
    if isinstance(tree, tuple):
        return tuple(with_leaves(value, arrays, (*place, i)) for i, value in enumerate(tree))
    return arrays.get(place, tree)


class Problem:
    """A case, made; its functions as functions of arrays."""

    def __init__(self, case, seed=0):
        self.case = case
        rng = np.random.default_rng(seed)
        self.forward, self.backward, self.inputs = case.make(rng)
        inputs = copy.deepcopy(self.inputs)
        output = self.forward(*copy.deepcopy(inputs))
        self.upstream = rng.normal(size=np.shape(output)) if case.kind == "vjp" else np.float64(1)
        self.gradients = self.gradients_at(inputs, output, self.upstream.copy())
        # the inputs that have a gradient, in float64
        self.arrays = {place: leaves(self.inputs)[place].astype(float) for place in self.gradients}
        self.forward, self.backward, _ = case.make(np.random.default_rng(seed))  # nobody has called these

    def gradients_at(self, inputs, output, upstream):
        """By where their inputs stand; `output` has just been computed from `inputs`. A loss's has no upstream."""
        if self.case.kind == "vjp":
            got = self.backward(*inputs, output, upstream)
            return leaves(got if isinstance(got, tuple) else (got,))
        wrt, got = self.case.options.get("wrt", 0), self.backward(*inputs)
        return leaves(dict(zip(wrt, got, strict=True)) if isinstance(wrt, tuple) else {wrt: got})

    def inputs_at(self, arrays):
        """A copy of the inputs, with these arrays in it."""
        return copy.deepcopy(with_leaves(self.inputs, arrays))

    def value(self):
        """A scalar of `arrays`: the output in the direction of `upstream`."""
        return np.sum(self.upstream * self.forward(*self.inputs_at(self.arrays)), dtype=float)
