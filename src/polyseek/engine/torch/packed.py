"""Texts of any lengths one behind another, without padding, and attention within each.

Everything but attention treats tokens alone, so a batch is one axis of N tokens. Attention needs
the borders: the kernel for sequences of different lengths takes them as they are (CUDA, 16 bits);
elsewhere texts of one length run together as a dense batch. Neither needs a mask, so a text cannot
be changed by what it runs with.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from polyseek.models.spec import Pooling

KERNEL_HEAD = 256
"""Widest head of the kernel."""


class Group(NamedTuple):
    """Texts of one length, which lie side by side."""

    start: int
    """Of the first, among the tokens."""
    texts: int
    length: int

    @property
    def tokens(self) -> slice:
        """Theirs."""
        return slice(self.start, self.start + self.texts * self.length)


@dataclass(frozen=True, slots=True)
class Packed:
    """B texts of N tokens together, the shortest first."""

    ids: Tensor
    """(N,) int64"""
    positions: Tensor
    """(N,) int64, in each text from 0."""
    borders: Tensor
    """(B + 1,) int32: where each text begins, and N."""
    longest: int
    groups: tuple[Group, ...]
    places: npt.NDArray[np.int64]
    """(B,): which row each text was."""

    def chosen(self, how: Pooling) -> Tensor:
        """Where the "first" or the "last" token of each text is: (B,) int64."""
        return (self.borders[:-1] if how == "first" else self.borders[1:] - 1).long()

    def pool(self, hidden: Tensor, how: Pooling) -> Tensor:
        """hidden (N, H) -> (B, H); a mean is taken in fp32."""
        if how != "mean":
            return hidden[self.chosen(how)]
        return torch.cat(
            [hidden[g.tokens].unflatten(0, (g.texts, -1)).float().mean(dim=1) for g in self.groups]
        )


def pack(rows: Sequence[Sequence[int]], device: torch.device) -> Packed:
    """Token ids of B texts, none of them empty."""
    order = sorted(range(len(rows)), key=lambda at: len(rows[at]))
    lengths = np.array([len(rows[at]) for at in order], np.int64)
    borders = np.concatenate([[0], np.cumsum(lengths)])
    ids = np.concatenate([np.asarray(rows[at], np.int64) for at in order])
    positions = np.arange(len(ids)) - np.repeat(borders[:-1], lengths)
    both = torch.from_numpy(np.stack([ids, positions])).to(device)  # (2, N)
    groups = []
    for length, texts in itertools.groupby(range(len(order)), key=lambda text: int(lengths[text])):
        members = list(texts)
        groups.append(Group(int(borders[members[0]]), len(members), length))
    return Packed(
        both[0],
        both[1],
        torch.from_numpy(borders.astype(np.int32)).to(device),
        int(lengths[-1]),
        tuple(groups),
        np.array(order),
    )


def attend(query: Tensor, key: Tensor, value: Tensor, packed: Packed, causal: bool) -> Tensor:
    """query (N, heads, d), key and value (N, KV heads, d) -> (N, heads, d).

    Each token attends to those of its text, with `causal` to those up to itself. A KV head serves
    as many heads as there are more of them (grouped-query attention, arXiv:2305.13245).
    """
    if has_kernel(query):
        from torch.nn.attention.varlen import varlen_attn

        mixed: Tensor = varlen_attn(
            query, key, value, packed.borders, packed.borders, packed.longest, packed.longest,
            window_size=(-1, 0) if causal else (-1, -1), enable_gqa=query.shape[1] != key.shape[1],
        )  # fmt: skip
        return mixed
    return torch.cat(
        [
            _dense(query[group.tokens], key[group.tokens], value[group.tokens], group, causal)
            for group in packed.groups
        ]
    )


def attend_once(query: Tensor, key: Tensor, value: Tensor, packed: Packed) -> Tensor:
    """One query a text, over all tokens of the text: query (B, heads, d) -> (B, heads, d)."""
    if has_kernel(query):
        from torch.nn.attention.varlen import varlen_attn

        each = torch.arange(len(query) + 1, dtype=torch.int32, device=query.device)
        mixed: Tensor = varlen_attn(
            query, key, value, each, packed.borders, 1, packed.longest,
            enable_gqa=query.shape[1] != key.shape[1],
        )  # fmt: skip
        return mixed
    parts, done = [], 0
    for group in packed.groups:
        mine = query[done : done + group.texts]
        parts.append(_dense(mine, key[group.tokens], value[group.tokens], group, causal=False))
        done += group.texts
    return torch.cat(parts)


def has_kernel(query: Tensor) -> bool:
    """Whether PyTorch has an attention kernel for packed texts of different lengths."""
    return bool(
        query.is_cuda
        and torch.version.hip is None
        and query.dtype in (torch.float16, torch.bfloat16)
        and query.shape[-1] <= KERNEL_HEAD
        and query.shape[-1] % 8 == 0
        and torch.cuda.get_device_capability(query.device) >= (8, 0)
    )


def _dense(query: Tensor, key: Tensor, value: Tensor, group: Group, causal: bool) -> Tensor:
    """The same for texts of one length."""

    def split(x: Tensor, heads: int) -> Tensor:
        x = x.unflatten(0, (group.texts, -1)).transpose(1, 2)  # (texts, own heads, T, d)
        return x if x.shape[1] == heads else x.repeat_interleave(heads // x.shape[1], dim=1)

    heads = query.shape[1]
    mixed = scaled_dot_product_attention(
        split(query, heads), split(key, heads), split(value, heads), is_causal=causal
    )
    return mixed.transpose(1, 2).flatten(0, 1)
