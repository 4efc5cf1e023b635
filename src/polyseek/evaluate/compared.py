"""One result beside another, question by question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polyseek.errors import BadInput
from polyseek.evaluate.significance import difference


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of each measure that two records have: its mean before, the difference and its p.

    Raises:
        BadInput: they are of different data sets, or have no measure in common.
    """
    one, other = before["dataset"], after["dataset"]
    if one["digest"] != other["digest"]:
        raise BadInput(
            f"the earlier result is of {one['name']} {one['digest']} and this one of "
            f"{other['name']} {other['digest']}: documents, questions or answers have changed; "
            "measure both anew"
        )
    families = {each["id"]: each["family"] for each in after["questions"]}
    first, second = _by_measure(before), _by_measure(after)
    rows = []
    for name in [each for each in first if each in second]:
        found = difference(first[name], second[name], families)
        rows.append(
            {
                "measure": name,
                "before": before["figures"][name]["mean"],
                "mean": found.interval.mean,
                "low": found.interval.low,
                "high": found.interval.high,
                "p": found.p,
            }
        )
    if not rows:
        raise BadInput("the two results have no measure in common; take the same --at")
    return rows


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What two records were made with differently, as "grouped was True and is False"."""
    one, other = ({**each["model"], **each["settings"]} for each in (before, after))
    found = [
        f"{name} was {one.get(name)!r} and is {other.get(name)!r}"
        for name in dict.fromkeys([*one, *other])
        if one.get(name) != other.get(name)
    ]
    return found or ["made with the same settings"]


def _by_measure(record: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Measure -> question -> value."""
    return {
        name: {each["id"]: each["values"][name] for each in record["questions"]}
        for name in record["figures"]
    }
