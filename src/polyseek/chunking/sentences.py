"""Where sentences end, in every script, and where clauses do.

Own rules and not ICU's: its rules end a sentence at every line break, which wraps lines in
Markdown, and know neither abbreviations nor code spans, links and addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from polyseek.chunking.spans import Level, Span, between

_FULL = "。！？｡︒﹒﹖﹗।॥؟۔։።፧၊။។៕᙮᠃᠉‼⁇⁈⁉⸮\u037e"
"""Marks that end a sentence whatever follows; those that need a look around are in `_ENDS`."""
_CLOSERS = "”’»›」』】〉》〕）)\\]}\"'*_~"
_CLOSED = rf"(?:[\u00a0\u202f]?[{_CLOSERS}])*"
_PAIRED = re.compile(r"([\"'*_~])\1*$")
"""Marks that look the same whether they open or close; the others say what they do."""
_QUIET = r"""
    (?P<quiet>
        (?<!`)(?P<tick>`+)(?!`)[^`]{1,400}?(?P=tick)(?!`)            # a code span
      | !?\[[^\[\]]{0,400}\]\([^()\s]{0,1000}(?:\s+"[^"]{0,200}")?\)  # a link
      | <[a-zA-Z/!][^<>]{0,400}>                                      # a tag or <address>
      | (?:https?|ftp)://[!-~]*[\w/\#=&-]                             # a bare address
    )"""
_ENDS = re.compile(
    rf"""{_QUIET}
  | (?P<full>(?>[{_FULL}]+[.!?…]*{_CLOSED})(?!と))  # not in 「はい。」と
  | (?P<stop>(?:[.．!?…]|(?<=[\u0370-\u03ff\u1f00-\u1fff]);)+(?:[\u00a0\u202f]?[{_CLOSERS}“])*)""",
    re.VERBOSE | re.ASCII,
)
_CLAUSES = re.compile(
    rf"""{_QUIET}
  | (?P<full>[，、；：،؛]+{_CLOSED})
  | (?P<stop>[,;:]+(?:[\u00a0\u202f]?[{_CLOSERS}“])*(?=\s) | \s[—–-]+(?=\s) | (?:\r\n?|\n)
      | (?<=[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])\s)""",
    re.VERBOSE,
)
_CJK = re.compile(
    "[\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]"
)
_TOKEN_BEFORE = re.compile(r"[^\s(\[{\"'“”„«»*_/]+$")
_DIGITS = re.compile(r"\d")
_NUMBER = re.compile(r"\d{1,2}|[IVX]{1,5}")
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
_KNOWN = """
al approx art bd bsp bspw bzw ca cf ch col dept dr dra ed eds ej eq est etc evtl ff fig figs fr gen
ggf gov hon hr inc inkl jr lt ltd max min mlle mme mr mrs ms mt no nos nr núm op pág págs par pp
prof ref rep rev sec sen sgt sog sr sra srta st str tel usw vgl vol vols vs
apr aug dec feb jan jul jun mar nov oct okt sep sept av bkz doç örn vb yy gs tp ths
акад вв гг гл гр др илл им кв км млн млрд напр обл пер пл пр проф рис род руб св см соч ср ст стр
табл тел тыс ул чл экз
αι αρ βλ δηλ δρ κα κλπ κος μμ στ
डॉ श्री प्रो पू कि मि هـ
"""
_ABBREVIATIONS = frozenset(_KNOWN.split())


def sentences(text: str, span: Span) -> list[Span]:
    """The sentences of a paragraph, each with the quotes and brackets that close it."""
    borders = _borders(_ENDS, text, span)
    return between(text, borders, span, "sentence", Level.SENTENCE)


def clauses(text: str, span: Span) -> list[Span]:
    """The parts of a sentence between commas, dashes and line breaks; of Thai, between spaces."""
    return between(text, _borders(_CLAUSES, text, span), span, "clause", Level.CLAUSE)


def _borders(marks: re.Pattern[str], text: str, span: Span) -> Iterator[int]:
    last = span.start
    for match in marks.finditer(text, span.start, span.end):
        if match["quiet"]:
            continue
        if match["full"] or marks is _CLAUSES or _ends_sentence(text, match, span):
            last = _without_opener(text, max(last, match.start() - 400), match)
            yield last


def _without_opener(text: str, sentence: int, match: re.Match[str]) -> int:
    """Where `match` ends; before its last mark if that opens what follows, as in 。**重要**。"""
    paired = _PAIRED.search(match[0])
    end = match.end()
    if not paired or end >= len(text) or text[end].isspace():
        return end
    before = text.count(paired[0], sentence, match.start())
    return end if before % 2 else match.start() + paired.start()


def _ends_sentence(text: str, match: re.Match[str], span: Span) -> bool:
    """Whether a mark that also stands within words, numbers and names ends a sentence here."""
    start, end = match.span()
    after = text[end : min(end + 24, span.end)]
    begins = after.lstrip(" \t\r\n*_`“\"'«([¿¡")
    if not begins:
        return True
    if not after[0].isspace():
        return bool(_CJK.match(after)) and not _DIGITS.fullmatch(text, start - 1, start)
    period = match[0].startswith(".") and not match[0].startswith("..")
    return not begins[0].islower() and not (period and _abbreviates(text, span.start, start))


def _abbreviates(text: str, paragraph: int, period: int) -> bool:
    """Whether the period at `period` belongs to the word before it: an abbreviation, an initial,
    or the number of a list or of a day ("3. Oktober")."""
    token = _TOKEN_BEFORE.search(text, max(paragraph, period - 24), period)
    if not token:
        return False
    word = token[0].casefold()
    initial = len(word) == 1 and word.isalpha() and not _CJK.match(word)
    return (
        initial
        or word in _ABBREVIATIONS
        or bool(_DOTTED.fullmatch(word))
        or bool(_NUMBER.fullmatch(token[0]))
    )
