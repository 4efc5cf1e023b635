"""The toy model of all tests: an embedder whose answers can be worked out by hand.

A text's vector is the normalised sum of one fixed random row for each of its words, so texts with
the same words have the same vector, in any order of words, and a text is near another as far as
they share words. The prompts and the special tokens have rows of zeros.

Three twists, all off unless asked for:

- `glossary` lets words of other languages mean an English word: with `GLOSSARY`, "猫", "кошка",
  "Katze" and "cat" have one row, so a translation has exactly the vector of its original.
- `bias` puts every text of a language where that language is: {"ja": 0.3} adds a fixed vector of
  length 0.3 for Japanese to each token of a Japanese text. It is what real models do, and what
  languages/neutral cures. The language is told by the script; Latin counts as English. The mean of
  n different words has a length of about n ** -0.5, so 0.3 outweighs what ten words or more mean.

- `told` makes a model that takes an instruction: "query" before questions, "both" before passages
  too. The words of the instruction count like those of the text.

    embedder = toy_embedder(glossary=GLOSSARY, bias={"en": 0.3, "ja": 0.3})
    embedder.embed(["cats and dogs"], "passage")   # (1, 32) float32, unit length
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from polyseek.engine.batch import pad
from polyseek.engine.embedder import Embedder
from polyseek.engine.pool import pool
from polyseek.models.spec import TASK, ModelSpec, Pooling

Floats = npt.NDArray[np.float32]

DIMENSIONS = 32
MAX_TOKENS = 512

GLOSSARY = {
    "猫": "cat",
    "кошка": "cat",
    "katze": "cat",
    "犬": "dog",
    "狗": "dog",
    "собака": "dog",
    "hund": "dog",
    "魚": "fish",
    "鱼": "fish",
    "рыба": "fish",
    "fisch": "fish",
    "パスワード": "password",
    "密码": "password",
    "пароль": "password",
    "passwort": "password",
    "ログイン": "login",
    "登录": "login",
    "вход": "login",
    "anmeldung": "login",
    "サーバー": "server",
    "服务器": "server",
    "сервер": "server",
    "バックアップ": "backup",
    "备份": "backup",
    "копия": "backup",
    "sicherung": "backup",
}
"""Words of Japanese, Chinese, Russian and German -> the English word that they mean."""

PAD, START, END, QUERY, PASSAGE, FIRST = range(6)
PROMPTS = {"query: ": QUERY, "passage: ": PASSAGE}
INSTRUCT, ASK = "Instruct: ", "\nQuery:"
"""Around an instruction; together one token of no meaning, as a prompt is."""
Told = Literal["", "query", "both"]
LANGUAGES = ("en", "zh", "ja", "ko", "th", "ru", "el")
"""Those that a script tells; a token's id carries the place of its script here."""
MEANINGS = 2**40
ALONE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\u0e00-\u0e7f"
WORD = f"[{ALONE}]|[^\\W{ALONE}]+"
SCRIPTS = re.compile(
    "(?P<ja>[\u3040-\u30ff])|(?P<zh>[\u3400-\u9fff])|(?P<ko>[\uac00-\ud7af])"
    "|(?P<th>[\u0e00-\u0e7f])|(?P<ru>[\u0400-\u04ff])|(?P<el>[\u0370-\u03ff])"
)


class ToyTokenizer:
    """A token is a lower-cased word, or one character of a script without spaces; a prompt and
    each word of the glossary is one too. White space and punctuation are none."""

    def __init__(self, glossary: Mapping[str, str]) -> None:
        self._glossary = dict(glossary)
        whole = sorted((w for w in glossary if re.search(f"[{ALONE}]", w)), key=len, reverse=True)
        self._pattern = re.compile("|".join([*map(re.escape, whole), WORD]))

    size = len(LANGUAGES) * MEANINGS

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [[START, *self._ids(text), END] for text in texts]

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(self._pattern.findall(text.lower())) for text in texts]

    def _ids(self, text: str) -> list[int]:
        if text.startswith(INSTRUCT):
            text = "query: " + text.removeprefix(INSTRUCT).replace(ASK, " ", 1)
        prompt = next((p for p in PROMPTS if text.startswith(p)), "")
        words = self._pattern.findall(text[len(prompt) :].lower())
        return [PROMPTS[p] for p in [prompt] if p] + [self._id(word) for word in words]

    def _id(self, word: str) -> int:
        return LANGUAGES.index(script_language(word)) * MEANINGS + meaning(
            self._glossary.get(word, word)
        )


class ToyForward:
    """ids (B, T) int64, mask (B, T) float32 -> hidden states (B, T, 32) float32, then pooled."""

    batch_tokens = 512
    lanes = 2

    def __init__(
        self, precision: str, bias: Mapping[str, float], pooling: Pooling = "mean"
    ) -> None:
        self.precision = precision
        self._bias = dict(bias)
        self._pooling = pooling
        self.batches: list[tuple[int, ...]] = []
        """Shapes (B, T) of the batches so far, for tests of how texts run together."""

    def pooled(self, rows: Sequence[Sequence[int]]) -> Floats:
        ids, mask = pad(rows, PAD)
        return pool(self(ids, mask), mask, self._pooling)

    def __call__(self, ids: npt.NDArray[np.int64], mask: Floats) -> Floats:
        self.batches.append(ids.shape)
        known, at_known = np.unique(ids % MEANINGS, return_inverse=True)
        hidden = np.stack([row(int(i)) for i in known])[at_known.reshape(ids.shape)]  # (B, T, D)
        for at, text in enumerate(ids):
            language = _language_of(text)
            hidden[at] += self._bias.get(language, 0.0) * direction(language)
        # What stands in the padding must not matter.
        return np.where(mask[..., None] > 0, hidden, np.float32(99))


def toy_spec(
    max_tokens: int = MAX_TOKENS,
    pooling: Pooling = "mean",
    least_dimensions: int = 0,
    told: Told = "",
) -> ModelSpec:
    """The toy's row of the model table."""
    template = f"{INSTRUCT}{TASK}{ASK}"
    return ModelSpec(
        name="toy",
        architecture="bert",
        pooling=pooling,
        query_prompt=template if told else "query: ",
        passage_prompt=template if told == "both" else "passage: ",
        dimensions=DIMENSIONS,
        max_tokens=max_tokens,
        normalize=True,
        parameters=0,
        licence="Apache-2.0",
        hub="polyseek/toy",
        least_dimensions=least_dimensions,
    )


def toy_embedder(
    *,
    glossary: Mapping[str, str] | None = None,
    bias: Mapping[str, float] | None = None,
    max_tokens: int = MAX_TOKENS,
    pooling: Pooling = "mean",
    least_dimensions: int = 0,
    told: Told = "",
) -> Embedder:
    """The toy model. Its prompt and special tokens take 3 of `max_tokens`.

    `glossary` and `bias` change the vectors, so they are in its fingerprint.
    """
    twists = json.dumps([glossary, bias], sort_keys=True) if glossary or bias else ""
    precision = "toy" + hashlib.sha256(twists.encode()).hexdigest()[:8] if twists else "toy"
    forward = ToyForward(precision, bias or {}, pooling)
    spec = toy_spec(max_tokens, pooling, least_dimensions, told)
    return Embedder(spec, "toy", ToyTokenizer(glossary or {}), forward)


def toy_vector(*words: str) -> Floats:
    """What a text of these English words embeds to, without bias: (32,) float32, unit length."""
    total = np.sum([row(meaning(word.lower())) for word in words], axis=0)
    return np.asarray(total / np.linalg.norm(total), np.float32)


def script_language(text: str) -> str:
    """The language that a text's script tells: kana is Japanese, Latin and the rest English."""
    found = {str(match.lastgroup) for match in SCRIPTS.finditer(text)}
    return next((language for language in ("ja", *LANGUAGES) if language in found), "en")


@cache
def meaning(word: str) -> int:
    """The number of a word's row, at least FIRST and below MEANINGS."""
    digest = hashlib.blake2b(word.encode(), digest_size=4).digest()
    return FIRST + int.from_bytes(digest, "big")


@cache
def row(number: int) -> Floats:
    """The row (32,) float32 of a meaning: unit length and random; zeros for special tokens."""
    if number < FIRST:
        return np.zeros(DIMENSIONS, np.float32)
    return _random_unit(number)


@cache
def direction(language: str) -> Floats:
    """Where the bias pushes the texts of a language: (32,) float32, unit length."""
    return _random_unit(2**50 + LANGUAGES.index(language))


def _random_unit(seed: int) -> Floats:
    drawn = np.random.Generator(np.random.Philox(key=seed)).standard_normal(DIMENSIONS)
    return np.asarray(drawn / np.linalg.norm(drawn), np.float32)


def _language_of(ids: npt.NDArray[np.int64]) -> str:
    """The language of a text by its tokens: Japanese if there is any kana, else the script that
    most of them are in."""
    words = ids[ids >= FIRST] // MEANINGS
    counts = np.bincount(words, minlength=len(LANGUAGES))
    if counts[LANGUAGES.index("ja")]:
        return "ja"
    return LANGUAGES[int(counts.argmax())]
