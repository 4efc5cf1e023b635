"""What texts cost in tokens, asked in batches.

Costs add up only nearly: a tokenizer may join or part what stands at a seam. So sums are used to
plan, and the count of the finished text decides (`fit.settle`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from polyseek.chunking.spans import Span, gap_start
from polyseek.errors import BadInput

Count = Callable[[Sequence[str]], Sequence[int]]

_BATCH_CHARS = 1 << 20
"""A tokenizer holds a batch's tokens in memory, some 100 bytes each."""


@dataclass(slots=True)
class Ruler:
    """`count` and the budget, with a memory for what is asked again and again."""

    count: Count
    max_tokens: int
    frame: int = field(init=False)
    """Tokens of an empty text: those a tokenizer adds to any, such as `<s>` and `</s>`."""
    known: dict[str, int] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.frame = self.count([""])[0]
        if self.max_tokens <= self.frame:
            raise BadInput(
                f"max_tokens={self.max_tokens} leaves no room for text: the tokenizer adds "
                f"{self.frame} tokens of its own; give at least {self.frame + 8}"
            )

    @property
    def room(self) -> int:
        """Tokens for headings, context and text together."""
        return self.max_tokens - self.frame

    def tokens(self, texts: Iterable[str]) -> list[int]:
        """Tokens of each text, as the model will read it."""
        counts: list[int] = []
        batch: list[str] = []
        size = 0
        for text in texts:
            batch.append(text)
            size += len(text) + 64  # an empty text costs something, too
            if size > _BATCH_CHARS:
                counts += self.count(batch)
                batch, size = [], 0
        return counts + list(self.count(batch)) if batch else counts

    def costs(self, texts: Iterable[str]) -> list[int]:
        """Tokens that each text adds to a longer one."""
        return [max(0, tokens - self.frame) for tokens in self.tokens(texts)]

    def span_costs(self, text: str, spans: Iterable[Span]) -> list[int]:
        """What each span adds to a chunk, with the white space before it."""
        return self.costs(text[gap_start(text, span.start) : span.end] for span in spans)

    def learn(self, texts: Iterable[str]) -> None:
        """Count texts that recur (titles, table headers), so that `cost` knows them."""
        new = [text for text in dict.fromkeys(texts) if text and text not in self.known]
        self.known.update(zip(new, self.costs(new), strict=True))

    def cost(self, text: str) -> int:
        """The cost of a text that was learnt; of the empty one, nothing."""
        return self.known[text] if text else 0
