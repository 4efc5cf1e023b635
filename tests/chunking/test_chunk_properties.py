"""What is true of every document, found by hypothesis: any script, any Markdown, any budget."""

from __future__ import annotations

import pytest
from chunking_toys import COUNTS, check, words
from hypothesis import given, settings
from hypothesis import strategies as st

from polyseek.chunking import chunk
from polyseek.chunking.markdown import parse
from polyseek.errors import BadInput
from polyseek.types import Document

_PROSE = [
    "The quick brown fox, as Dr. Smith said, jumps. Over 3.14 lazy dogs! Really?",
    "黑豹队的防守只丢了308分，排名第六。他们说：“很好！”于是走了；再见。",
    "これは文です。「はい。」と言った。次の文です！",
    "ทีมรับของแพนเธอร์สถอดใจที่คะแนน ได้อันดับที่หกของลีก",
    "هل هذا سؤال؟ نعم، هذا جواب. वह गया। फिर क्या हुआ? Πού είναι; Εδώ είναι.",
    "👩‍👩‍👧‍👦 family 🇩🇪🇫🇷 e\u0301a\u0302 नमस्ते",
    "x" * 90,
]
_BLOCKS = [
    "# Title { #title }",
    "## Part *one*",
    "Setext\n======",
    "```python\ndef f():\n\n    return 1\n\n\ndef g():\n\treturn 2\n```",
    "~~~\nunclosed\n\n  fence",
    "    indented = 1\n\n    code = 2",
    "| a | b |\n|---|:-:|\n| 1 | 2 |\n| 3 \\| 4 | 5 |\n| 6 | 7 |",
    "- one\n- two\n  - three\n\n    ```\n    code\n    ```\n- four",
    "1. a\n2. b\n\n   more of b:\n\n   > quoted\n   > - item",
    "> " * 30 + "deep",
    "- " * 30 + "deep",
    "[ref]: https://example.org 'Title'",
    '<div class="termy">\n\n```console\n$ run\n```\n\n</div>',
    "/// tip | Title\n\nText.\n\n///",
    "---",
    "---\ntitle: x\n---",
    "<!-- comment\n\nthat goes on",
    "Look at this:",
    "\ufeff\u200b\u00a0\u3000\x0b\x0c\x1c\x85\u2028",
    "\0",
]
_fragment = st.one_of(
    st.sampled_from(_PROSE),
    st.sampled_from(_BLOCKS),
    st.text(max_size=12),
    st.text("`|>-# \n\t*:."),
)
_separator = st.sampled_from(["\n\n", "\n", "\r\n\r\n", "\r\n", "\r", " ", "", "\n\t", "\n    "])
texts = st.lists(st.tuples(_fragment, _separator), max_size=12).map(
    lambda pairs: "".join(part + separator for part, separator in pairs)
)


@pytest.mark.parametrize("budget", [8, 64, 256])
@pytest.mark.parametrize("name", ["words", "subwords", "seams"])
@given(text=texts, markdown=st.booleans(), title=st.sampled_from(["", "A title of five words"]))
@settings(max_examples=60, deadline=None)
def test_chunks_cover_the_text_and_fit(
    name: str, budget: int, text: str, markdown: bool, title: str
) -> None:
    document = Document("d", text, "markdown" if markdown else "text", title=title)
    try:
        chunks = chunk(document, budget, COUNTS[name])
    except BadInput as error:
        assert budget == 8 and f"max_tokens={budget}" in str(error)
    else:
        check(document, chunks, budget, COUNTS[name])


@given(text=texts, budget=st.sampled_from([16, 64, 256]))
@settings(max_examples=150, deadline=None)
def test_blocks_that_fit_are_whole(text: str, budget: int) -> None:
    chunks = chunk(Document("d", text), budget, words)
    for block in parse(text)[0]:
        inked = block.end - len(text[block.start : block.end].lstrip())
        holder = max((c for c in chunks if c.start <= inked), key=lambda c: c.start)
        path = " > ".join(holder.headings)
        if words([f"{path}\n{text[block.start : block.end]}"])[0] <= budget:
            assert holder.end >= block.end


@given(text=texts)
@settings(max_examples=100, deadline=None)
def test_the_same_text_gives_the_same_chunks(text: str) -> None:
    document = Document("d", text)
    assert chunk(document, 32, words) == chunk(document, 32, words)
