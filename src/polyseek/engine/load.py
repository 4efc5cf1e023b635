"""From a model's name to an embedder that runs."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor, wait
from importlib.util import find_spec as find_module
from pathlib import Path

from polyseek.engine.embedder import Embedder, Forward
from polyseek.engine.openvino import OpenVINOForward
from polyseek.engine.tokenize import Tokenizer
from polyseek.errors import ModelError
from polyseek.models.directory import positions, read_config, spec_of
from polyseek.models.sources import locate, weights_digest
from polyseek.models.spec import DEFAULT, ModelSpec, find_spec, known_spec
from polyseek.settings import Backend, Precision

HEAD_START_S = 0.4
"""Of the model before its tokenizer. Reading that holds the interpreter for half a second, in which
a graph that is built by then can be compiled."""
OF_A_GPU = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
"""Files that drivers of GPUs make: of NVIDIA, of Windows' Linux, of AMD."""


def load(
    model: str = DEFAULT,
    directory: Path | None = None,
    *,
    backend: Backend = "auto",
    device: str = "",
    precision: Precision = "",
    download: bool = False,
    threads: int = 0,
    warm: bool = False,
) -> Embedder:
    """The model called `model`, from `directory` or wherever its weights are (models/sources).

    `model` may be a directory itself; one that no row of the table describes is described by its
    own files (models/directory). `backend` "auto" takes the GPU if there is one and PyTorch is
    installed, and the CPU otherwise. `precision` "" takes int8 on the CPU and bf16 on a GPU.
    `warm` makes it ready to run at once, beside reading its tokenizer, and not at its first text.

    Raises:
        ModelError: unknown model, or no usable weights; the message says how to get them. A
            backend, a device or a precision that is not to be had.
    """
    spec, directory = spec_for(model, directory)
    found = locate(spec, directory, download)
    _check_room(found, spec)
    weights = weights_digest(found)
    tokenizer = Tokenizer(found)
    if backend_for(backend, device, precision) == "torch":
        forward = _torch(found, spec, device, precision, threads)
    else:
        forward = _openvino(found, spec, device, precision, threads, weights)
    with ThreadPoolExecutor(1) as beside:
        ready = beside.submit(lambda: forward.lanes) if warm else None
        if ready:
            wait([ready], HEAD_START_S)
        tokenizer.check(spec.architecture)
        if ready:
            ready.result()
    return Embedder(spec, weights, tokenizer, forward)


def spec_for(model: str = DEFAULT, directory: Path | None = None) -> tuple[ModelSpec, Path | None]:
    """What load() will load: the model's row, and its directory if it has to be in one.

    Raises:
        ModelError: unknown model.
    """
    if known := known_spec(model):
        return known, directory
    if directory is None and model and Path(model, "config.json").is_file():
        model, directory = "", Path(model)
    return (spec_of(directory, model) if directory else find_spec(model)), directory


def _check_room(directory: Path, spec: ModelSpec) -> None:
    """That the model has a place for every token that its row lets through."""
    config = read_config(directory, spec)
    if (most := positions(config)) < spec.max_tokens:
        raise ModelError(
            f"{config.path} has places for {most} tokens, and {spec.name} takes {spec.max_tokens}; "
            "it is another model: give its directory to --model, or a name of its own"
        )


def backend_for(asked: Backend, device: str, precision: Precision) -> str:
    """The one that load() takes: "torch" or "openvino"."""
    if asked != "auto":
        return asked
    if precision == "int8" or device == "cpu":
        return "openvino"
    if precision in ("bf16", "fp16") or device:
        return "torch"
    return "torch" if _has_gpu() else "openvino"


def _has_gpu() -> bool:
    """Whether there is a GPU that the installed PyTorch can use; without one nothing is imported,
    which would take a second."""
    drivers = shutil.which("nvidia-smi") or any(Path(name).exists() for name in OF_A_GPU)
    if not drivers or not find_module("torch"):
        return False
    from polyseek.engine.torch.forward import has_gpu

    return has_gpu()


def _torch(
    directory: Path, spec: ModelSpec, device: str, precision: Precision, threads: int
) -> Forward:
    if not find_module("torch"):
        raise ModelError(
            "the backend torch needs PyTorch, which is not installed; "
            "pip install 'polyseek[gpu]', or ask for --backend openvino"
        )
    try:
        from polyseek.engine.torch.forward import TorchForward
    except (ImportError, OSError) as error:  # of a library that it wants and does not find
        raise ModelError(
            f"PyTorch is installed and cannot be imported ({error}); install it again, "
            "pip install --force-reinstall 'polyseek[gpu]', or ask for --backend openvino"
        ) from error
    return TorchForward(directory, spec, precision, device, threads)


def _openvino(
    directory: Path, spec: ModelSpec, device: str, precision: Precision, threads: int, weights: str
) -> Forward:
    precision = precision or "int8"
    if precision not in ("int8", "fp32") or device not in ("", "cpu"):
        raise ModelError(
            f"the backend openvino computes int8 and fp32 on the CPU, and not {precision} on "
            f"{device or 'the CPU'}; ask for one of these, or for --backend torch"
        )
    return OpenVINOForward(directory, spec, precision, threads, weights)
