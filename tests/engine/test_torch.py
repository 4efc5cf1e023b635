"""What is PyTorch's own: 16 bits, its kernel for packed texts, devices. The rest: test_backends."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from engine.conftest import Golden
from engine.tiny import CASES, off, tiny
from polyseek.engine.load import load
from polyseek.errors import ModelError
from polyseek.models.directory import spec_of
from polyseek.models.spec import Pooling

torch: Any = pytest.importorskip("torch")
if TYPE_CHECKING:
    from polyseek.engine.torch.forward import TorchForward


def forward(
    directory: Path, pooling: Pooling, precision: str = "fp32", device: str = "cpu"
) -> TorchForward:
    from polyseek.engine.torch.forward import TorchForward

    spec = replace(spec_of(directory), pooling=pooling)
    return TorchForward(directory, spec, precision, device)


def test_the_embedded_default_is_the_same_on_both_backends(
    model_directory: Path, golden: list[Golden]
) -> None:
    """So that a knowledge base made in fp32 on one is searched on the other."""
    embedder = load(directory=model_directory, backend="torch", device="cpu", precision="fp32")
    made = embedder.finish(embedder.run([each.ids for each in golden]))
    assert off(made, np.stack([each.vector for each in golden])) <= 1e-6
    other = load(directory=model_directory, backend="openvino", precision="fp32")
    assert embedder.fingerprint == other.fingerprint


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize(("name", "pooling"), CASES)
def test_sixteen_bits_are_near_it(name: str, pooling: Pooling, precision: str) -> None:
    golden = tiny(name, pooling)
    assert off(
        forward(golden.directory, pooling, precision).pooled(golden.rows), golden.vectors
    ) <= (1e-3 if precision == "bf16" else 2e-5)


def test_a_device_and_a_precision_that_are_not_there() -> None:
    directory = tiny("tiny-bert", "mean").directory
    for device in ("cuda:77", "abacus"):
        with pytest.raises(ModelError, match=rf"no device '{device}' here"):
            forward(directory, "mean", "fp32", device)
    with pytest.raises(ModelError, match="PyTorch computes fp32, bf16, fp16 and not 'int8'"):
        load(str(directory), backend="torch", device="cpu", precision="int8")


def by_borders(
    query: Any,  # noqa: ANN401 - Tensors, as the kernel takes them
    key: Any,  # noqa: ANN401
    value: Any,  # noqa: ANN401
    from_query: Any,  # noqa: ANN401
    from_key: Any,  # noqa: ANN401
    *longest: int,
    window_size: tuple[int, int] = (-1, -1),
    enable_gqa: bool = False,
) -> Any:  # noqa: ANN401
    """What PyTorch's kernel for texts of different lengths computes, a text at a time."""
    assert from_query.dtype == from_key.dtype == torch.int32
    made = []
    for at in range(len(from_query) - 1):
        q, k = slice(*from_query[at : at + 2].tolist()), slice(*from_key[at : at + 2].tolist())
        assert (q.stop - q.start <= longest[0]) and (k.stop - k.start <= longest[1])
        made.append(
            torch.nn.functional.scaled_dot_product_attention(
                *(x.transpose(0, 1) for x in (query[q], key[k], value[k])),
                is_causal=window_size == (-1, 0),
                enable_gqa=enable_gqa,
            ).transpose(0, 1)
        )
    return torch.cat(made)


@pytest.mark.parametrize(("name", "pooling"), CASES)
def test_the_kernel_of_a_gpu_is_asked_for_the_same(
    name: str, pooling: Pooling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On any machine: the kernel itself runs on a GPU only, and is written out above."""
    varlen = pytest.importorskip("torch.nn.attention.varlen")
    from polyseek.engine.torch import packed

    signature = inspect.signature(varlen.varlen_attn)
    calls: list[tuple[int, ...]] = []

    def called(*given: Any, **named: Any) -> Any:  # noqa: ANN401
        signature.bind(*given, **named)
        calls.append(given[5:7])
        return by_borders(*given, **named)

    monkeypatch.setattr(varlen, "varlen_attn", called)
    monkeypatch.setattr(packed, "has_kernel", lambda query: True)
    golden = tiny(name, pooling)
    made = forward(golden.directory, pooling).pooled(golden.rows)
    assert off(made, golden.vectors) <= 1e-6
    assert calls[0] == (40, 40)
    assert calls[-1] == ((40, 40) if pooling == "mean" else (1, 40))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(("name", "pooling"), CASES)
def test_a_gpu_gives_the_reference(name: str, pooling: Pooling, precision: str) -> None:
    golden = tiny(name, pooling)
    made = forward(golden.directory, pooling, precision, "cuda").pooled(golden.rows)
    assert off(made, golden.vectors) <= (1e-5 if precision == "fp32" else 2e-3)
