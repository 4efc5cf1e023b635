"""How fast is the engine beside the packages that people install, on the same weights?

Whole packages, text in and vectors out, each in a process of its own: sentence-transformers with
PyTorch, ONNX Runtime and OpenVINO, fastembed, infinity. (engine.py has the bare runtimes beneath
them, under our own batching.) All get the embedded model's weights, the same texts with the same
prompt, the same number of threads and, but for ours, which makes its own batches, the batch size
out of 4 to 32 that is fastest for them on a part of the texts. The rounds are interleaved; a rate
is the median of the rounds, a ratio the median of the ratios within a round.

    python benchmarks/packages.py                                    what is installed here
    python benchmarks/packages.py --python fastembed=env/bin/python  a package of another
                                                                     environment; may be repeated

Most of them need versions that exclude each other: an environment for each is the way to have all:
`pip install sentence-transformers optimum-onnx onnxruntime`, `sentence-transformers
optimum-intel[openvino]`, `fastembed`, `infinity-emb[torch,optimum]`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import choose_texts, save_result

from polyseek.engine.tokenize import Tokenizer
from polyseek.models.sources import locate
from polyseek.models.spec import DEFAULT, find_spec

HERE = Path(__file__).parent
BATCHES = (4, 8, 16, 32)
PARTS = 2
"""A round runs one text of so many, the next round the next."""
OURS, TRUTH = "polyseek int8", "polyseek fp32"
INT8_FILE = "onnx/model_qint8_avx512_vnni.onnx"


@dataclass(frozen=True)
class Competitor:
    name: str
    script: str
    """Of this directory, without its end; also what --python calls it."""
    setting: str


COMPETITORS = (
    Competitor(OURS, "polyseek_peer", "int8"),
    Competitor(TRUTH, "polyseek_peer", "fp32"),
    Competitor("sentence-transformers, PyTorch fp32", "sentence_transformers_peer", "torch"),
    Competitor("sentence-transformers, ONNX fp32", "sentence_transformers_peer", "onnx"),
    Competitor("sentence-transformers, ONNX int8", "sentence_transformers_peer", "onnx-int8"),
    Competitor("sentence-transformers, OpenVINO fp32", "sentence_transformers_peer", "openvino"),
    Competitor("fastembed, fp32", "fastembed_peer", "onnx/model.onnx"),
    Competitor("fastembed, int8", "fastembed_peer", INT8_FILE),
    Competitor("infinity, PyTorch fp32", "infinity_peer", "torch"),
    Competitor("infinity, ONNX int8", "infinity_peer", "optimum"),
)
"""ONNX files are made by the first that need them, so these come before others that do."""


class Process:
    """One competitor, loaded and waiting for texts."""

    def __init__(self, python: str, who: Competitor, model: Path, threads: int, log: Path) -> None:
        self.batch = 32
        command = [python, str(HERE / f"{who.script}.py"), str(model), str(threads), who.setting]
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        self.log = log
        told = self._read()
        self.missing: str = told.get("missing", "")
        self.ready: float = told.get("ready", 0.0)

    def embed(self, texts: Sequence[Any], file: Path | None = None) -> tuple[float, float]:
        """Seconds by the clock and of the processor; the vectors go to `file`."""
        asked = {"texts": list(texts), "batch": self.batch} | ({"file": str(file)} if file else {})
        assert self._process.stdin
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        told = self._read()
        if "missing" in told:
            raise SystemExit(f"{self.log.stem} ended: {told['missing']}")
        return told["seconds"], told["cpu_seconds"]

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.kill()  # some keep threads that never end
        self._process.wait()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            return {"missing": (self.log.read_text().strip().splitlines() or ["it ended"])[-1]}
        found: dict[str, Any] = json.loads(line)
        return found


def write_model(directory: Path) -> None:
    """The embedded model with the small files that sentence-transformers and fastembed read."""
    for file in ("config.json", "tokenizer.json", "model.safetensors"):
        shutil.copy(locate(find_spec(DEFAULT)) / file, directory / file)
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>"}
    special |= {"pad_token": "<pad>", "cls_token": "<s>", "mask_token": "<mask>"}
    kind = {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 512}
    pooling = {"word_embedding_dimension": 384, "pooling_mode_mean_tokens": True}
    steps = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
    modules = [
        {"idx": at, "name": str(at), "path": path, "type": f"sentence_transformers.models.{step}"}
        for at, (path, step) in enumerate(steps)
    ]
    files: dict[str, Any] = {
        "special_tokens_map.json": special,
        "tokenizer_config.json": special | kind,
        "modules.json": modules,
        "sentence_bert_config.json": {"max_seq_length": 512, "do_lower_case": False},
        "1_Pooling/config.json": pooling,
    }
    (directory / "2_Normalize").mkdir()
    (directory / "1_Pooling").mkdir()
    for name, told in files.items():
        (directory / name).write_text(json.dumps(told))


def started(pythons: Mapping[str, str], model: Path, threads: int) -> Iterator[tuple[str, Process]]:
    """Every competitor, whether it loaded or not."""
    for who in COMPETITORS:
        key = "openvino" if who.setting == "openvino" else who.script.removesuffix("_peer")
        log = model / f"{who.script}-{Path(who.setting).name}.log"
        process = Process(pythons.get(key, sys.executable), who, model, threads, log)
        state = f"not there: {process.missing}" if process.missing else f"{process.ready:.1f} s"
        print(f"{who.name}: {state}", flush=True)
        yield who.name, process


def choose_batches(processes: Mapping[str, Process], sample: Sequence[str]) -> None:
    """Give each peer the batch size that is fastest for it."""
    for name, process in processes.items():
        if name in (OURS, TRUTH):
            continue
        taken = {}
        for process.batch in BATCHES:
            taken[process.batch] = min(process.embed(sample)[0] for _ in range(2))
        process.batch = min(taken, key=taken.__getitem__)
        told = ", ".join(f"{batch}: {seconds:.2f} s" for batch, seconds in taken.items())
        print(f"{name}: texts in a batch {told}", flush=True)


def throughput(
    processes: Mapping[str, Process], texts: Sequence[str], tokens: np.ndarray, rounds: int
) -> dict[str, np.ndarray]:
    """Tokens a second by the clock and by the processor, (rounds, 2) of each."""
    rates: dict[str, list[list[float]]] = {name: [] for name in processes}
    for at in range(-PARTS, rounds):
        part = slice(at % PARTS, None, PARTS)
        for name, process in processes.items():
            seconds = process.embed(texts[part])
            if at >= 0:
                rates[name].append([float(tokens[part].sum()) / taken for taken in seconds])
        told = ", ".join(f"{rate[-1][0]:,.0f}" for rate in rates.values() if rate)
        print(f"round {at + 1}: {told}", flush=True)
    return {name: np.array(found) for name, found in rates.items()}


def figures(
    processes: Mapping[str, Process], rates: Mapping[str, np.ndarray], vectors: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    ours, found = rates[OURS], {}
    for name, process in processes.items():
        cosines = (vectors[name] * vectors[TRUTH]).sum(axis=1)
        clock, cpu = np.median(ours / rates[name], axis=0)
        found[name] = {
            "tokens_per_s": round(float(np.median(rates[name][:, 0]))),
            "polyseek_int8_times_as_fast": round(float(clock), 2),
            "polyseek_int8_times_as_fast_cpu": round(float(cpu), 2),
            "cosine_to_fp32": {
                "min": round(float(cosines.min()), 5),
                "mean": round(float(cosines.mean()), 5),
            },
            "batch": "its own" if name in (OURS, TRUTH) else process.batch,
            "ready_s": round(process.ready, 1),
            "rounds": rates[name].round().tolist(),
        }
        row = found[name]
        print(
            f"{name:38} {row['tokens_per_s']:7,} tokens/s; ours is {clock:5.2f}x by the clock, "
            f"{cpu:5.2f}x by the processor; cosine {cosines.min():.4f} / {cosines.mean():.4f}"
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--texts", type=int, default=256, help="how many paragraphs (256)")
    parser.add_argument("--rounds", type=int, default=8, help="how often each runs (8)")
    parser.add_argument("--threads", type=int, default=2, help="cores, the same for all (2)")
    parser.add_argument("--python", action="append", default=[], metavar="NAME=PATH")
    chosen = parser.parse_args()
    pythons = dict(pair.split("=", 1) for pair in chosen.python)

    spec = find_spec(DEFAULT)
    texts = [spec.passage_prompt + text for text in choose_texts(chosen.texts)]
    rows = Tokenizer(locate(spec)).encode(texts)
    tokens = np.array([len(row) for row in rows])
    print(f"{len(texts)} texts, {tokens.sum():,} tokens, longest {tokens.max()}", flush=True)
    with tempfile.TemporaryDirectory(prefix="polyseek-") as place, ExitStack() as stack:
        model = Path(place)
        write_model(model)
        everyone = dict(started(pythons, model, chosen.threads))
        for process in everyone.values():
            stack.callback(process.close)
        there = {name: process for name, process in everyone.items() if not process.missing}
        choose_batches(there, texts[: len(texts) // 4])
        rates = throughput(there, texts, tokens, chosen.rounds)
        vectors = {}
        for name, process in there.items():
            process.embed(texts, model / "vectors.npy")
            vectors[name] = np.load(model / "vectors.npy")
        found: dict[str, Any] = dict(figures(there, rates, vectors))
    found |= {n: {"not there": each.missing} for n, each in everyone.items() if each.missing}
    settings = {"texts": chosen.texts, "rounds": chosen.rounds, "threads": chosen.threads}
    save_result("packages", settings | {"tokens": int(tokens.sum())}, found)


if __name__ == "__main__":
    main()
