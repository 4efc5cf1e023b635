"""Qwen3 as an embedding model, as an OpenVINO graph in fp32 or int8.

Pre-norm layers: RMS norm (arXiv:1910.07467), grouped-query attention (arXiv:2305.13245) whose
queries and keys are normed head by head before they are rotated (RoPE, arXiv:2104.09864), and a
SwiGLU network (arXiv:2002.05202); no bias anywhere. arXiv:2505.09388.

Always causal: no token sees a later one, so texts that are padded on the right need no mask of
the padding.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import openvino as ov
import openvino.opset13 as op

from polyseek.engine.layers import (
    MASKED,
    Layers,
    Node,
    chosen_tokens,
    ints,
    length,
    number,
    whole,
)
from polyseek.engine.shapes import Qwen3Shape

LAST = 2**31 - 1
"""Stands for the end of an axis, as OpenVINO's fused rotation wants it."""


class Order(NamedTuple):
    """What the places of the tokens mean for attention; the same in every layer."""

    cosine: Node
    """(1, 1, T, d)"""
    sine: Node
    """(1, 1, T, d)"""
    hide: Node
    """(1, 1, T, T): MASKED where a token would see a later one, else 0."""


def build(layers: Layers, shape: Qwen3Shape, one: bool = False) -> ov.Model:
    """Word embeddings (B, T, H) float32 -> hidden states (B, T, H) float32.

    `one`: of each text only the token at `chosen` (B,) int64 is wanted -> (B, H); the others go
    no further than the last layer's attention.
    """
    words = op.parameter([-1, -1, shape.hidden], np.float32, name="words")
    chosen = op.parameter([-1], np.int64, name="chosen")
    order = _order(words, shape)
    x = words
    for at in range(shape.layers):
        last = one and at == shape.layers - 1
        x = _layer(layers, shape, x, order, f"layers.{at}", chosen if last else None)
    x = layers.rms_norm(x, "norm", shape.epsilon)
    if one:
        return ov.Model([op.result(op.squeeze(x, ints(1)))], [words, chosen], "qwen3")
    return ov.Model([op.result(x)], [words], "qwen3")


def _order(words: Node, shape: Qwen3Shape) -> Order:
    """Component i and i + d/2 of a head turn by the angle position · theta^(-2i/d)."""
    places = op.range(whole(0), length(words), whole(1), "i64")  # (T,)
    steps = shape.theta ** -(np.arange(0, shape.head, 2, dtype=np.float32) / shape.head)
    turns = op.constant(steps.astype(np.float32)[None])
    angles = op.multiply(op.unsqueeze(op.convert(places, "f32"), ints(1)), turns)  # (T, d / 2)
    cosine, sine = op.cos(angles), op.sin(angles)
    later = op.greater(op.unsqueeze(places, ints(0)), op.unsqueeze(places, ints(1)))  # (T, T)
    return Order(
        op.unsqueeze(op.concat([cosine, cosine], 1), ints(0, 1)),
        op.unsqueeze(op.concat([sine, sine], 1), ints(0, 1)),
        op.unsqueeze(op.select(later, number(MASKED), number(0)), ints(0, 1)),
    )


def _layer(
    layers: Layers, shape: Qwen3Shape, x: Node, order: Order, name: str, chosen: Node | None
) -> Node:
    """One layer: attention, then the network, each added to its input."""
    mixed = _attention(layers, shape, x, order, name)
    if chosen is not None:
        mixed, x = chosen_tokens(mixed, chosen), chosen_tokens(x, chosen)
    x = op.add(x, _product(layers, mixed, f"{name}.self_attn.o_proj"))
    normed = layers.rms_norm(x, f"{name}.post_attention_layernorm", shape.epsilon)
    gate = op.swish(_product(layers, normed, f"{name}.mlp.gate_proj"))
    wide = op.multiply(gate, _product(layers, normed, f"{name}.mlp.up_proj"))
    return op.add(x, _product(layers, wide, f"{name}.mlp.down_proj"))


def _attention(layers: Layers, shape: Qwen3Shape, x: Node, order: Order, name: str) -> Node:
    """Causal attention (B, T, heads · d), before the projection."""
    normed = layers.rms_norm(x, f"{name}.input_layernorm", shape.epsilon)

    def heads(part: str, count: int) -> Node:
        split = ints(0, 0, count, shape.head)
        return op.reshape(_product(layers, normed, f"{name}.self_attn.{part}_proj"), split, True)

    def turned(part: str, count: int) -> Node:
        unit = layers.rms_norm(heads(part, count), f"{name}.self_attn.{part}_norm", shape.epsilon)
        head = op.transpose(unit, ints(0, 2, 1, 3))  # (B, count, T, d)
        half = shape.head // 2
        low, high = _cut(head, ints(0), ints(half), 3), _cut(head, ints(half), ints(LAST), 3)
        other = op.concat([op.multiply(high, number(-1)), low], -1)
        return op.add(op.multiply(head, order.cosine), op.multiply(other, order.sine))

    query, key = turned("q", shape.heads), turned("k", shape.kv_heads)
    value = op.transpose(heads("v", shape.kv_heads), ints(0, 2, 1, 3))
    key, value = _repeated(key, shape), _repeated(value, shape)
    mixed = op.scaled_dot_product_attention(query, key, value, order.hide)
    joined = ints(0, 0, shape.heads * shape.head)
    return op.reshape(op.transpose(mixed, ints(0, 2, 1, 3)), joined, True)


def _cut(x: Node, start: Node, end: Node, axis: int) -> Node:
    return op.slice(x, start, end, ints(1), ints(axis))


def _repeated(x: Node, shape: Qwen3Shape) -> Node:
    """Keys or values (B, KV heads, T, d) -> (B, heads, T, d): each for its group of queries."""
    group = shape.heads // shape.kv_heads
    apart = op.unsqueeze(x, ints(2))  # (B, KV heads, 1, T, d)
    sizes = op.shape_of(x)
    front, back = (op.gather(sizes, ints(*at), whole(0)) for at in ((0, 1), (2, 3)))
    copies = op.broadcast(apart, op.concat([front, ints(group), back], 0))
    return op.reshape(copies, ints(0, shape.heads, -1, shape.head), True)


def _product(layers: Layers, x: Node, name: str) -> Node:
    return layers.linear((x, None), name, bias=False)
