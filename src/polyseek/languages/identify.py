"""Which language a text is in.

The script decides where it can; among the languages that share it, py3langid does, limited to
those in question. Code, links and markup say nothing about the language and are left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from functools import cache
from typing import Any

from polyseek.errors import BadInput
from polyseek.languages import calibration
from polyseek.languages.scripts import LETTERS, OWN, WRITTEN, dominant, letters

NOISE = re.compile(
    r"(?s)(?:^|\n)[ \t]*(```|~~~).*?(?:\n[ \t]*\1|\Z)|`[^`\n]*`|<[^<>\n]{1,300}>|\{[^{}\n]*\}"
    # A name or an address ends where a script without spaces begins.
    r"|https?://[!-~]+|\]\([^)\s]*\)|[^\s()\[\]\u0370-\uffff]*[/\\_=@][^\s()\[\]\u0370-\uffff]*"
)
LONG = 2000
"""Characters of prose that are enough to tell a document's language."""
ENOUGH = 800
"""Characters of prose that are enough for a passage."""
FEW_LETTERS = 8
SURE_LETTERS = 60
"""A chunk departs from its document's language only on at least so many letters."""
SURE = 0.999
PRESENT = math.log(20.0)
"""How much likelier, in log odds, a question is in a language that the collection holds."""


def prose(text: str) -> str:
    """`text` without code, markup and links."""
    return NOISE.sub(" ", text)


def document_language(text: str, candidates: Collection[str] = ()) -> str:
    """ISO 639-1 code of a whole document, or "" if it has hardly any letters.

    `candidates` are the languages it may be in; without them, those with calibration texts.
    """
    return _best(prose(text[: 4 * LONG])[:LONG], candidates or calibration.languages(), {})[0]


def passage_language(text: str, document: str, candidates: Collection[str] = ()) -> str:
    """The language of a passage of a document in language `document`.

    It is the document's, unless the passage has enough prose that surely is in another.
    """
    words = prose(text)[:ENOUGH]
    counts = letters(words)
    if document and sum(counts.values()) < FEW_LETTERS:
        return document
    among = {*(candidates or calibration.languages()), *([document] if document else [])}
    found, probability = _best(words, among, {})
    if not document or not found or found == document:
        return found or document
    script = dominant(counts)
    other_script = document not in _languages_in(script, among)
    long_enough = sum(counts.values()) >= SURE_LETTERS and probability >= SURE
    return found if long_enough or (other_script and script != "latin") else document


def query_language(text: str, present: Collection[str]) -> str:
    """The language of a question to a collection that holds the languages `present`."""
    among = {*calibration.languages(), *present}
    prior = dict.fromkeys(present, PRESENT)
    return _best(prose(text) if len(text) > LONG else text, among, prior)[0]


def check_language(code: str) -> str:
    """`code` in lower case, if it is a language polyseek knows.

    Raises:
        BadInput: it is not; the message lists those with calibration texts.
    """
    lower = code.strip().lower()
    if lower in calibration.languages() or lower in _known():
        return lower
    listed = ", ".join(calibration.languages())
    raise BadInput(f"unknown language {code!r}; use an ISO 639-1 code such as {listed}")


def _languages_in(script: str, among: Collection[str]) -> set[str]:
    """Those of `among` that are written in `script`."""
    if script in OWN:
        return {OWN[script]} & set(among)
    if script in WRITTEN:
        return WRITTEN[script] & set(among)
    elsewhere = set(OWN.values()).union(*WRITTEN.values()) - {"ku"}
    return set(among) - elsewhere


def _best(text: str, among: Collection[str], prior: dict[str, float]) -> tuple[str, float]:
    """The likeliest language and its probability among the candidates that share its script."""
    script = dominant(letters(text))
    possible = _languages_in(script, among) if script else set()
    if not possible:
        return (OWN.get(script, ""), 1.0)
    if len(possible) == 1:
        return next(iter(possible)), 1.0
    if script == "han":
        return _without_kana(text, prior), 1.0
    scores = {lang: score + prior.get(lang, 0.0) for lang, score in _rank(text, possible)}
    if not scores:
        return "", 0.0
    best = max(sorted(scores), key=lambda lang: scores[lang])
    total = sum(math.exp(score - scores[best]) for score in scores.values())
    return best, 1 / total


def _without_kana(text: str, prior: dict[str, float]) -> str:
    """Chinese or Japanese: by characters that only one of them has in its standard, or else by
    which of them is expected, or else Chinese."""
    han = "".join(match.group() for match in LETTERS.finditer(text) if match.lastgroup == "han")
    if not _written_in("shift_jis", han):
        return "zh"
    chinese = _written_in("gb2312", han) or _written_in("big5", han)
    return "zh" if chinese and ("zh" in prior or "ja" not in prior) else "ja"


def _written_in(standard: str, text: str) -> bool:
    try:
        text.encode(standard)
    except UnicodeEncodeError:
        return False
    return True


def _rank(text: str, possible: Collection[str]) -> list[tuple[str, float]]:
    """Log likelihoods of the candidate languages that py3langid knows."""
    return [(lang, float(score)) for lang, score in _identifier().rank(text) if lang in possible]


@cache
def _known() -> frozenset[str]:
    return frozenset(lang for lang, _ in _identifier().rank("a"))


@cache
def _identifier() -> Any:  # noqa: ANN401 - py3langid has no types
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=False)
