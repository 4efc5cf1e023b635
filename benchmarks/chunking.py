"""Are blocks kept whole, and do chunks end where sentences do? Real Markdown in eight languages.

The judge is independent of polyseek's chunker: it reads the blocks from markdown-it-py's tokens,
takes its own heading paths, and counts with the model's tokenizer.

* A code block, table or list of any depth is *cut* if no chunk holds all of it, though it fits in
  the budget with its heading path (its own, or that of the chunk where it starts).
* A chunk ends *inside prose* if it ends inside a paragraph. In the documents, marks of
  punctuation tell whether that is the end of a sentence. There, few chunks do; so the same is
  asked of long prose without line breaks: articles of XQuAD-R (its own sentence breaks decide; en
  and zh), and the Japanese prose of each document (punctuation decides). XQuAD-R's breaks miss
  the end of a Chinese sentence before one that begins with a digit ("。1955"): `share` counts
  those as sentence ends, `share_as_published` does not.

LangChain's RecursiveCharacterTextSplitter is measured beside it where it is installed: as its
tutorial has it (1,000 characters, 200 of overlap; what fits is what has 1,000 characters), and
with polyseek's own budget in tokens, without overlap.

    python benchmarks/chunking.py               # 984 files and the sample: 3 minutes
    python benchmarks/chunking.py --every 20    # every 20th file: a quick look
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from common import DATA, ROOT, save
from markdown_it import MarkdownIt

from polyseek.chunking import chunk
from polyseek.documents import read
from polyseek.engine.load import load
from polyseek.knowledge_base import CHUNK_TOKENS
from polyseek.types import Document

SMALL = 128
TUTORIAL = 1000, 200
PROSE_LANGUAGES = ("en", "zh", "ja")
KINDS = {
    "fence": "code",
    "code_block": "code",
    "table_open": "table",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "paragraph_open": "paragraph",
}
CLOSERS = r"[”’»」』】》）)\]\"'*_~`]*"
SENTENCE_END = re.compile(rf"(?:[。！？…!?]|(?P<period>\.)){CLOSERS}$")

Count = Callable[[Sequence[str]], Sequence[int]]


@dataclass(frozen=True)
class Piece:
    """What a splitter made: text[start:end] and the heading path it will be embedded with."""

    start: int
    end: int
    path: str = ""


@dataclass(frozen=True)
class Block:
    """A block as the judge reads it: from its first to its last character of ink."""

    kind: str
    line: int
    """Where its first line starts: indentation counts as tokens."""
    start: int
    end: int
    path: str


Splitter = Callable[[Document], list[Piece]]
Fits = Callable[[str, Sequence[tuple[Block, Piece]]], list[bool]]


@dataclass(frozen=True)
class File:
    """A document with the judge's reading of it, made once."""

    language: str
    document: Document

    @cached_property
    def blocks(self) -> list[Block]:
        return list(judge(self.document.text))


# --- the judge -----------------------------------------------------------------------------------


def judge(text: str) -> Iterator[Block]:
    """Every code block, table, list and paragraph, nested ones too."""
    front = re.match(r"---\n.*?\n---\n", text, re.DOTALL)
    body = front[0].count("\n") * "\n" + text[front.end() :] if front else text
    starts = [0, *(m.end() for m in re.finditer(r"\r\n?|\n", text)), len(text)]
    titles: dict[int, str] = {}
    tokens = MarkdownIt("commonmark").enable("table").parse(body)
    for token, after in pairwise(tokens):
        if token.type == "heading_open" and token.level == 0:
            level = int(token.tag[1])
            words = "".join(c.content for c in after.children or [])
            titles = {n: title for n, title in titles.items() if n < level}
            titles[level] = re.sub(r"\s*\{[^{}]*\}\s*$", "", words)
        yield from _block(token, text, starts, " > ".join(titles.values()))
    yield from _block(tokens[-1], text, starts, " > ".join(titles.values())) if tokens else ()


def _block(token: Any, text: str, starts: Sequence[int], path: str) -> Iterator[Block]:  # noqa: ANN401
    if token.type not in KINDS or token.map is None:
        return
    line, after = (starts[min(n, len(starts) - 1)] for n in token.map)
    raw = text[line:after]
    start, end = line + len(raw) - len(raw.lstrip()), line + len(raw.rstrip())
    if end > start:
        yield Block(KINDS[token.type], line, start, end, path)


def ends_sentence(text: str, at: int) -> bool:
    """Whether text[:at] ends with a sentence, by its marks and by what follows."""
    end = SENTENCE_END.search(text, max(0, at - 20), at)
    return bool(end) and not (end["period"] and text[at : at + 9].lstrip(" \n*_`\"'(")[:1].islower())


def fits_in_tokens(budget: int, count: Count) -> Fits:
    """With the judge's heading path, or with that of the chunk where the block starts."""

    def fits(text: str, found: Sequence[tuple[Block, Piece]]) -> list[bool]:
        bodies = [text[block.line : block.end] for block, _ in found]
        own = count([f"{block.path}\n{body}" for (block, _), body in zip(found, bodies)])
        its = count([f"{holder.path}\n{body}" for (_, holder), body in zip(found, bodies)])
        return [min(pair) <= budget for pair in zip(own, its)]

    return fits


def fits_in_characters(budget: int) -> Fits:
    return lambda text, found: [block.end - block.line <= budget for block, _ in found]


# --- what is counted -----------------------------------------------------------------------------


def structure(files: Iterable[File], split: Splitter, fits: Fits) -> dict[str, Any]:
    """Blocks that fit, those of them that are cut, and where the chunks end."""
    seen: Counter[str] = Counter()
    cut: Counter[str] = Counter()
    inside: Counter[str] = Counter()
    right: Counter[str] = Counter()
    examples: list[str] = []
    chunks = seconds = 0.0
    split(Document("warm", "The tokenizer is read when it is first needed."))
    for file in files:
        began = time.perf_counter()
        pieces = split(file.document)
        seconds += time.perf_counter() - began
        chunks += len(pieces)
        for block in _cut(file, pieces, fits, seen):
            cut[block.kind] += 1
            name, line = file.document.path, file.document.text.count("\n", 0, block.start) + 1
            examples.append(f"{name}:{line} {block.kind}")
        for ok in _prose_ends(file, pieces):
            inside[file.language] += 1
            right[file.language] += ok
    return {
        "chunks": int(chunks),
        "chunks_per_s": round(chunks / seconds, 1),
        "fit": {kind: seen[kind] for kind in ("code", "table", "list", "paragraph")},
        "cut": {kind: cut[kind] for kind in ("code", "table", "list", "paragraph")},
        "cut_examples": examples[:20],
        "ends_inside_prose": {
            language: _share(right[language], inside[language]) for language in PROSE_LANGUAGES
        },
    }


def _cut(file: File, pieces: Sequence[Piece], fits: Fits, seen: Counter[str]) -> Iterator[Block]:
    """The blocks that fit and that no piece holds; those that fit are counted in `seen`."""
    found = []
    for block in file.blocks:
        held = [p for p in pieces if p.start <= block.start < p.end]
        found.append((block, held[-1] if held else Piece(0, 0)))
    for (block, _), fit in zip(found, fits(file.document.text, found), strict=True):
        if fit:
            seen[block.kind] += 1
            if not any(p.start <= block.start and block.end <= p.end for p in pieces):
                yield block


def _prose_ends(file: File, pieces: Sequence[Piece]) -> Iterator[bool]:
    """For each chunk that ends inside a paragraph: whether it is at the end of a sentence."""
    text = file.document.text
    for piece in pieces:
        end = piece.start + len(text[piece.start : piece.end].rstrip())
        if any(b.kind == "paragraph" and b.start < end < b.end for b in file.blocks):
            yield ends_sentence(text, end)


def _share(right: int, of: int) -> dict[str, Any]:
    return {"ends": of, "at_sentence": right, "share": round(right / of, 4) if of else None}


def faults(files: Iterable[File], budget: int, count: Count) -> dict[str, int]:
    """Broken promises of polyseek's chunks: ranges, budget, gaps."""
    found: Counter[str] = Counter()
    for file in files:
        text, cursor = file.document.text, 0
        chunks = chunk(file.document, budget, count)
        tokens = count([each.embedded_text for each in chunks])
        for each, size in zip(chunks, tokens, strict=True):
            found["not_its_range"] += each.text != text[each.start : each.end] or not each.text
            found["over_budget"] += size > budget
            found["miscounted"] += size != each.tokens
            found["overlaps"] += each.start < cursor
            found["gap_with_ink"] += bool(text[cursor : each.start].strip())
            cursor = each.end
        found["gap_with_ink"] += bool(text[cursor:].strip())
    return dict(found)


# --- long prose ----------------------------------------------------------------------------------


def long_prose(files: Iterable[File]) -> dict[str, list[tuple[str, set[int] | None]]]:
    """Texts of one line by language, with the offsets where sentences end (None: punctuation)."""
    texts: dict[str, list[tuple[str, set[int] | None]]] = {
        "en": _articles("en", " "),
        "zh": _articles("zh", ""),
        "ja": [],
    }
    for file in files:
        if file.language == "ja":
            text = file.document.text
            prose = [text[b.start : b.end] for b in file.blocks if b.kind == "paragraph"]
            ended = [p.replace("\n", "") for p in prose if ends_sentence(p, len(p))]
            texts["ja"].append(("".join(ended), None))
    return texts


def _articles(language: str, glue: str) -> list[tuple[str, set[int] | None]]:
    """The paragraphs of each article as one, with the gold sentence ends."""
    data = json.loads((DATA / "xquad-r" / f"{language}.json").read_text(encoding="utf-8"))["data"]
    articles: list[tuple[str, set[int] | None]] = []
    for article in data:
        text, ends = "", set[int]()
        for paragraph in article["paragraphs"]:
            context = paragraph["context"]
            text += glue if text else ""
            ends |= {len(text) + len(context[:b].rstrip()) for _, b in paragraph["sentence_breaks"]}
            text += context.rstrip()
        articles.append((text, ends))
    return articles


def prose_ends(texts: dict[str, list[tuple[str, set[int] | None]]], split: Splitter) -> Any:  # noqa: ANN401
    shares = {}
    for language, some in texts.items():
        right = published = of = 0
        for text, gold in some:
            for piece in split(Document("prose", text, "text")):
                end = piece.start + len(text[piece.start : piece.end].rstrip())
                if end == len(text.rstrip()):
                    continue
                of += 1
                if gold is None:
                    right += ends_sentence(text, end)
                else:
                    published += end in gold
                    missed = text[end - 1] == "。" and text[end:].lstrip()[0].isdigit()
                    right += end in gold or missed
        shares[language] = _share(right, of)
        if of and any(gold is not None for _, gold in some):
            shares[language]["share_as_published"] = round(published / of, 4)
    return shares


# --- splitters -----------------------------------------------------------------------------------


def polyseek_splitter(budget: int, count: Count) -> Splitter:
    def split(document: Document) -> list[Piece]:
        chunks = chunk(document, budget, count)
        return [Piece(c.start, c.end, " > ".join(c.headings)) for c in chunks]

    return split


def langchain_splitter(size: int, overlap: int, count: Count | None = None) -> Splitter | None:
    """LangChain's default splitter; None where it is not installed."""
    try:
        from langchain_text_splitters import RecursiveCharacterTextSplitter
    except ImportError:
        return None
    splitter = RecursiveCharacterTextSplitter(
        chunk_size=size,
        chunk_overlap=overlap,
        length_function=len if count is None else lambda text: count([text])[0],
        add_start_index=True,
    )

    def split(document: Document) -> list[Piece]:
        made = splitter.create_documents([document.text])
        starts = [each.metadata["start_index"] for each in made]
        return [Piece(s, s + len(e.page_content)) for s, e in zip(starts, made, strict=True)]

    return split


def read_files(every: int) -> list[File]:
    """The Markdown of the FastAPI documentation and of the sample; its folder is its language."""
    roots = [DATA / "fastapi-docs", ROOT / "examples" / "cloud-security-policy"]
    files = []
    for root in roots:
        for path in sorted(root.glob("*/**/*.md"))[::every]:
            name = path.relative_to(root).as_posix()
            document = read(path, f"{root.name}/{name}")
            assert document is not None
            files.append(File(name.split("/")[0], document))
    return files


def measure(files: list[File], count: Count, small: int) -> dict[str, Any]:
    prose = long_prose(files)
    splitters: dict[str, tuple[Splitter | None, Fits]] = {
        f"polyseek, {budget} tokens": (
            polyseek_splitter(budget, count),
            fits_in_tokens(budget, count),
        )
        for budget in (CHUNK_TOKENS, small)
    }
    splitters[f"LangChain, {TUTORIAL[0]} characters, overlap {TUTORIAL[1]}"] = (
        langchain_splitter(*TUTORIAL),
        fits_in_characters(TUTORIAL[0]),
    )
    splitters[f"LangChain, {CHUNK_TOKENS} tokens"] = (
        langchain_splitter(CHUNK_TOKENS, 0, count),
        fits_in_tokens(CHUNK_TOKENS, count),
    )
    results: dict[str, Any] = {}
    for name, (split, fits) in splitters.items():
        if split is None:
            print(f"{name}: not installed (pip install langchain-text-splitters)")
            continue
        results[name] = {
            **structure(files, split, fits),
            "long_prose": prose_ends(prose, split),
        }
        show(name, results[name])
    for budget in (CHUNK_TOKENS, small):
        broken = faults(files, budget, count)
        results[f"polyseek, {budget} tokens"]["faults"] = broken
        print(f"\nbroken promises at {budget} tokens: {broken}")
    return results


def show(name: str, found: dict[str, Any]) -> None:
    print(f"\n{name}: {found['chunks']:,} chunks, {found['chunks_per_s']:,} a second")
    for kind, fit in found["fit"].items():
        print(f"  {kind:10}{fit:7,} fit, {found['cut'][kind]:6,} of them cut")
    for where in ("ends_inside_prose", "long_prose"):
        told = ", ".join(
            f"{lang} {100 * s['share']:.1f} % of {s['ends']:,}" if s["ends"] else f"{lang} none"
            for lang, s in found[where].items()
        )
        print(f"  {where.replace('_', ' ')}: at the end of a sentence {told}")
    for example in found["cut_examples"][:5]:
        print(f"    {example}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--every", type=int, default=1, help="take every Nth file only (1)")
    parser.add_argument("--small", type=int, default=SMALL, help=f"the other budget ({SMALL})")
    args = parser.parse_args()
    files = read_files(args.every)
    print(f"{len(files)} files, {sum(len(f.document.text) for f in files):,} characters")
    results = measure(files, load().count, args.small)
    if args.every == 1:
        save("chunking", {"files": len(files), "small": args.small}, results)


if __name__ == "__main__":
    main()
