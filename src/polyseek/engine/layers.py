"""The parameterised operations of an OpenVINO graph, each a node from a tensor's name.

Weights go into the graph as the files have them, mapped and not copied: OpenVINO widens 16 bits
while it packs them, so there is never a second copy in 32.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import openvino as ov
import openvino.opset13 as op

from polyseek.engine.int8 import LEVELS, Range, quantize_rows, zero_aligned
from polyseek.engine.int8_cache import LEVELS_OF, SCALES_OF
from polyseek.models.tensors import Stored, Tensors

Node = Any
"""A node of the graph; OpenVINO's Python types do not name one base for all of them."""
MASKED = -1e4
"""Added to the attention score of a token that is not to be seen: its weight becomes 0."""
TYPES = {"BF16": ov.Type.bf16, "F16": ov.Type.f16, "F32": ov.Type.f32, "I8": ov.Type.i8}


def ints(*values: int) -> Node:
    """A constant (len(values),) int64: axes, sizes, an order."""
    return op.constant(np.array(values, np.int64))


def number(value: float) -> Node:
    """A scalar constant, float32."""
    return op.constant(np.float32(value))


def whole(value: int) -> Node:
    """A scalar constant, int64."""
    return op.constant(np.int64(value))


def length(x: Node) -> Node:
    """T of x (B, T, ...), a scalar int64."""
    return op.gather(op.shape_of(x), whole(1), whole(0))


def chosen_tokens(x: Node, chosen: Node) -> Node:
    """x (B, T, C) and chosen (B,) int64, a position in each text -> (B, 1, C)."""
    return op.gather(x, op.unsqueeze(chosen, ints(1)), whole(1), 1)


class Layers:
    """The operations over one model's tensors.

    Products are in fp32; or with 8-bit weights, those `rounded` beforehand or else rounded here;
    or, where `int8` and the input has a calibrated range, in 8 bits on both sides. `inputs` keeps
    each product's input by name, which calibration reads.
    """

    def __init__(
        self,
        tensors: Tensors,
        int8: bool = False,
        ranges: Mapping[str, Range] | None = None,
        rounded: Tensors | None = None,
    ) -> None:
        self.tensors = tensors
        self.int8 = int8
        self.ranges = ranges or {}
        self.rounded = rounded
        self.inputs: dict[str, Node] = {}

    def quantized(self, x: Node, name: str) -> tuple[Node, Range | None]:
        """x (B, T, C) rounded to its calibrated levels, if it has them."""
        self.inputs[name] = x
        found = self.ranges.get(name) if self.int8 else None
        if found is None:
            return x, None
        low, high = zero_aligned(found.low, found.high)
        limits = [number(v) for v in (low, high, low, high)]
        smooth = op.multiply(x, op.constant(found.scale.reshape(1, 1, -1)))
        return op.fake_quantize(smooth, *limits, LEVELS), found

    def linear(self, x: tuple[Node, Range | None], name: str, bias: bool = True) -> Node:
        """x Wᵀ + b."""
        node, found = x
        made = op.matmul(node, self._matrix(f"{name}.weight", found), False, True)
        return op.add(made, self._row(f"{name}.bias")) if bias else made

    def layer_norm(self, x: Node, name: str, epsilon: float) -> Node:
        """Layer normalisation over the last axis (arXiv:1607.06450)."""
        unit = op.mvn(x, ints(-1), True, epsilon, "inside_sqrt")
        return op.add(op.multiply(unit, self._row(f"{name}.weight")), self._row(f"{name}.bias"))

    def rms_norm(self, x: Node, name: str, epsilon: float) -> Node:
        """x / sqrt(mean(x²) + epsilon) over the last axis, scaled (arXiv:1910.07467)."""
        square = op.reduce_mean(op.power(x, number(2)), ints(-1), True)
        unit = op.multiply(x, op.divide(number(1), op.sqrt(op.add(square, number(epsilon)))))
        return op.multiply(unit, op.constant(self.tensors.float32(f"{name}.weight")))

    def _row(self, name: str) -> Node:
        """A vector as (1, 1, C)."""
        return op.constant(self.tensors.float32(name).reshape(1, 1, -1))

    def _matrix(self, name: str, found: Range | None) -> Node:
        """Weights (out, in) as float32, whatever they are kept in."""
        if not self.int8:
            return _constant(self.tensors.stored(name))
        if found is None and self.rounded is not None:
            levels = _constant(self.rounded.stored(name + LEVELS_OF))
            scale = _constant(self.rounded.stored(name + SCALES_OF))
        else:
            weight = self.tensors.float32(name)
            rounded = quantize_rows(weight if found is None else weight / found.scale)
            levels, scale = op.convert(op.constant(rounded[0]), "f32"), op.constant(rounded[1])
        return op.multiply(levels, scale)


def _constant(stored: Stored) -> Node:
    """A tensor as float32, kept as it is stored and where it is mapped."""
    data = stored.data
    tensor = ov.Tensor(data, data.shape, TYPES[stored.kind])
    node = op.constant(tensor, shared_memory=True)
    return node if stored.kind == "F32" else op.convert(node, "f32")
