"""The calibration means that a knowledge base needs, under whatever instruction it is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from polyseek.engine.embeds import Embeds
from polyseek.engine.pool import Floats
from polyseek.languages.means import calibrated, under
from polyseek.languages.neutral import Calibrated
from polyseek.models.spec import Role


class Calibrating:
    """Means of one model, each made once. `model` is asked for when it is first needed."""

    def __init__(self, model: Callable[[], Embeds], cache: Path) -> None:
        self._model = model
        self._cache = cache
        self._known: dict[str, Calibrated] = {}

    def means(self, task: str = "") -> Calibrated:
        """Those for questions with the instruction `task`; "" is the model's own, or none."""
        if task not in self._known:
            self._known[task] = (
                under(self.means(), self._embed(""), self._embed(task))
                if task
                else calibrated(self._model().fingerprint, self._embed(""), self._cache)
            )
        return self._known[task]

    def _embed(self, task: str) -> Callable[[Sequence[str], Any], Floats]:
        def embed(texts: Sequence[str], role: Any) -> Floats:  # noqa: ANN401 - as means.Embed wants
            model, asked = self._model(), task if role == "query" else ""
            return model.embed(_fitting(model, texts, role), role, instruction=asked)

        return embed


def _fitting(model: Embeds, texts: Sequence[str], role: Role) -> list[str]:
    """The texts, or beginnings of those that a small model has no room for: a mean over what they
    say is made of beginnings as well."""
    room, fitted = model.room(role), list(texts)
    while long := [at for at, tokens in enumerate(model.count(fitted)) if tokens > room]:
        for at in long:
            fitted[at] = fitted[at][: len(fitted[at]) // 2]
    return fitted
