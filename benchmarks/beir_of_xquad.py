"""XQuAD-R as a folder in BEIR's format, for `polyseek eval` and whatever else reads it.

    python benchmarks/beir_of_xquad.py DIR                     # 11 languages, 13,090 questions
    python benchmarks/beir_of_xquad.py DIR --languages en zh   # of these only
    python benchmarks/beir_of_xquad.py DIR --step 10           # every 10th question

A question's answers are its paragraph in every language.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from common import data_directory

LANGUAGES = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path)
    parser.add_argument("--languages", nargs="+", default=LANGUAGES, choices=LANGUAGES)
    parser.add_argument("--step", type=int, default=1)
    chosen = parser.parse_args()
    corpus, queries, qrels = [], [], ["query-id\tcorpus-id\tscore"]
    for language in chosen.languages:
        path = data_directory() / "xquad-r" / f"{language}.json"
        articles = json.loads(path.read_text("utf-8"))["data"]
        paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
        meta = {"metadata": {"lang": language}}
        number = 0
        for at, paragraph in enumerate(paragraphs):
            corpus.append({"_id": f"{language}-{at}", "text": paragraph["context"], **meta})
            for asked in paragraph["qas"]:
                if number % chosen.step == 0:
                    id = f"{language}-q{number}"
                    queries.append({"_id": id, "text": asked["question"], **meta})
                    qrels += [f"{id}\t{other}-{at}\t1" for other in chosen.languages]
                number += 1
    write(chosen.directory / "corpus.jsonl", corpus)
    write(chosen.directory / "queries.jsonl", queries)
    (chosen.directory / "qrels").mkdir(exist_ok=True)
    (chosen.directory / "qrels" / "test.tsv").write_text("\n".join(qrels) + "\n", "utf-8")
    print(f"{len(corpus)} passages and {len(queries)} questions in {chosen.directory}")


def write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
