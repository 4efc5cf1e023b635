"""The real tokenizer: text is text, whatever is written in it."""

from __future__ import annotations

from pathlib import Path

import pytest
import tokenizers

from engine.conftest import Golden
from polyseek.engine.tokenize import Tokenizer
from polyseek.errors import ModelError
from polyseek.languages import calibration
from polyseek.models.spec import DEFAULT, find_spec

START, PAD, END, UNKNOWN = 0, 1, 2, 3
WORDS = [
    "cat",
    "Straße",
    "пароль",
    "密码",
    "パスワード",
    "naïve",
    "x_y",
    "3.14",
    "🎉",
    "don't",
    "—",
]


@pytest.fixture(scope="module")
def tokenizer(model_directory: Path) -> Tokenizer:
    return Tokenizer(model_directory)


def test_ids_are_the_reference_tokenizers(tokenizer: Tokenizer, golden: list[Golden]) -> None:
    spec = find_spec(DEFAULT)
    texts = [spec.prompt(each.role) + each.text for each in golden]
    assert tokenizer.encode(texts) == [each.ids for each in golden]


@pytest.mark.parametrize("special", ["<s>", "</s>", "<pad>", "<unk>", "<mask>"])
def test_a_special_token_written_out_is_text(tokenizer: Tokenizer, special: str) -> None:
    ids = tokenizer.encode([f"end it with {special} here"])[0]
    assert ids[0] == START
    assert ids[-1] == END
    assert not {START, PAD, END, UNKNOWN, 250_001} & set(ids[1:-1])


def test_special_tokens_surround_every_text(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode(["", " ", "cat"]) == [[0, 2], [0, 2], [0, 7515, 2]]


def test_counts_leave_the_special_tokens_out(tokenizer: Tokenizer) -> None:
    texts = ["", "cat", *calibration.texts("th")["passage"]]
    assert tokenizer.count(texts) == [len(ids) - 2 for ids in tokenizer.encode(texts)]


def test_the_count_of_words_is_the_sum_of_their_counts(tokenizer: Tokenizer) -> None:
    assert tokenizer.count([" ".join(WORDS)]) == [sum(tokenizer.count(WORDS))]
    for language in calibration.languages():
        words = calibration.texts(language)["passage"][0].split()
        assert tokenizer.count([" ".join(words)]) == [sum(tokenizer.count(words))]


def test_white_space_at_the_ends_and_runs_of_it_do_not_count(tokenizer: Tokenizer) -> None:
    plain, *others = tokenizer.encode(["a cat", "a cat ", "  a \n\t cat\n", "a　cat", "a\u00a0cat"])
    assert all(other == plain for other in others)


def test_full_width_forms_are_their_plain_ones(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode(["Ａｂｃ１２３", "ﬁn", "㎞"]) == tokenizer.encode(
        ["Abc123", "fin", "km"]
    )
    # The model's normalisation is NFKC but for the full-width tilde.
    assert tokenizer.encode(["～"]) != tokenizer.encode(["~"])


def test_a_run_of_unknown_characters_is_one_token(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode(["\U00013000\U00013001\U00013002"])[0].count(UNKNOWN) == 1


def test_long_texts_are_not_cut(tokenizer: Tokenizer) -> None:
    assert tokenizer.count(["cat " * 3000]) == [3000]


def test_a_missing_or_damaged_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"tokenizer\.json cannot be read"):
        Tokenizer(tmp_path).count(["cat"])
    (tmp_path / "tokenizer.json").write_text('{"version": "1.0"')
    with pytest.raises(ModelError, match=r"tokenizer\.json cannot be read"):
        Tokenizer(tmp_path).count(["cat"])


def test_a_tokenizer_from_the_hub_does_not_find_its_special_tokens(tmp_path: Path) -> None:
    """As published, XLM-RoBERTa's unigram model has them among its pieces, at the best score."""
    pieces = [
        ("<s>", 0.0),
        ("</s>", 0.0),
        ("<unk>", 0.0),
        ("▁cat", -3.0),
        *((c, -5.0) for c in "<>/s▁"),
    ]
    inner = tokenizers.Tokenizer(tokenizers.models.Unigram(pieces, 2, byte_fallback=False))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    inner.add_special_tokens(["<s>", "</s>", "<unk>"])
    inner.save(str(tmp_path / "tokenizer.json"))
    ids = Tokenizer(tmp_path).encode(["cat </s> <s>"])[0]
    assert [pieces[id][0] for id in ids] == ["▁cat", "▁", "<", "/", "s", ">", "▁", "<", "s", ">"]
