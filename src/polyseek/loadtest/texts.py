"""What is asked: texts of so many tokens in many scripts, never the same twice, or the user's own.

A generated text is the same dozen words of its script, over and over, in another order each time
behind a running number. A cache of whole texts is of no use then, nor one of their beginnings; and
as tokenizers cut at spaces and signs first, all texts of a script have about the same number of
tokens.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from polyseek.errors import BadInput

WORDS = {
    "latin": (" ", "server login report network the customer with invoice storage key and backup"),
    "han": ("，", "服务器 登录 报告 网络 客户 发票 存储 密钥 备份 权限 日志 端口"),
    "kana": (
        "、",
        "サーバー ログイン 報告 つながり お客様 請求書 保存する 鍵 写し 権限 記録 知らせ",
    ),
    "cyrillic": (" ", "сервер вход отчёт сеть клиент и счёт хранение ключ для копия журнал"),
    "arabic": (" ", "خادم دخول تقرير شبكة عميل مع فاتورة تخزين مفتاح نسخة سجل في"),
    "devanagari": (" ", "सर्वर लॉगिन रिपोर्ट नेटवर्क ग्राहक के बिल भंडार कुंजी और प्रति अधिकार"),
    "hangul": (" ", "서버 로그인 보고서 네트워크 고객 청구서 저장소 열쇠 백업 권한 기록 그리고"),
    "thai": (" ", "เซิร์ฟเวอร์ เข้าสู่ระบบ รายงาน เครือข่าย ลูกค้า ใบแจ้งหนี้ กุญแจ สำรอง สิทธิ์ บันทึก และ ที่"),
}
"""Script: what stands between its words, and the words."""
USUAL = 1.6
"""Tokens of a word with what follows it, until an answer tells."""
ORDERS = 64
"""Of the dozen words that are kept; to mix all anew for each text takes longer than to send it."""
SPARE = 0.02
"""Of a text's tokens, for what another order changes: a model's limit is not to be passed."""


class Texts(Protocol):
    """Where the texts of requests come from."""

    source: str
    """In words, for the result."""

    def take(self, count: int) -> list[str]:
        """The next ones."""


class Generated:
    """Texts of about `tokens` tokens and hardly ever more, script after script."""

    def __init__(self, tokens: int, seed: int | None = None) -> None:
        """Without a `seed` no run has the texts of another."""
        if tokens < 1:
            raise BadInput(f"--tokens is {tokens}; give at least 1")
        self.source = f"generated in {len(WORDS)} scripts, none twice, of at most {tokens} tokens"
        self._tokens = tokens
        self._random = random.Random(seed)
        self._serial = self._random.randrange(100_000, 500_000)
        self._turn = 0
        self._words = {script: max(1, int(tokens / 2 / USUAL)) for script in WORDS}
        self._orders = {script: self._mixed(script) for script in WORDS}

    def samples(self) -> dict[str, str]:
        """A text of each script, for its tokens to be counted."""
        return {script: self._made(script) for script in WORDS}

    def fit(self, script: str, tokens: int) -> None:
        """The script's sample had so many tokens; its texts get as many words as fit."""
        spare = max(2.0, self._tokens * SPARE) if self._tokens > 8 else 0.0
        self._words[script] = max(1, int(self._words[script] * (self._tokens - spare) / tokens))

    def take(self, count: int) -> list[str]:
        """The next ones."""
        scripts = list(WORDS)
        first, self._turn = self._turn, self._turn + count
        return [self._made(scripts[at % len(scripts)]) for at in range(first, first + count)]

    def _made(self, script: str) -> str:
        between, words = WORDS[script][0], WORDS[script][1].split()
        whole, rest = divmod(self._words[script], len(words))
        chosen = self._random.choices(self._orders[script], k=whole)
        if rest:
            chosen.append(between.join(self._random.sample(words[:rest], rest)))
        self._serial += 1
        return f"{self._serial} {between.join(chosen)}"

    def _mixed(self, script: str) -> list[str]:
        between, line = WORDS[script]
        words = line.split()
        return [between.join(self._random.sample(words, len(words))) for _ in range(ORDERS)]


class Given:
    """The user's texts, one after the other, from the first again after the last."""

    def __init__(self, texts: Sequence[str], name: str) -> None:
        self.source = f"{len(texts)} of {name}, in turn"
        self.count = len(texts)
        self._texts, self._at = texts, 0

    def take(self, count: int) -> list[str]:
        """The next ones."""
        first, self._at = self._at, self._at + count
        return [self._texts[at % self.count] for at in range(first, first + count)]


def read_texts(path: Path) -> Given:
    """A text a line; empty lines are none.

    Raises:
        BadInput: it cannot be read, or has none.
    """
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"--file {path} cannot be read: {error}; give UTF-8, a text a line"
        ) from error
    texts = [line.strip() for line in lines if line.strip()]
    if not texts:
        raise BadInput(f"--file {path} has no text; give UTF-8, a text a line")
    return Given(texts, path.name)
