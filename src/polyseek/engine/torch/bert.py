"""BERT (arXiv:1810.04805) and XLM-RoBERTa (arXiv:1911.02116): packed, mean or first token.

Post-norm layers with exact GELU. The two differ in where the positions begin: XLM-RoBERTa's first
token has the one behind the padding's.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import gelu, layer_norm, linear

from polyseek.engine.shapes import WORDS, BertShape
from polyseek.engine.torch.packed import Packed, attend, attend_once
from polyseek.engine.torch.weights import Weights
from polyseek.models.spec import Pooling

PARTS = ("query", "key", "value")


class Bert:
    """Packed texts -> pooled vectors (B, H)."""

    def __init__(self, weights: Weights, shape: BertShape, pooling: Pooling) -> None:
        self.shape = shape
        self.pooling = pooling
        self.words = weights.stored(WORDS["bert"])  # (vocabulary, H), cast after the lookup
        positions = weights("embeddings.position_embeddings.weight")[shape.first_position :]
        # Every token is of the first kind.
        self.positions = positions + weights("embeddings.token_type_embeddings.weight")[0]
        self.norm = Norm(weights, "embeddings.LayerNorm", shape.epsilon)
        self.layers = [Layer(weights, shape, f"encoder.layer.{at}") for at in range(shape.layers)]

    def __call__(self, packed: Packed) -> Tensor:
        words = self.words[packed.ids].to(self.positions.dtype)
        x = self.norm(words + self.positions[packed.positions])  # (N, H)
        *layers, last = self.layers
        for layer in layers:
            x = layer(x, packed)
        if self.pooling == "mean":
            return packed.pool(last(x, packed), "mean")
        return last.of_one(x, packed, packed.chosen(self.pooling))


class Norm:
    """Layer normalisation over the last axis."""

    def __init__(self, weights: Weights, name: str, epsilon: float) -> None:
        self.weight, self.bias = weights(name, "weight"), weights(name, "bias")
        self.epsilon = epsilon

    def __call__(self, x: Tensor) -> Tensor:
        return layer_norm(x, self.weight.shape, self.weight, self.bias, self.epsilon)


class Layer:
    """One layer: attention, then the network, each added to its input and normed."""

    def __init__(self, weights: Weights, shape: BertShape, name: str) -> None:
        self.heads = shape.heads
        inner = f"{name}.attention.self"
        # Queries, keys and values one below the other: (3 H, H) and (3 H,).
        self.qkv = weights.joined(PARTS, inner, "weight"), weights.joined(PARTS, inner, "bias")
        self.output = _dense(weights, f"{name}.attention.output.dense")
        self.norm = Norm(weights, f"{name}.attention.output.LayerNorm", shape.epsilon)
        self.up = _dense(weights, f"{name}.intermediate.dense")
        self.down = _dense(weights, f"{name}.output.dense")
        self.network_norm = Norm(weights, f"{name}.output.LayerNorm", shape.epsilon)

    def __call__(self, x: Tensor, packed: Packed) -> Tensor:
        """x (N, H) -> (N, H)."""
        joined = linear(x, *self.qkv).unflatten(-1, (3, self.heads, -1))
        query, key, value = joined.unbind(dim=1)  # (N, heads, H / heads)
        mixed = attend(query, key, value, packed, causal=False)
        return self._network(x, mixed)

    def of_one(self, x: Tensor, packed: Packed, chosen: Tensor) -> Tensor:
        """x (N, H) -> (B, H): what the layer makes of one token of each text, at `chosen` (B,)."""
        weight, bias = self.qkv
        hidden = x.shape[1]
        query = linear(x[chosen], weight[:hidden], bias[:hidden]).unflatten(-1, (self.heads, -1))
        joined = linear(x, weight[hidden:], bias[hidden:]).unflatten(-1, (2, self.heads, -1))
        key, value = joined.unbind(dim=1)
        return self._network(x[chosen], attend_once(query, key, value, packed))

    def _network(self, x: Tensor, mixed: Tensor) -> Tensor:
        x = self.norm(x + linear(mixed.flatten(1), *self.output))
        return self.network_norm(x + linear(gelu(linear(x, *self.up)), *self.down))


def _dense(weights: Weights, name: str) -> tuple[Tensor, Tensor]:
    return weights(name, "weight"), weights(name, "bias")
