"""Ask a knowledge base several questions with one loaded model, and print the first five hits."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.text import Text

from polyseek import KnowledgeBase
from polyseek.report import snippet

HITS = 5
WIDTH = 72


def main() -> None:
    out = Console(highlight=False, soft_wrap=True)
    with KnowledgeBase.open(sys.argv[1]) as kb:
        for question in sys.argv[2:]:
            out.print(f"\n[bold]? {question}[/]")
            for hit in kb.search(question, k=HITS):
                text = Text(f"  {hit.language}  {hit.score:.2f}  {' > '.join(hit.headings)}  ")
                text.append(snippet(hit), style="dim")
                text.truncate(out.width - 1 if out.is_terminal else WIDTH, overflow="ellipsis")
                out.print(text)


if __name__ == "__main__":
    main()
