"""Generated texts: none twice, of the length that was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from polyseek.engine.embedder import Embedder
from polyseek.engine.load import load
from polyseek.errors import BadInput
from polyseek.loadtest.texts import Generated, read_texts


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load()


@pytest.mark.parametrize("tokens", [16, 128, 512])
def test_no_text_is_longer_than_asked_for_and_few_are_much_shorter(
    embedder: Embedder, tokens: int
) -> None:
    """As multilingual-e5 counts them, prompt included, once it has counted a sample of each
    script."""

    def counted(texts: list[str]) -> list[int]:
        return [len(each.ids) for each in embedder.prepare(texts, "passage", truncate="none")]

    texts = Generated(tokens, seed=1)
    for script, text in texts.samples().items():
        texts.fit(script, counted([text])[0])
    counts = counted(texts.take(400))
    assert max(counts) <= tokens
    assert sum(counts) / len(counts) > tokens * (0.6 if tokens < 32 else 0.93)


def test_no_text_comes_twice() -> None:
    texts = Generated(8)
    taken = [*texts.samples().values(), *texts.take(5000), *texts.take(5000)]
    assert len(set(taken)) == len(taken)


def test_no_two_texts_begin_alike() -> None:
    """Caches keep beginnings by what stands before them: the first word is enough."""
    taken = Generated(128, seed=1).take(4000)
    assert len({text.split(" ", 1)[0] for text in taken}) == 4000


def test_no_run_has_the_texts_of_another() -> None:
    assert not set(Generated(8).take(50)) & set(Generated(8).take(50))


def test_a_file_is_read_a_text_a_line_and_from_the_start_again(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("\ufeffeins\r\n\n  zwei\n三\n", "utf-8")
    texts = read_texts(path)
    assert texts.take(2) == ["eins", "zwei"]
    assert texts.take(3) == ["三", "eins", "zwei"]


@pytest.mark.parametrize("held", [b"", b"\n \n", b"\xff\xfe\xfa"])
def test_a_file_without_texts(tmp_path: Path, held: bytes) -> None:
    path = tmp_path / "texts.txt"
    path.write_bytes(held)
    with pytest.raises(BadInput, match="a text a line"):
        read_texts(path)
    with pytest.raises(BadInput, match="cannot be read"):
        read_texts(tmp_path / "none")
