"""Texts to token ids: prompts, instructions, and what happens to what is too long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyseek.engine.embedder import Embedder
from polyseek.engine.inputs import LONGEST_TOKEN, Cut, Tokens
from polyseek.errors import BadInput, TooLong
from polyseek.models.spec import TASK, Role
from toy import END, PASSAGE, QUERY, START, toy_embedder

LIMIT = 16
ROLES: tuple[Role, Role] = ("query", "passage")
CUTS: tuple[Cut, Cut, Cut] = ("none", "end", "start")
WORDS = st.sampled_from(["cat", "dog", "fish", "server", "tree"])


def ids(embedder: Embedder, text: str) -> list[int]:
    """Of the words alone."""
    return embedder.tokenizer.encode([text])[0][1:-1]


@given(st.lists(WORDS, max_size=LIMIT - 3).map(" ".join), st.sampled_from(ROLES))
def test_what_fits_is_as_it_is_however_it_may_be_cut(text: str, role: Role) -> None:
    embedder = toy_embedder(max_tokens=LIMIT)
    prompt = QUERY if role == "query" else PASSAGE
    for truncate in CUTS:
        (found,) = embedder.prepare([text], role, truncate=truncate)
        assert found == Tokens([START, prompt, *ids(embedder, text), END])


@given(st.lists(WORDS, min_size=LIMIT - 2, max_size=3 * LIMIT).map(" ".join))
def test_what_is_too_long_loses_its_end_or_its_start(text: str) -> None:
    embedder = toy_embedder(max_tokens=LIMIT)
    whole = ids(embedder, text)
    with pytest.raises(TooLong, match=rf"text 0 has {len(whole) + 3} tokens .* takes {LIMIT};"):
        embedder.prepare([text], "query")
    (end,) = embedder.prepare([text], "query", truncate="end")
    assert end == Tokens([START, QUERY, *whole[: LIMIT - 3], END], cut=True)
    (start,) = embedder.prepare([text], "query", truncate="start")
    assert start == Tokens([START, QUERY, *whole[3 - LIMIT :], END], cut=True)


@pytest.mark.parametrize("truncate", CUTS)
@pytest.mark.parametrize("words", [LIMIT - 3, 2 * LIMIT, 2 * LIMIT * LONGEST_TOKEN])
def test_an_instruction_that_leaves_no_room_for_a_text_is_an_error(
    words: int, truncate: Cut
) -> None:
    embedder = toy_embedder(max_tokens=LIMIT, told="query")
    instruction = " ".join(["find"] * words)
    wanted = "text 0 has|the prompt has" if truncate == "none" else "the prompt has"
    with pytest.raises(TooLong, match=wanted):
        embedder.prepare(["cat dog"], "query", instruction=instruction, truncate=truncate)


def test_the_longest_instruction_that_fits_leaves_room_for_a_token() -> None:
    embedder = toy_embedder(max_tokens=LIMIT, told="query")
    instruction = " ".join(["find"] * (LIMIT - 4))
    cuts: tuple[tuple[Cut, str], ...] = (("end", "cat"), ("start", "dog"))
    for truncate, word in cuts:
        (found,) = embedder.prepare(
            ["cat dog"], "query", instruction=instruction, truncate=truncate
        )
        prompt = [START, QUERY, *ids(embedder, instruction)]
        assert found == Tokens([*prompt, *ids(embedder, word), END], cut=True)


class Counting:
    """How many characters it was given."""

    def __init__(self, embedder: Embedder) -> None:
        self._inner = embedder.tokenizer
        self.size = self._inner.size
        self.characters = 0

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        self.characters += sum(map(len, texts))
        return self._inner.encode(texts)

    def count(self, texts: Sequence[str]) -> list[int]:
        return self._inner.count(texts)


@pytest.mark.parametrize("truncate", CUTS)
def test_megabytes_are_cut_before_they_are_tokenised(truncate: Cut) -> None:
    embedder = toy_embedder(max_tokens=LIMIT)
    embedder.tokenizer = counting = Counting(embedder)
    text = "cat " * 250_000 + "dog"
    if truncate == "none":
        with pytest.raises(TooLong, match=rf"text 0 has more than \d+ tokens .* takes {LIMIT};"):
            embedder.prepare([text], "passage")
    else:
        (found,) = embedder.prepare([text], "passage", truncate=truncate)
        last = "dog" if truncate == "start" else "cat"
        assert found.ids[-2:] == [*ids(embedder, last), END]
        assert found.cut
    assert counting.characters < 2 * LIMIT * LONGEST_TOKEN


def test_a_long_text_of_few_tokens_is_not_cut() -> None:
    embedder = toy_embedder(max_tokens=LIMIT)
    text = "cat" + " " * 2 * LIMIT * LONGEST_TOKEN + "dog"
    for truncate in CUTS:
        (found,) = embedder.prepare([text], "query", truncate=truncate)
        assert found == Tokens([START, QUERY, *ids(embedder, "cat dog"), END])


def test_a_text_of_white_space_that_is_too_long_keeps_its_prompt() -> None:
    embedder = toy_embedder(max_tokens=LIMIT)
    text = ("cat" + " " * 2 * LIMIT * LONGEST_TOKEN) * LIMIT + "dog"
    (found,) = embedder.prepare([text], "query", truncate="start")
    assert found.ids[:2] == [START, QUERY]
    assert (len(found.ids), found.cut) == (LIMIT, True)


def test_token_ids_run_as_they_are_with_the_end_token_once() -> None:
    embedder = toy_embedder(max_tokens=LIMIT)
    words = ids(embedder, "cat dog")
    without, with_end = embedder.prepare_ids([words, [*words, END]])
    assert without == with_end == Tokens([*words, END])
    long = words * LIMIT
    with pytest.raises(TooLong, match=f"has {len(long) + 1} tokens"):
        embedder.prepare_ids([long])
    (cut,) = embedder.prepare_ids([long], truncate="end")
    assert cut == Tokens([*long[: LIMIT - 1], END], cut=True)
    (cut,) = embedder.prepare_ids([long], truncate="start")
    assert cut == Tokens([*long[1 - LIMIT :], END], cut=True)
    with pytest.raises(BadInput, match="token array 1 is empty"):
        embedder.prepare_ids([words, []])


def test_an_instruction_goes_where_the_prompt_has_a_place_for_it() -> None:
    spec = replace(
        toy_embedder().spec,
        query_prompt=f"Instruct: {TASK}\nQuery:",
        passage_prompt="",
        instruction="Find passages",
    )
    assert spec.prompt("query") == "Instruct: Find passages\nQuery:"
    assert spec.prompt("query", "Find {braces} 法律") == "Instruct: Find {braces} 法律\nQuery:"
    assert spec.prompt("passage") == ""
    with pytest.raises(BadInput, match="takes no instruction for a passage, and got 'Find'"):
        spec.prompt("passage", "Find")
    with pytest.raises(BadInput, match="toy takes no instruction for a query"):
        toy_embedder().prepare(["cat"], "query", instruction="Find")


def test_fewer_dimensions_are_the_first_ones_at_unit_length() -> None:
    embedder = toy_embedder(least_dimensions=4)
    whole = embedder.embed(["cat dog", "fish"], "passage")
    for dimensions in (4, 7, 32):
        some = embedder.embed(["cat dog", "fish"], "passage", dimensions=dimensions)
        wanted = whole[:, :dimensions]
        wanted = wanted / np.linalg.norm(wanted, axis=1, keepdims=True)
        np.testing.assert_allclose(some, wanted, atol=1e-6)
    for dimensions in (3, 33, -1):
        with pytest.raises(
            BadInput, match=f"no vectors of {dimensions} dimensions; ask for 4 to 32"
        ):
            embedder.embed(["cat"], "passage", dimensions=dimensions)
    with pytest.raises(BadInput, match="ask for 32 only"):
        toy_embedder().embed(["cat"], "passage", dimensions=16)
