"""Real documents in eight languages, and real sentences in ten."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from chunking_toys import check, words

from polyseek.chunking import chunk
from polyseek.chunking.markdown import parse
from polyseek.types import Document

DATA = Path(__file__).parents[3] / "shared" / "data"
DOCS = sorted((DATA / "fastapi-docs").glob("*/**/*.md"))
XQUAD = DATA / "xquad-r"


@pytest.mark.skipif(not DOCS, reason=f"no FastAPI documents in {DATA}/fastapi-docs")
@pytest.mark.parametrize("budget", [60, 400])
def test_no_code_block_table_or_list_that_fits_is_cut(budget: int) -> None:
    seen = dict.fromkeys(("code", "table", "list"), 0)
    for path in DOCS[::12]:
        text = path.read_bytes().decode()
        document = Document(path.name, text)
        chunks = chunk(document, budget, words)
        check(document, chunks, budget, words)
        for block in parse(text)[0]:
            holder = max((c for c in chunks if c.start <= block.start), key=lambda c: c.start)
            alone = " > ".join(holder.headings) + "\n" + text[block.start : block.end]
            if block.kind in seen and words([alone])[0] <= budget:
                seen[block.kind] += 1
                assert holder.end >= block.end, f"{path}: {text[block.start : block.end]!r}"
    assert seen["code"] > 100 and seen["list"] > 40


@pytest.mark.skipif(not XQUAD.is_dir(), reason=f"no XQuAD-R in {XQUAD}")
@pytest.mark.parametrize("language", ["ar", "de", "el", "en", "es", "hi", "ru", "tr", "vi", "zh"])
def test_chunks_end_where_sentences_end(language: str) -> None:
    """Cuts within a sentence that alone is over the budget are not counted: there is no other.
    Nor is a full stop before a digit, where the gold marks see no end."""
    ends = right = 0
    budget = 150 if language == "zh" else 80
    data = json.loads((XQUAD / f"{language}.json").read_text(encoding="utf-8"))["data"]
    for paragraph in (paragraph for article in data for paragraph in article["paragraphs"]):
        text = paragraph["context"]
        gold = [(start, len(text[:end].rstrip())) for start, end in paragraph["sentence_breaks"]]
        for piece in chunk(Document("d", text, "text"), budget, words)[:-1]:
            inside = [text[a:b] for a, b in gold if a < piece.end < b]
            long = bool(inside) and words(inside)[0] > budget
            before_digit = re.match(r"[.。]\s*[“\"]?\d", text[piece.end - 1 :])
            if not long and not (inside and before_digit):
                ends += 1
                right += not inside
    assert ends > 50 and right / ends >= 0.95, f"{right} of {ends}"
