#!/usr/bin/env python3
"""Qwen3-Embedding-0.6B on a GPU: is the packed forward right, and how fast is it?

    python benchmarks/gpu/embed.py             on a machine with a GPU, in a few minutes
    python benchmarks/gpu/embed.py --tiny      a smoke test anywhere, in seconds

It needs torch, transformers and this repository, and nothing from outside: the weights are random,
of the true shape. Rates count what is computed, not what a card's data sheet says: the fraction is
that of a large product of matrices in bf16, measured in the same run.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import statistics
import sys
import tempfile
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

SOURCE = Path(__file__).resolve().parents[2] / "src" / "polyseek"
OUT = Path(__file__).resolve().parents[1] / "results" / "gpu-embed.json"
# The package without its __init__, whose dependencies a bare machine has not.
package = types.ModuleType("polyseek")
package.__path__ = [str(SOURCE)]
sys.modules.setdefault("polyseek", package)

from polyseek.engine.torch import qwen3  # noqa: E402
from polyseek.engine.torch.forward import TorchForward  # noqa: E402
from polyseek.models.spec import find_spec  # noqa: E402

TRUE = {
    "hidden_size": 1024,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "intermediate_size": 3072,
    "vocab_size": 151_669,
    "max_position_embeddings": 32_768,
    "rms_norm_eps": 1e-6,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6},
    "tie_word_embeddings": True,
}
TINY = {
    **TRUE,
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "intermediate_size": 128,
    "vocab_size": 500,
}
RANDOM = np.random.default_rng(0)
Rows = list[list[int]]
Embed = Callable[[Rows], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--tiny", action="store_true", help="a tiny model, for a smoke test")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement")
    asked = parser.parse_args()
    if asked.device == "cpu" and not asked.tiny:
        raise SystemExit("no GPU here; --tiny runs a smoke test on the CPU")
    config = TINY if asked.tiny else TRUE
    seconds = 0.2 if asked.tiny else asked.seconds
    with tempfile.TemporaryDirectory() as made:
        told = {
            "machine": machine(asked.device),
            "settings": {**vars(asked), "config": config},
            "figures": measure(Path(made), config, asked.device, seconds, tiny=asked.tiny),
        }
    print(json.dumps(told, indent=1))
    if not asked.tiny:
        OUT.write_text(json.dumps(told, indent=1) + "\n")


def measure(
    directory: Path, config: dict[str, Any], device: str, seconds: float, *, tiny: bool
) -> dict[str, Any]:
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.manual_seed(0)
    theirs = transformers.Qwen3Model(transformers.Qwen3Config(**config)).eval().to(device)
    theirs.to(torch.bfloat16).save_pretrained(directory)
    began = time.perf_counter()
    ours = TorchForward(directory, find_spec("Qwen3-Embedding-0.6B"), "bf16", device)
    ours.pooled([[1, 2, 3]])
    figures: dict[str, Any] = {"load_s": round(time.perf_counter() - began, 2)}
    figures["exactness"] = exactness(directory, theirs, ours, config, device)
    print(figures["exactness"], flush=True)
    rate = matmul_rate(device, 512 if tiny else 8192, seconds)
    figures["matmul_tflops"] = round(rate / 1e12, 1)
    engines = {"polyseek": (ours.pooled, (ours.batch_tokens // (8 if tiny else 1),))}
    engines["transformers"] = (beside(theirs, device), (8192, 32_768) if not tiny else (2048,))
    if importlib.util.find_spec("sentence_transformers"):
        embed = sentences(directory, config, device)
        engines["sentence-transformers"] = (embed, (8192, 32_768) if not tiny else (2048,))
    figures["speed"] = {
        length: speeds(engines, config, length, rate, seconds)
        for length in ((16, 48) if tiny else (32, 128, 512, 2048))
    }
    figures["compiled"] = compiled(ours, config, rate, seconds, 48 if tiny else 512)
    return figures


def exactness(
    directory: Path,
    theirs: transformers.Qwen3Model,
    ours: TorchForward,
    config: dict[str, Any],
    device: str,
) -> dict[str, dict[str, float]]:
    """1 - cosine of texts of many lengths to transformers in fp32 with the same weights. Ours in
    bf16 must be hardly further off than theirs in bf16."""
    lengths = (1, 2, 17, 64, 64, 129, 256, min(1024, 8 * config["hidden_size"]))
    rows = [drawn(length, config) for _ in range(4) for length in lengths]
    exact = transformers.Qwen3Model.from_pretrained(directory, dtype=torch.float32).to(device)
    truth = np.concatenate([beside(exact, device)([row]) for row in rows])
    spec = find_spec("Qwen3-Embedding-0.6B")
    made = {
        "polyseek fp32": TorchForward(directory, spec, "fp32", device).pooled(rows),
        "polyseek bf16": ours.pooled(rows),
        "transformers bf16": np.concatenate([beside(theirs, device)([row]) for row in rows]),
    }
    found = {name: off(vectors, truth) for name, vectors in made.items()}
    alone = np.concatenate([ours.pooled([row]) for row in rows])
    found["polyseek bf16, alone and together"] = off(made["polyseek bf16"], alone)
    assert found["polyseek fp32"].max() <= 1e-5, found
    assert found["polyseek bf16"].mean() <= 1.5 * found["transformers bf16"].mean(), found
    return {
        name: {"mean": float(f"{each.mean():.3g}"), "worst": float(f"{each.max():.3g}")}
        for name, each in found.items()
    }


def speeds(
    engines: dict[str, tuple[Embed, tuple[int, ...]]],
    config: dict[str, Any],
    length: int,
    rate: float,
    seconds: float,
) -> dict[str, Any]:
    """Texts a second of each engine, with the budget of tokens a batch that is best for it."""
    found = {}
    for name, (embed, budgets) in engines.items():
        best = max(texts_a_second(embed, config, length, b, seconds) for b in budgets)
        share = best * operations(config, length) / rate
        found[name] = {"texts_per_s": round(best, 1), "of_matmul": round(share, 3)}
        print(length, name, found[name], flush=True)
    return found


def compiled(
    ours: TorchForward, config: dict[str, Any], rate: float, seconds: float, length: int
) -> dict[str, Any] | str:
    """The same with rotation and gate as one kernel each, by torch.compile, where it works."""
    kept = qwen3.turned, qwen3.gated
    qwen3.turned, qwen3.gated = (torch.compile(each, dynamic=True) for each in kept)
    try:
        budget = ours.batch_tokens if length > 100 else 2048
        best = texts_a_second(ours.pooled, config, length, budget, seconds)
        share = best * operations(config, length) / rate
        return {"length": length, "texts_per_s": round(best, 1), "of_matmul": round(share, 3)}
    except Exception as error:  # a compiler may be missing, and says so in its own ways
        return f"not to be had here: {type(error).__name__}"
    finally:
        qwen3.turned, qwen3.gated = kept


def texts_a_second(
    embed: Embed, config: dict[str, Any], length: int, budget: int, seconds: float
) -> float:
    rows = [drawn(length, config) for _ in range(max(1, budget // length))]
    for _ in range(2):
        embed(rows)
    took, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or not took:
        began = time.perf_counter()
        embed(rows)  # gives NumPy's arrays, so it waits for the device
        took.append(time.perf_counter() - began)
    return len(rows) / statistics.median(took)


def operations(config: dict[str, Any], length: int) -> float:
    """Floating-point operations of a text as polyseek computes it: 2 for each weight of a product,
    half of each square of scores, and of the last layer keys and values and one token."""
    hidden, head = config["hidden_size"], config["head_dim"]
    wide, narrow = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    rest = 2 * wide * hidden + 3 * hidden * config["intermediate_size"]
    keys = 2 * narrow * hidden
    whole = 2 * length * (rest + keys) + 2 * length**2 * wide
    last = 2 * length * keys + 2 * rest + 4 * length * wide
    return (config["num_hidden_layers"] - 1) * whole + last


def matmul_rate(device: str, size: int, seconds: float) -> float:
    """Operations a second of one large product in bf16."""
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    took, end = [], time.perf_counter() + min(seconds, 3)
    while time.perf_counter() < end or len(took) < 3:
        synchronize(device)
        began = time.perf_counter()
        for _ in range(10):
            a @ b
        synchronize(device)
        took.append((time.perf_counter() - began) / 10)
    return 2 * size**3 / statistics.median(took)


def beside(model: transformers.Qwen3Model, device: str) -> Embed:
    """transformers with scaled_dot_product_attention; rows of one length, so nothing is padded."""

    def embed(rows: Rows) -> np.ndarray:
        with torch.inference_mode():
            ids = torch.tensor(rows, device=device)
            hidden = model(input_ids=ids, use_cache=False).last_hidden_state
            return hidden[:, -1].float().cpu().numpy()

    return embed


def sentences(directory: Path, config: dict[str, Any], device: str) -> Embed:
    """sentence-transformers, with a tokenizer of words t0, t1, …: it takes no ids."""
    import sentence_transformers as st
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = Tokenizer(models.WordLevel({f"t{i}": i for i in range(config["vocab_size"])}, "t0"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="t0", padding_side="left", model_max_length=32_768
    )
    fast.save_pretrained(directory)
    first = st.models.Transformer(str(directory), model_args={"dtype": torch.bfloat16})
    pooling = st.models.Pooling(config["hidden_size"], pooling_mode="lasttoken")
    model = st.SentenceTransformer(modules=[first, pooling], device=device)

    def embed(rows: Rows) -> np.ndarray:
        texts = [" ".join(f"t{i}" for i in row) for row in rows]
        return model.encode(texts, batch_size=len(texts), show_progress_bar=False)

    return embed


def drawn(length: int, config: dict[str, Any]) -> list[int]:
    """Token ids, other ones each time."""
    return RANDOM.integers(0, config["vocab_size"], length).tolist()


def off(made: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """1 - cosine of each row, in float64."""
    a, b = made.astype(np.float64), truth.astype(np.float64)
    return 1 - (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def synchronize(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def machine(device: str) -> dict[str, str]:
    card = torch.cuda.get_device_name(device) if device.startswith("cuda") else platform.processor()
    return {
        "device": card,
        "torch": torch.__version__,
        "cuda": str(torch.version.cuda),
        "transformers": transformers.__version__,
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    main()
