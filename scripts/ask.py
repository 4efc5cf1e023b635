"""Ask a knowledge base several questions with one loaded model. The first hit is shown with its
versions in other languages, each from the sentence that answers; the next four on a line each, and
the headings of their versions on another."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from polyseek import Hit, KnowledgeBase
from polyseek.snippets import answering, snippet

HITS = 5
WIDTH = 100


def name(hit: Hit) -> str:
    """A passage by its language and its last heading."""
    return f"{hit.language}  {hit.headings[-1] if hit.headings else hit.path}"


def names(versions: Sequence[Hit], width: int) -> Text:
    """Versions on one line, those of one heading once."""
    text = Text(f"  {'=':>4} " + "   ".join(dict.fromkeys(map(name, versions))), style="dim")
    text.truncate(width, overflow="ellipsis")
    return text


def line(hit: Hit, begin: str, width: int) -> Text:
    """A passage on one line, the sentence that answers in bold."""
    text = Text(f"  {begin:>4} {name(hit)}  ")
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
                if rank and hit.versions:
                    out.print(names(hit.versions, width))
                for version in () if rank else hit.versions:
                    out.print(line(version, "=", width))


if __name__ == "__main__":
    main()
