"""Ask a knowledge base several questions with one loaded model. The first hit is shown with its
versions in other languages, each from the sentence that answers; the next four on a line each."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.text import Text

from polyseek import Hit, KnowledgeBase
from polyseek.snippets import answering, snippet

HITS = 5
WIDTH = 100


def line(hit: Hit, begin: str, width: int) -> Text:
    """A passage on one line, the sentence that answers in bold."""
    text = Text(f"  {begin:>4} {hit.language}  {hit.headings[-1] if hit.headings else hit.path}  ")
    told, start = snippet(hit), len(text)
    text.append(told, style="dim")
    first, last = answering(hit, told)
    text.stylize("not dim bold", start + first, start + last)
    text.truncate(width, overflow="ellipsis")
    return text


def main() -> None:
    out = Console(highlight=False, soft_wrap=True)
    width = out.width - 1 if out.is_terminal else WIDTH
    with KnowledgeBase.open(sys.argv[1]) as kb:
        for question in sys.argv[2:]:
            out.print(f"\n[bold]? {question}[/]")
            for rank, hit in enumerate(kb.search(question, k=HITS)):
                out.print(line(hit, f"{hit.score:.2f}", width))
                for version in () if rank else hit.versions:
                    out.print(line(version, "=", width))


if __name__ == "__main__":
    main()
