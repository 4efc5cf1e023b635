"""Several ways to search, each put to one data set in a process of its own.

In one process the second model would be ready sooner than the first, and memory would be that of
both. What cannot run, for want of weights say, is listed with the reason, and the others run.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from polyseek.errors import BadInput
from polyseek.evaluate import record
from polyseek.evaluate.chunkers import OURS, check_name
from polyseek.evaluate.compared import differences
from polyseek.evaluate.dataset import Dataset
from polyseek.evaluate.names import main_of
from polyseek.models.instructions import PROFILES
from polyseek.models.spec import find_spec
from polyseek.policy import parse_policy

ERROR = "error:"
"""What a message of ours begins with on stderr."""


@dataclass(frozen=True, slots=True)
class Way:
    """One combination: options of `polyseek eval`, and what sets it apart."""

    name: str
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a way: a record of `polyseek eval`, or why there is none."""

    way: Way
    record: Mapping[str, Any] | None
    failed: str = ""


def ways(axes: Mapping[str, Sequence[str]]) -> list[Way]:
    """Every combination of the values of each option. A way is named by the options of which there
    are several values, or else by the first."""
    given = {option: values for option, values in axes.items() if values}
    varied = [option for option, values in given.items() if len(values) > 1] or list(given)[:1]
    made = []
    for values in itertools.product(*given.values()):
        options = dict(zip(given, values, strict=True))
        made.append(Way(", ".join(options[option] for option in varied), options))
    return made


def check(asked: Sequence[Way], dataset: Dataset) -> None:
    """Whether all can be asked for; to be asked before what takes long. What is only not there, as
    weights or a library, is told when its turn comes, and the others run.

    Raises:
        BadInput: fewer than two, an unknown chunker, or a policy for a language that no document
            is in. ModelError: an unknown model.
    """
    for way in asked:
        check_name(way.options.get("chunker", OURS))
        dataset.check(parse_policy(way.options.get("policy", "any")))
        model = way.options.get("model", "")
        if model and "://" not in model and not Path(model).is_dir():
            find_spec(model)
    if len(asked) < 2:
        only = f"{asked[0].name} is one way" if asked and asked[0].name else "nothing is named"
        raise BadInput(
            f"there is nothing to compare: {only}; name two or more with --models a,b, "
            "--chunkers a,b, --policies, --chunk-tokens or --instructions"
        )


def run(dataset: Path, way: Way, more: Sequence[str]) -> Result:
    """Put the data set to one way; `more`: further arguments of `polyseek eval`."""
    with TemporaryDirectory() as directory:
        written = Path(directory) / "eval.json"
        told = [*_arguments(way.options), *more, f"--out={written}"]
        done = subprocess.run(
            [sys.executable, "-m", "polyseek", "eval", str(dataset), *told],
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
            return Result(way, None, lines[-1].removeprefix(ERROR).strip())
        return Result(way, record.read(written, "eval"))


def _arguments(options: Mapping[str, str]) -> Iterator[str]:
    for option, value in options.items():
        name, _, url = value.rpartition("@")
        if option == "model" and url.startswith(("http://", "https://")):
            yield f"--model-url={url}"
            option, value = "model", name
        if value:
            yield f"--{option}={value}"


def summary(results: Sequence[Result]) -> dict[str, Any]:
    """All results as one record, with the differences of each to the first that ran.

    Raises:
        BadInput: none of them ran.
    """
    ran = [each.record for each in results if each.record]
    if not ran:
        told = "; ".join(f"{each.way.name}: {each.failed}" for each in results)
        raise BadInput(f"none of them ran: {told}")
    first = ran[0]
    return {
        "kind": "compare",
        "format": record.FORMAT,
        **record.made_with(),
        "dataset": first["dataset"],
        "runs": [
            {
                "name": each.way.name,
                "options": dict(each.way.options),
                "failed": each.failed,
                "record": each.record,
                "against_first": _against(first, each.record),
            }
            for each in results
        ],
    }


def _against(first: Mapping[str, Any], other: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if other is None or other is first:
        return None
    return next(row for row in differences(first, other) if row["measure"] == main_of(first))


def split_values(given: str) -> list[str]:
    """ "a, b" -> ["a", "b"]."""
    return [part.strip() for part in given.split(",") if part.strip()]


def split_policies(given: str) -> list[str]:
    """Policies separated by commas, which some have within them: "any,only:en,zh" are two.

    Raises:
        BadInput: one of them is none.
    """
    policies: list[str] = []
    for part in split_values(given):
        if policies and policies[-1].startswith("only:") and not _begins(part):
            policies[-1] += f",{part}"
        else:
            policies.append(part)
    for each in policies:
        parse_policy(each)
    return policies


def _begins(part: str) -> bool:
    return part in ("any", "balanced") or part.startswith(("prefer:", "only:"))


def split_instructions(given: Sequence[str]) -> list[str]:
    """Each a list of profiles, or a sentence, commas and all."""
    found: list[str] = []
    for told in given:
        parts = split_values(told)
        found += parts if all(part in PROFILES for part in parts) else [told]
    return found
