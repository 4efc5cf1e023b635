"""Qwen3 as an embedding model: packed, causal, and in the last layer only what is pooled.

Pre-norm layers: RMS norm (arXiv:1910.07467), grouped-query attention (arXiv:2305.13245) whose
queries and keys are normed head by head before they are rotated (RoPE, arXiv:2104.09864), and a
SwiGLU network (arXiv:2002.05202); no bias anywhere. arXiv:2505.09388.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import linear, rms_norm, silu

from polyseek.engine.shapes import WORDS, Qwen3Shape
from polyseek.engine.torch.packed import Packed, attend, attend_once
from polyseek.engine.torch.weights import Weights
from polyseek.models.spec import Pooling

Turn = tuple[Tensor, Tensor]
"""Cosine (N, 1, d) and sine (N, 1, d / 2) of each token's position."""


class Qwen3:
    """Packed texts -> pooled vectors (B, H)."""

    def __init__(self, weights: Weights, shape: Qwen3Shape, pooling: Pooling) -> None:
        self.pooling = pooling
        self.shape = shape
        self.words = weights.stored(WORDS["qwen3"])  # (vocabulary, H), cast after the lookup
        self.norm = weights("norm.weight")
        self.layers = [Layer(weights, shape, f"layers.{at}") for at in range(shape.layers)]

    def __call__(self, packed: Packed) -> Tensor:
        x = self.words[packed.ids].to(self.norm.dtype)  # (N, H)
        turn = rotation(packed.positions, self.shape, x.dtype)
        *layers, last = self.layers
        for layer in layers:
            x = layer(x, packed, turn)
        if self.pooling == "last":
            return self._normed(last.of_last(x, packed, turn))
        return packed.pool(self._normed(last(x, packed, turn)), self.pooling)

    def _normed(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.norm.shape, self.norm, self.shape.epsilon)


class Layer:
    """One layer: attention, then the network, each added to its input."""

    def __init__(self, weights: Weights, shape: Qwen3Shape, name: str) -> None:
        self.shape = shape
        attention = f"{name}.self_attn"
        self.norm = weights(name, "input_layernorm.weight")
        # Queries, keys and values one below the other: ((heads + 2 KV heads) d, H).
        self.qkv = weights.joined(("q_proj", "k_proj", "v_proj"), attention, "weight")
        self.query_norm = weights(attention, "q_norm.weight")
        self.key_norm = weights(attention, "k_norm.weight")
        self.output = weights(attention, "o_proj.weight")
        self.network_norm = weights(name, "post_attention_layernorm.weight")
        self.gate_up = weights.joined(("gate_proj", "up_proj"), f"{name}.mlp", "weight")
        self.down = weights(f"{name}.mlp", "down_proj.weight")

    def __call__(self, x: Tensor, packed: Packed, turn: Turn) -> Tensor:
        """x (N, H) -> (N, H)."""
        heads, kv = self.shape.heads, self.shape.kv_heads
        joined = linear(self._normed(x, self.norm), self.qkv).unflatten(-1, (-1, self.shape.head))
        query, key, value = joined.split((heads, kv, kv), dim=1)  # (N, heads or KV heads, d)
        query = turned(self._normed(query, self.query_norm), turn)
        key = turned(self._normed(key, self.key_norm), turn)
        mixed = attend(query, key, value, packed, causal=True)
        return self._network(x + linear(mixed.flatten(1), self.output))

    def of_last(self, x: Tensor, packed: Packed, turn: Turn) -> Tensor:
        """x (N, H) -> (B, H): what the layer makes of the last token of each text. The others
        give their keys and values and no more."""
        last, kv = packed.chosen("last"), self.shape.kv_heads
        border = self.shape.heads * self.shape.head
        normed = self._normed(x, self.norm)
        query = linear(normed[last], self.qkv[:border]).unflatten(-1, (-1, self.shape.head))
        joined = linear(normed, self.qkv[border:]).unflatten(-1, (-1, self.shape.head))
        key, value = joined.split((kv, kv), dim=1)
        query = turned(self._normed(query, self.query_norm), (turn[0][last], turn[1][last]))
        key = turned(self._normed(key, self.key_norm), turn)
        mixed = attend_once(query, key, value, packed)
        return self._network(x[last] + linear(mixed.flatten(1), self.output))

    def _network(self, x: Tensor) -> Tensor:
        return x + linear(
            gated(linear(self._normed(x, self.network_norm), self.gate_up)), self.down
        )

    def _normed(self, x: Tensor, weight: Tensor) -> Tensor:
        return rms_norm(x, weight.shape, weight, self.shape.epsilon)


def gated(x: Tensor) -> Tensor:
    """Gates and what they let through, side by side (n, 2 F) -> (n, F)."""
    gate, up = x.chunk(2, dim=-1)
    return silu(gate) * up


def turned(x: Tensor, turn: Turn) -> Tensor:
    """Queries or keys x (n, heads, d) rotated: (x₁ cos - x₂ sin, x₂ cos + x₁ sin) for the halves
    of each head. Written so that little is stored in between: on a GPU that is what it costs."""
    cosine, sine = turn
    low, high = x.chunk(2, dim=-1)
    made = x * cosine
    first, second = made.chunk(2, dim=-1)
    first.addcmul_(high, sine, value=-1)
    second.addcmul_(low, sine)
    return made


def rotation(positions: Tensor, shape: Qwen3Shape, dtype: torch.dtype) -> Turn:
    """Of components i and i + d/2 by the angle position · theta^(-2i/d); angles in fp32."""
    steps = torch.arange(0, shape.head, 2, device=positions.device, dtype=torch.float32)
    angles = positions[:, None].float() * shape.theta ** -(steps / shape.head)  # (N, d / 2)
    cosine, sine = angles.cos()[:, None].to(dtype), angles.sin()[:, None].to(dtype)
    return torch.cat((cosine, cosine), dim=-1), sine
