"""A graph of ONNX under construction. A value in it is a name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from softgrad._extras import needs

if TYPE_CHECKING:
    import onnx

ML = "ai.onnx.ml"
OPSETS = {"": 20, ML: 3}  # 20: the first with StringSplit
IR_VERSION = 9  # of the file format, the one of opset 20


class Graph:
    """Nodes and constants, each with a name of its own, beside the names that are taken by inputs and outputs."""

    def __init__(self, taken: Iterable[str]) -> None:
        with needs("export", "onnx", extra="onnx"):
            import onnx

        self._onnx = onnx
        self._taken = set(taken)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def op(
        self, kind: str, *inputs: str, output: str = "", others: int = 0, domain: str = "", **attributes: Any
    ) -> str:
        """Adds a node, and returns the name of its first output: `output`, or a new one. The others are not used."""
        name = output or self._new(kind)
        outputs = [name, *(self._new(kind) for _ in range(others))]
        node = self._onnx.helper.make_node(kind, inputs, outputs, name=f"node {name}", domain=domain, **attributes)
        self.nodes.append(node)
        return name

    def constant(self, value: Any) -> str:
        """Adds a constant: numbers, or texts."""
        array = np.asarray(value)
        name = self._new("constant")
        if array.dtype.kind == "U":
            array = array.astype(object)
        self.constants.append(self._onnx.numpy_helper.from_array(array, name))
        return name

    def cast(self, value: str, dtype: Any) -> str:
        """The numbers of `value` in another dtype."""
        return self.op("Cast", value, to=self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def model(self, inputs: dict[str, tuple[Any, int | None]], outputs: dict[str, tuple[Any, int | None]]) -> Any:
        """The model, from the dtype and the number of columns of each input and output; None: a vector."""
        helper = self._onnx.helper

        def described(values: dict[str, tuple[Any, int | None]]) -> list[Any]:
            return [
                helper.make_tensor_value_info(
                    name,
                    self._onnx.TensorProto.STRING if dtype is str else helper.np_dtype_to_tensor_dtype(np.dtype(dtype)),
                    ["rows"] if columns is None else ["rows", columns],
                )
                for name, (dtype, columns) in values.items()
            ]

        graph = helper.make_graph(self.nodes, "softgrad", described(inputs), described(outputs), self.constants)
        opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="softgrad")

    def _new(self, kind: str) -> str:
        number = len(self._taken)
        while (name := f"{kind} {number}") in self._taken:
            number += 1
        self._taken.add(name)
        return name
