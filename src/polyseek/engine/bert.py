"""BERT's encoder as an OpenVINO graph, in fp32 or int8; XLM-RoBERTa's too.

Post-norm layers with exact GELU (arXiv:1810.04805). XLM-RoBERTa (arXiv:1911.02116) differs in
where the positions begin. The word embeddings stay outside: they are gathered from the
memory-mapped table, so the graph of multilingual-e5-small has 21 M weights and not 118 M, and
compiles in half a second.
"""

from __future__ import annotations

import numpy as np
import openvino as ov
import openvino.opset13 as op

from polyseek.engine.int8 import Range
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
from polyseek.engine.shapes import BertShape


def build(layers: Layers, shape: BertShape, one: bool = False) -> ov.Model:
    """Word embeddings (B, T, H) and mask (B, T), float32 -> hidden states (B, T, H) float32.

    `one`: of each text only the token at `chosen` (B,) int64 is wanted -> (B, H); the others go
    no further than the last layer's attention.
    """
    words = op.parameter([-1, -1, shape.hidden], np.float32, name="words")
    mask = op.parameter([-1, -1], np.float32, name="mask")
    chosen = op.parameter([-1], np.int64, name="chosen")
    hide = op.multiply(op.subtract(number(1), op.unsqueeze(mask, ints(1, 2))), number(MASKED))
    x = _embed(layers, shape, words)
    for at in range(shape.layers):
        last = one and at == shape.layers - 1
        x = _layer(layers, shape, x, hide, f"encoder.layer.{at}", chosen if last else None)
    if one:
        return ov.Model([op.result(op.squeeze(x, ints(1)))], [words, mask, chosen], "bert")
    return ov.Model([op.result(x)], [words, mask], "bert")


def _embed(layers: Layers, shape: BertShape, words: Node) -> Node:
    first = shape.first_position
    end = op.add(length(words), whole(first))
    table = op.constant(layers.tensors.float32("embeddings.position_embeddings.weight"))
    places = op.range(whole(first), end, whole(1), "i64")
    positions = op.gather(table, places, whole(0))  # (T, H)
    kind = layers.tensors.float32("embeddings.token_type_embeddings.weight")[0]
    x = op.add(words, op.constant(kind.reshape(1, 1, -1)))
    x = op.add(x, op.unsqueeze(positions, whole(0)))
    return layers.layer_norm(x, "embeddings.LayerNorm", shape.epsilon)


def _layer(
    layers: Layers, shape: BertShape, x: Node, hide: Node, name: str, chosen: Node | None
) -> Node:
    """One layer: attention, then the feed-forward network, each added to its input and normed."""
    context = _attention(layers, shape, x, hide, f"{name}.attention")
    if chosen is not None:
        context, x = chosen_tokens(context, chosen), chosen_tokens(x, chosen)
    mixed = layers.quantized(context, f"{name}.attention.output")
    dense = layers.linear(mixed, f"{name}.attention.output.dense")
    x = layers.layer_norm(op.add(x, dense), f"{name}.attention.output.LayerNorm", shape.epsilon)
    wide = layers.linear(layers.quantized(x, f"{name}.intermediate"), f"{name}.intermediate.dense")
    active = layers.quantized(op.gelu(wide, "erf"), f"{name}.output")
    dense = layers.linear(active, f"{name}.output.dense")
    return layers.layer_norm(op.add(x, dense), f"{name}.output.LayerNorm", shape.epsilon)


def _attention(layers: Layers, shape: BertShape, x: Node, hide: Node, name: str) -> Node:
    """Multi-head attention (B, T, H) over the tokens that `hide` does not mask, before the
    projection."""
    size = shape.hidden // shape.heads

    def heads(part: str, *order: int) -> Node:
        node = layers.linear(source, f"{name}.self.{part}")
        return op.transpose(op.reshape(node, ints(0, 0, shape.heads, size), True), ints(*order))

    source: tuple[Node, Range | None] = layers.quantized(x, f"{name}.self")
    query, key = heads("query", 0, 2, 1, 3), heads("key", 0, 2, 3, 1)
    scores = op.multiply(op.matmul(query, key, False, False), number(size**-0.5))
    weights = op.softmax(op.add(scores, hide), -1)  # (B, heads, T, T)
    mixed = op.matmul(weights, heads("value", 0, 2, 1, 3), False, False)
    return op.reshape(op.transpose(mixed, ints(0, 2, 1, 3)), ints(0, 0, shape.hidden), True)
