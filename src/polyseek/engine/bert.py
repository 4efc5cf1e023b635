"""BERT's encoder as an OpenVINO graph, in fp32 or int8.

Post-norm layers with exact GELU (arXiv:1810.04805). The word embeddings stay outside: they are
gathered from the memory-mapped table, so the graph of multilingual-e5-small has 21 M weights and
not 118 M, and compiles in half a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import openvino as ov
import openvino.opset13 as op

from polyseek.engine.int8 import LEVELS, Range, quantize_rows, zero_aligned

Node = Any
"""A node of the graph; OpenVINO's Python types do not name one base for all of them."""
MASKED = np.float32(-1e4)


@dataclass(frozen=True, slots=True)
class Shape:
    """The numbers of `config.json` that the graph needs."""

    hidden: int
    layers: int
    heads: int
    epsilon: float

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> Shape:
        """From a parsed config.json of a BERT model."""
        return cls(
            config["hidden_size"],
            config["num_hidden_layers"],
            config["num_attention_heads"],
            config["layer_norm_eps"],
        )


class Layers:
    """The parameterised operations, each a node from a tensor's name.

    With `int8` the weights are 8-bit; a product whose input has a calibrated range is 8-bit on
    both sides. `inputs` keeps each product's input by name, which calibration reads.
    """

    def __init__(
        self,
        tensors: Mapping[str, np.ndarray],
        shape: Shape,
        int8: bool,
        ranges: Mapping[str, Range],
    ) -> None:
        self.tensors = tensors
        self.shape = shape
        self.int8 = int8
        self.ranges = ranges
        self.inputs: dict[str, Node] = {}

    def tensor(self, name: str) -> np.ndarray:
        return np.asarray(self.tensors[name], np.float32)

    def quantized(self, x: Node, name: str) -> tuple[Node, Range | None]:
        """x (B, T, C) rounded to its calibrated levels, if it has them."""
        self.inputs[name] = x
        found = self.ranges.get(name) if self.int8 else None
        if found is None:
            return x, None
        low, high = zero_aligned(found.low, found.high)
        limits = [op.constant(np.float32(v)) for v in (low, high, low, high)]
        smooth = op.multiply(x, op.constant(found.scale.reshape(1, 1, -1)))
        return op.fake_quantize(smooth, *limits, LEVELS), found

    def linear(self, x: tuple[Node, Range | None], name: str) -> Node:
        """x Wᵀ + b."""
        node, found = x
        weight = self.tensor(f"{name}.weight")  # (out, in)
        if found is not None:
            weight = weight / found.scale
        matrix = op.constant(weight)
        if self.int8:
            rounded, scale = quantize_rows(weight)
            matrix = op.multiply(op.convert(op.constant(rounded), "f32"), op.constant(scale))
        bias = op.constant(self.tensor(f"{name}.bias").reshape(1, 1, -1))
        return op.add(op.matmul(node, matrix, False, True), bias)

    def norm(self, x: Node, name: str) -> Node:
        """Layer normalisation over the last axis."""
        axis = op.constant(np.array([-1], np.int64))
        unit = op.mvn(x, axis, True, self.shape.epsilon, "inside_sqrt")
        weight = op.constant(self.tensor(f"{name}.weight").reshape(1, 1, -1))
        bias = op.constant(self.tensor(f"{name}.bias").reshape(1, 1, -1))
        return op.add(op.multiply(unit, weight), bias)


def build(layers: Layers) -> ov.Model:
    """Word embeddings (B, T, H) and mask (B, T), float32 -> hidden states (B, T, H) float32."""
    words = op.parameter([-1, -1, layers.shape.hidden], np.float32, name="words")
    mask = op.parameter([-1, -1], np.float32, name="mask")
    broadcast = op.unsqueeze(mask, op.constant(np.array([1, 2], np.int64)))  # (B, 1, 1, T)
    hide = op.multiply(op.subtract(op.constant(np.float32(1)), broadcast), op.constant(MASKED))
    x = _embed(layers, words)
    for i in range(layers.shape.layers):
        x = _layer(layers, x, hide, f"encoder.layer.{i}")
    return ov.Model([op.result(x)], [words, mask], "bert")


def _embed(layers: Layers, words: Node) -> Node:
    zero, one = op.constant(np.int64(0)), op.constant(np.int64(1))
    length = op.gather(op.shape_of(words), one, zero)
    table = op.constant(layers.tensor("embeddings.position_embeddings.weight"))
    positions = op.gather(table, op.range(zero, length, one, "i64"), zero)  # (T, H)
    kind = layers.tensor("embeddings.token_type_embeddings.weight")[0]
    x = op.add(words, op.constant(kind.reshape(1, 1, -1)))
    return layers.norm(op.add(x, op.unsqueeze(positions, zero)), "embeddings.LayerNorm")


def _layer(layers: Layers, x: Node, hide: Node, name: str) -> Node:
    """One layer: attention, then the feed-forward network, each added to its input and normed."""
    context = _attention(layers, x, hide, f"{name}.attention")
    dense = layers.linear(context, f"{name}.attention.output.dense")
    x = layers.norm(op.add(x, dense), f"{name}.attention.output.LayerNorm")
    wide = layers.linear(layers.quantized(x, f"{name}.intermediate"), f"{name}.intermediate.dense")
    active = layers.quantized(op.gelu(wide, "erf"), f"{name}.output")
    dense = layers.linear(active, f"{name}.output.dense")
    return layers.norm(op.add(x, dense), f"{name}.output.LayerNorm")


def _attention(layers: Layers, x: Node, hide: Node, name: str) -> tuple[Node, Range | None]:
    """Multi-head attention over the tokens that `hide` does not mask, before the projection."""
    size = layers.shape.hidden // layers.shape.heads
    split = op.constant(np.array([0, 0, layers.shape.heads, size], np.int64))

    def heads(part: str, order: list[int]) -> Node:
        node = layers.linear(source, f"{name}.self.{part}")
        return op.transpose(op.reshape(node, split, True), op.constant(np.array(order, np.int64)))

    source = layers.quantized(x, f"{name}.self")
    query, key = heads("query", [0, 2, 1, 3]), heads("key", [0, 2, 3, 1])
    scores = op.multiply(op.matmul(query, key, False, False), op.constant(np.float32(size**-0.5)))
    weights = op.softmax(op.add(scores, hide), -1)  # (B, heads, T, T)
    mixed = op.matmul(weights, heads("value", [0, 2, 1, 3]), False, False)
    mixed = op.transpose(mixed, op.constant(np.array([0, 2, 1, 3], np.int64)))
    joined = op.constant(np.array([0, 0, layers.shape.hidden], np.int64))
    return layers.quantized(op.reshape(mixed, joined, True), f"{name}.output")
