"""Does a decoding as Windows-1252 read like words of a Latin language?

Every byte string is "valid" Latin-1, so the decoder proves nothing; Russian in Windows-1251 comes
out as "Ïðèâåò". What proves it is where the accented letters stand: one or two, lower case, at an
ASCII letter, in few of the words.
"""

from __future__ import annotations

import re

from polyseek.documents.evidence import BEYOND_ASCII, sample

LOWER = "àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿßœ"
UPPER = "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝ"
# Taken for spaces. Without ‚ and ƒ, the bytes 0x82 and 0x83 that begin Japanese kana.
QUOTES = "«»‹›“”‘’„…–—\xa0"
SYMBOLS = "§©®°±²³µ¶¹º¼½¾×÷€£¥¢™ªº¨´·"

FITS = re.compile(
    rf"""
      (?<=[A-Za-z])[{LOWER}]{{1,2}}              # déjà, Größe, créée
    | (?<![A-Za-z])[{LOWER}](?![{LOWER}])        # à, été, änderbar
    | (?<![A-Za-z])[{UPPER}](?=[A-Za-z])         # Über, Éire
    | (?<=[A-Z])[{UPPER}] | [ÀÉÓŒ](?=\s|u)       # FRANÇAIS, CAFÉ, À la, Œuvre
    | (?<![A-Za-z])[¿¡][{UPPER}](?=[A-Za-z])     # ¿Él?, ¡África!
    | (?<![A-Za-z])¿ | ¡(?=[^\W\d_]{{2}})        # ¿Y qué?, ¡Hola!
    | [{SYMBOLS}](?![A-Za-z]) | [•†](?=\s)       # m², 5 €
    | (?<=[\d\ ])°(?=[CFK]\b)                     # 20 °C
    """,
    re.VERBOSE,
)
SOFT_HYPHEN = re.compile(r"(?<=\w)\xad(?=\w)")
ENOUGH = 0.97
"""Share of runs beyond ASCII that must fit; the rest is left to names and typing errors."""


def looks_latin(text: str) -> bool:
    """Whether what is not ASCII in `text` are the accents and signs of Latin text, and few."""
    plain = re.sub(f"[{QUOTES}]", " ", SOFT_HYPHEN.sub("", sample(text)))
    runs = list(BEYOND_ASCII.finditer(plain))
    fitting = sum(_fits(plain, run) for run in runs)
    accents = len(re.findall(f"[{LOWER}{UPPER}]", plain))
    letters = len(re.findall(r"[A-Za-z]", plain))
    # French, the most accented of the languages meant, has one in twenty; Hungarian and Czech
    # misread as Windows-1252 have one in seven.
    return fitting >= ENOUGH * len(runs) and accents <= 4 + letters / 8 and letters > 0


def _fits(text: str, run: re.Match[str]) -> bool:
    found = FITS.match(text, run.start())
    return found is not None and found.end() == run.end()
