"""What of a passage has to be the same in every language: numbers, code, links; and negation.

All of it is read from Markdown with regular expressions: a link in one language that is bare text
in another is found as well, because `everywhere` is compared with and not only what stands out.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from polyseek.languages.blocks import FENCE_MARK
from polyseek.languages.placeholders import NAMED, shape
from polyseek.languages.wordlists import NEGATION, NUMBER_WORDS

FENCE = re.compile(rf"^{FENCE_MARK}([^\n]*)\n(.*?)(?:^[ \t>]*\1[`~]*[ \t]*$|\Z)", re.M | re.S)
DIRECTIVE = re.compile(r"\{([*!%])\s(.*?)\1\}", re.S)
"""`{* file.py hl[3] *}`: an include, which shows code."""
ATTRIBUTES = re.compile(r"\{[ \t]*[#.:][^{}\n]*\}")
"""`{ #anchor .class }` behind a heading."""
INLINE = re.compile(r"(?<!`)(`+)(?!`)((?:[^\n]|\n(?![ \t]*\n))+?)(?<!`)\1(?!`)")
CODE = "\ufffc"
"""Stands where inline code stood."""
DRAWN = re.compile(r"[ \t{.]*(?:(?:mermaid|text|txt|plain|plaintext|plantuml|dot)\b|$)")
"""Info strings of blocks that hold words rather than code."""
TARGET = re.compile(
    r"\]\(\s*<?([^\s()<>]*(?:\([^\s()]*\)[^\s()<>]*)*)[^)\n]*\)|^\s*\[[^\]\n]+\]:\s*(\S+)", re.M
)
TAG = re.compile(r"<[/!]?[a-zA-Z][^<>]*>")
CODE_TAG = re.compile(
    r"<[/!][a-zA-Z][^<>]*>|(?<!\w)<[a-zA-Z][^<>]*>"
    r"|<(?:a|abbr|b|br|code|em|i|img|kbd|mark|s|small|span|strong|sub|sup|u)\b[^<>]*>"
)
"""A tag or placeholder within code: what stands in angle brackets right behind a word is a type's
argument, List<String>, unless HTML has it there."""
TAG_LINK = re.compile(r"""(?:href|src)=["']([^"']+)["']""")
URL = re.compile(r"https?://[^\s<>()\[\]\"'`*|\u0080-\uffff]+")
ENTITY = re.compile(r"&#?\w+;")
MARKER = re.compile(r"^[ \t>]*\d+[.)](?=\s)", re.M)
"""Of an ordered list; what is counted is the items' own matter."""

COMMENT = re.compile(r"(?:(?<=\s)|^)(?:#|//|--\s|;;).*|/\*.*?\*/|<!--.*?-->")
STRING = re.compile(r"(\"\"\"|'''|\"|')(.*?)(?<!\\)\1")
WORD = re.compile(r"\W*[A-Za-z]?[a-z]+(?:[+-][A-Z]?[a-z]+)*\W*|[A-Z]+")
"""Inline code that may be a word: some translate it, some write it without the marks."""
SPACE = re.compile(r"[\s\"'«»“”„‘’]+(?=(<[^<>=/\"'{}()]{1,60}>)?)")
PLAIN_STRING = re.compile(r"[\w ,.!?'-]*")
SIGN = re.compile(r"[^A-Za-z0-9_]")
CODE_SIGN = re.compile(r"[(){}\[\]=<>/_$@\\]|\w\.\w")

NUMBER = re.compile(
    r"(?<![A-Za-z_0-9])(?<![0-9][.,])"
    r"(?:[1-9][0-9]{0,2}(?: [0-9]{3})+(?![0-9])|[0-9]+(?:[.,'’][0-9]+)*)"
    r"|(?<=[A-Za-z])[0-9]+(?:\.[0-9]+)+"
)
GROUPED = re.compile(r"[1-9]\d{0,2}(?:([.,'’ ])\d{3})(?:\1\d{3})*")
STOPS = {ord(sign): " ; " for sign in "，、。；"}
"""Full-width signs between numbers, which NFKC would turn into decimal points and commas."""
LARGE = 5
"""Digits from which on a number may be written with a word for its zeros."""
ROMAN = tuple(zip((50, 40, 10, 9, 5, 4, 1), ("L", "XL", "X", "IX", "V", "IV", "I"), strict=True))
MYRIADS = {
    10**3: r"千(?![克瓦米])|천|k\b|thousand|tausend|mil\b|mille|тыс",
    10**4: r"万|萬|만",
    10**6: r"百万|million|millón|millon|milhã|млн|миллион|백만",
    10**8: r"億|亿|억",
    10**9: r"十億|十亿|billion|milliard|mil millones|миллиард|십억",
}
SCALED = {scale: re.compile(rf"\s?(?:{names})", re.I) for scale, names in MYRIADS.items()}
LANGUAGE_PART = re.compile(
    r"(?<=[^/])/[a-z]{2}(?:-[A-Za-z]{2,4})?(?=/|$)|(?<=//)[a-z]{2}(?:-\w+)?\."
)
DIGIT = re.compile(r"(?![0-9])\d")
DECADE = re.compile(r"(?:1[5-9]|20)\d0")
CENTURY = re.compile(rf"{DECADE.pattern}|1[0-4]00")
"""A year that names the one it is in: 1930 the 20th, 1600 the 17th."""
DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")


@dataclass(frozen=True, slots=True)
class Facts:
    """What stands in a text that no translator changes, each in one way of writing."""

    numbers: frozenset[str]
    code: frozenset[str]
    """Inline code, and lines of code blocks without comments and strings."""
    links: frozenset[str]
    shapes: Mapping[str, frozenset[str]]
    """Code with placeholders, these left blank -> how it is written, in whatever language."""

    def of(self, kind: str) -> frozenset[str]:
        """Those of one kind: "number", "code" or "link"."""
        return {"number": self.numbers, "code": self.code, "link": self.links}[kind]


def facts(text: str) -> Facts:
    """Numbers outside code, code, and link targets of Markdown."""
    code: set[str] = set()
    links: set[str] = set()
    shapes: dict[str, set[str]] = defaultdict(set)

    def block(match: re.Match[str]) -> str:
        if not DRAWN.match(match[2]):
            bare = NAMED.sub("", CODE_TAG.sub("", match[3]))
            code.update(code_lines(bare))
            for line in bare.splitlines():
                _shaped(squeezed(line), shapes)
        return "\n"

    def span(match: re.Match[str]) -> str:
        name = squeezed(match[2])
        _shaped(name, shapes)
        if name.isascii() and any(char.isalnum() for char in name[1:]):
            code.add(name)
        return f" {CODE} "

    def target(match: re.Match[str]) -> str:
        links.add(link(match[1] or match[2] or ""))
        return "] "

    def tag(match: re.Match[str]) -> str:
        links.update(link(found) for found in TAG_LINK.findall(match[0]))
        return " "

    def url(match: re.Match[str]) -> str:
        links.add(link(match[0]))
        return " "

    text = FENCE.sub(block, text)
    text = DIRECTIVE.sub(span, text)
    text = INLINE.sub(span, ATTRIBUTES.sub(" ", text))
    text = URL.sub(url, TAG.sub(tag, TARGET.sub(target, text)))
    found = numbers(MARKER.sub(" ", ENTITY.sub(" ", text)))
    written = {blank: frozenset(ways) for blank, ways in shapes.items()}
    return Facts(frozenset(found), frozenset(code), frozenset(links - {""}), written)


def _shaped(code: str, shapes: dict[str, set[str]]) -> None:
    if (blank := shape(code)) != code:
        shapes[blank].add(code)


def numbers(text: str) -> set[str]:
    """The numbers in `text`, written one way: 1,000 and 1.000 and １０００ are "1000", 1万 is
    "10000", 2024-03-05 is "2024", "3" and "5". A digit that ends a name (OAuth2) is none."""
    plain = unicodedata.normalize("NFKC", text.translate(STOPS))
    plain = plain if plain.isascii() else DIGIT.sub(_digit, plain)
    plain = DATE.sub(r"\1 \2 \3", plain)
    return {_number(plain, match) for match in NUMBER.finditer(plain)}


def _digit(match: re.Match[str]) -> str:
    return str(unicodedata.decimal(match[0]))


def _number(text: str, match: re.Match[str]) -> str:
    raw = match[0]
    if GROUPED.fullmatch(raw):
        raw = re.sub(r"\D", "", raw)
    raw = re.sub(r"[,'’]", ".", raw)
    whole, dot, rest = raw.partition(".")
    number = (whole.lstrip("0") or "0") + dot + rest
    if number.count(".") > 1:
        return number
    for scale, names in reversed(SCALED.items()):
        if names.match(text, match.end()):
            return f"{float(number) * scale:.12g}"
    return number


def is_word(code: str) -> bool:
    """Whether a piece of code may be a word of a language, or a few."""
    return WORD.fullmatch(code) is not None


def squeezed(text: str) -> str:
    """Without white space and quotes, which translators change; a blank stays before a placeholder,
    which without one would be a type's argument."""
    return SPACE.sub(_squeezed, text)


def _squeezed(match: re.Match[str]) -> str:
    return " " if match[1] and any(char.isspace() for char in match[0]) else ""


def code_lines(block: str) -> set[str]:
    """The lines of a code block that are code: what people read in it is translated."""
    found = set()
    for line in block.splitlines():
        bare = STRING.sub(_string, COMMENT.sub("", line))
        bare = "".join(bare.split())
        if len(bare) > 2 and bare.isascii() and CODE_SIGN.search(bare):
            found.add(bare)
    return found


def _string(match: re.Match[str]) -> str:
    """A string stays if it is a name or a path, and not if somebody may have translated it."""
    said = match[2]
    return '""' if PLAIN_STRING.fullmatch(said) or not said.isascii() else f'"{said}"'


def link(target: str) -> str:
    """A link's target without what differs between the language versions of a site."""
    bare = target.strip().partition("#")[0]
    return re.sub(r"^https?://(?:www\.)?", "", LANGUAGE_PART.sub("", bare)).rstrip("/.,;:!?)")


def said_otherwise(number: str, others: set[str]) -> bool:
    """Whether one of `others` may be the same: a decade ("90" of 1990), a century (17 of the
    1600s), or a large number whose zeros are a word (1.5 of 1500000)."""
    digits = number.replace(".", "").strip("0")
    for other in others:
        short, long = sorted((number, other), key=len)
        if len(short) == 2 and DECADE.fullmatch(long) and long.endswith(short):
            return True
        century = str(int(short) - 1) if len(short) == 2 and short.isdecimal() else "-"
        if CENTURY.fullmatch(long) and long.startswith(century):
            return True
        if len(long) >= LARGE and digits and other.replace(".", "").strip("0") == digits:
            return True
    return False


def may_be_words(number: str) -> bool:
    """Whether `in_words` knows the number at all."""
    return number == "1" or number in NUMBER_WORDS


def in_words(number: str, text: str) -> bool:
    """Whether `text` may say `number` in words: "2" where it has "both", "二" or "II"."""
    if number == "1":
        return True
    found = NUMBER_WORDS.get(number)
    if found and found.search(text):
        return True
    numeral = roman(number)
    return bool(numeral and re.search(rf"(?<![A-Za-z]){numeral}(?![A-Za-z])", text))


def roman(number: str) -> str:
    """The Roman numeral of 2 to 89, which centuries and chapters have; else ""."""
    if not number.isdecimal() or not 2 <= int(number) < 90:
        return ""
    rest, numeral = int(number), ""
    for value, letters in ROMAN:
        numeral += letters * (rest // value)
        rest %= value
    return numeral


def polarity(sentence: str, language: str) -> int | None:
    """2 if the sentence says no, 0 if it does not, 1 if it may be said either way ("unusual",
    "only", "without"); None if the language has no table.

    Set phrases whose translations are no negations (not only, なければなりません, 不仅) count as 1.
    """
    table = NEGATION.get(language)
    if table is None:
        return None
    negative, phrases, weak = table
    plain = INLINE.sub(f" {CODE} ", unicodedata.normalize("NFKC", sentence))
    plain = TAG.sub("", re.sub(r"\]\([^)]*\)", "", plain)).replace("*", "").casefold()
    bare = phrases.sub(" ", plain)
    if negative.search(bare):
        return 2
    return int(bare != plain or bool(weak.search(plain)))
