"""Where sentences and clauses end, script by script; `|` marks the ends that are wanted."""

from __future__ import annotations

import pytest

from polyseek.chunking.sentences import clauses, sentences
from polyseek.chunking.spans import Level, Span


def whole(text: str) -> Span:
    return Span(0, len(text), "paragraph", Level.BLOCK)


@pytest.mark.parametrize(
    "marked",
    [
        "He left.| She stayed!| Why?| Nobody knows…| The end.",
        'He said "Go."| She went.| (It rained.)| Then it stopped.',
        "Dr. Smith has 3.14 of them, e.g. v1.2.3, in the U.S. Army.| Next.",
        "J. R. Smith came.| See fig. 3 below.| It is on p. 7 of No. 12.",
        "Run `a. B! C?` now.| Open https://a.example/b.c?d=E.F now.| See [Foo. Bar](x.y) too.",
        "It ended... and went on.| Yahoo! is a name.",
        "Das ist z. B. so, am 3. Oktober.| Gut.| „Ja.“| Nein.",
        "Est-ce vrai ?| Oui.| «\u00a0Non.\u00a0»| Bien.",
        "¿Qué?| ¡Nada!| El Sr. Gómez vino.",
        "В 1990 г. он ушёл.| Т. е. совсем.| Почему?| Так.",
        "Πού είναι;| Εδώ είναι.| Π.χ. αυτό.",
        "هل هذا سؤال؟| نعم.| هذا جواب.",
        "यह घर है।| वह क्या है?| ठीक।",
        "黑豹队第一。|他说：“很好！”|于是走了。|真的？|是3.14，不是v1.2。",
        "これは文です。|「はい。」と言った。|次！|終わり。",
        "用 FastAPI!|很好.|见 e.g. 例子。**重要**。|完。".replace("。**重要", "。|**重要"),
        "**重要。**|次の文です。`code`です。|終".replace("。`", "。|`"),
        "이것은 문장입니다.| 정말요?| 네.",
        "One line\nwraps here.| Two.",
    ],
)
def test_sentences(marked: str) -> None:
    text = marked.replace("|", "")
    found = [text[span.start : span.end] for span in sentences(text, whole(text))]
    assert found == [part.strip() for part in marked.split("|")]


@pytest.mark.parametrize(
    "marked",
    [
        "first, second;| third 1,000 – fourth".replace("first, ", "first,| ").replace("– ", "–| "),
        "他来了，|她走了；|再见、|好",
        "ทีมรับ |ของแพนเธอร์ส",
        "a line\n|and another",
    ],
)
def test_clauses(marked: str) -> None:
    text = marked.replace("|", "")
    found = [text[span.start : span.end] for span in clauses(text, whole(text))]
    assert found == [part.strip() for part in marked.split("|")]
