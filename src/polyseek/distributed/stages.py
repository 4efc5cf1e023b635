"""What each worker does with a part of the files. A stage depends on its part alone, and may be
done again at any time, on another machine.

Ray Data takes rows to rows; here a row has one field, the part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from polyseek.documents import Found
from polyseek.engine.embeds import Embeds
from polyseek.errors import BadInput, ModelError, PolyseekError, StoreError
from polyseek.preparing import Plan, Prepared, changed, prepare
from polyseek.store.reader import Reader
from polyseek.types import Chunk
from polyseek.vectors import Key, Made, Vectors, make

KINDS: Mapping[str, type[PolyseekError]] = {
    each.__name__: each for each in (ModelError, StoreError, BadInput)
}
REMEMBERED = 100_000
"""Texts that were asked for and may not be stored yet; far more than are on their way."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some files on their way through the stages."""

    number: int
    files: Sequence[Found]
    contents: Sequence[bytes | Prepared] = ()
    """Of each file its bytes, or what is wrong with it."""
    prepared: Sequence[Prepared] = ()
    """What each file has become."""
    wanted: Sequence[Chunk] = ()
    """Passages that are to be embedded."""
    made: Sequence[Made] = ()
    fault: tuple[str, str] | None = None
    """What ends the run: one of KINDS, and the message."""


Row = dict[str, Any]
Model = Callable[[], Embeds]


class Stage:
    """A step for every part that has no fault."""

    def __call__(self, row: Row) -> Row:
        """As Ray Data wants it."""
        part: Part = row["part"]
        if part.fault:
            return row
        try:
            return {"part": self.step(part)}
        except PolyseekError as error:
            kind = next((k for k, each in KINDS.items() if isinstance(error, each)), "BadInput")
            return {"part": Part(part.number, part.files, fault=(kind, str(error)))}

    def step(self, part: Part) -> Part:
        """The part after this stage."""
        raise NotImplementedError


class Read(Stage):
    """The bytes of the files, on the machine that has them."""

    def step(self, part: Part) -> Part:
        """As Stage."""
        return replace(part, contents=[changed(found, None) for found in part.files])


class Cut(Stage):
    """Documents in chunks."""

    def __init__(self, model: Model, plan: Plan) -> None:
        self._load, self._plan = model, plan

    @cached_property
    def _model(self) -> Embeds:
        return self._load()

    def step(self, part: Part) -> Part:
        """As Stage."""
        made = [
            each
            if isinstance(each, Prepared)
            else prepare(found, each, self._model.count, self._plan)
            for found, each in zip(part.files, part.contents, strict=True)
        ]
        return replace(part, contents=(), prepared=made)


class Ask(Stage):
    """What of it the collection does not know, nor will know from an earlier part: on the machine
    that has the collection, one for all. A wrong answer costs time and nothing else: a vector that
    is missing when its document is stored is made there."""

    def __init__(self, catalog: Callable[[], Reader]) -> None:
        self._open = catalog
        self._asked: dict[Key, int] = {}
        """Which part wants a text."""

    @cached_property
    def _catalog(self) -> Reader:
        return self._open()

    def step(self, part: Part) -> Part:
        """As Stage."""
        chunks = [chunk for each in part.prepared for chunk in each.chunks]
        missing = Vectors(self._catalog, chunks).missing
        # A part that is done again wants what it wanted before.
        wanted = [
            chunk
            for key, chunk in missing.items()
            if self._asked.setdefault(key, part.number) >= part.number
        ]
        for key in list(self._asked)[: len(self._asked) - REMEMBERED]:
            del self._asked[key]
        return replace(part, wanted=wanted)


class Embed(Stage):
    """The vectors of what is wanted."""

    def __init__(self, model: Model, plan: Plan, fingerprint: Mapping[str, Any]) -> None:
        self._load, self._plan, self._fingerprint = model, plan, dict(fingerprint)

    @cached_property
    def _model(self) -> Embeds:
        model = self._load()
        mine, theirs = model.fingerprint, self._fingerprint
        different = sorted(name for name in mine if mine[name] != theirs.get(name))
        if different:
            told = ", ".join(f"{n}: {theirs.get(n)!r} here, {mine[n]!r} there" for n in different)
            raise ModelError(
                f"a worker of the cluster has another model ({told}); put the same version of "
                "polyseek and the same weights on every node"
            )
        return model

    def step(self, part: Part) -> Part:
        """As Stage."""
        if not part.wanted:
            return part
        made = list(make(self._model, part.wanted, _nobody, self._plan.instruction))
        return replace(part, wanted=(), made=made)


def _nobody(more: int, texts: int, passages: int) -> None:
    """Progress is told when a part arrives."""
