"""Memory while indexing: the peak of `polyseek index` over inputs of growing size.

The input is a part of FastAPI's English documentation, copied 1, 2, 4 and 8 times. Every copy has
its number in every heading, so no passage is like another and all are embedded. The peak is the
resident set of the whole process (wait4). What must grow with a collection below 42,000 passages
is its vector index: 4 bytes a dimension, 1.5 MB per 1,000 passages of 384.

    python benchmarks/memory.py                    # about 500, 1,000, 2,000, 4,000 passages
    python benchmarks/memory.py --copies 1 16      # other sizes
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import data_directory, save_result
from indexing import polyseek

from polyseek.models.spec import DEFAULT, SPECS

FILES = 40
"""Of the documentation, in alphabetical order; about 500 passages."""
HEADING = re.compile(r"^(#{1,6} [^\n{]+)", re.MULTILINE)


def write_copies(target: Path, copies: int) -> None:
    """The documents, once for every copy, each with the copy's number in its headings."""
    source = data_directory() / "fastapi-docs" / "en"
    for path in sorted(source.rglob("*.md"))[:FILES]:
        text = path.read_text(encoding="utf-8")
        for number in range(copies):
            to = target / f"{number:03}" / path.relative_to(source)
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_text(HEADING.sub(rf"\1 (copy {number}) ", text), encoding="utf-8")


def measure(copies: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as directory:
        docs, kb = Path(directory) / "docs", Path(directory) / "kb"
        write_copies(docs, copies)
        ran = polyseek("index", docs, "--kb", kb)
        derived = {
            name: round(sum(f.stat().st_size for f in (kb / "derived").glob(pattern)) / 2**20, 2)
            for name, pattern in {
                "vectors_mb": "*/vectors.faiss",
                "words_mb": "*/lexical/*",
            }.items()
        }
    found = {
        "copies": copies,
        "passages": ran.told["chunks"],
        "embedded": ran.told["embedded"],
        "peak_mb": round(ran.peak_mb, 1),
        "seconds": round(ran.seconds, 1),
        **derived,
    }
    print(json.dumps(found), flush=True)
    return found


def growth(runs: list[dict[str, Any]]) -> dict[str, float]:
    """MB (2**20 bytes) of peak per 1,000 passages more, by least squares."""
    if len(runs) < 2:
        return {}
    thousands = [run["passages"] / 1000 for run in runs]
    slope = float(np.polyfit(thousands, [run["peak_mb"] for run in runs], 1)[0])
    index = 4 * SPECS[DEFAULT].dimensions * 1000 / 2**20
    return {
        "mb_per_1000_passages": round(slope, 2),
        "of_these_vector_index_mb": round(index, 2),
        "share_of_vector_index": round(index / slope, 2) if slope > 0 else 1.0,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--copies", type=int, nargs="+", default=[1, 2, 4, 8])
    args = parser.parse_args()
    runs = [measure(copies) for copies in args.copies]
    found = growth(runs)
    print(json.dumps(found))
    save_result("memory", {"copies": args.copies, "files": FILES}, {"runs": runs, **found})


if __name__ == "__main__":
    main()
