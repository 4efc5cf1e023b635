"""Tokenising for many requests: in a thread of its own, together, and in turns.

What waits when the thread is free is tokenised in one call, as far as it is to be prepared alike.
A request with many texts is done a part at a time, so that it does not hold up a small one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import cast

from polyseek.closing import Closing
from polyseek.engine.embedder import Embedder
from polyseek.engine.inputs import Cut, Tokens, ended, tokens_as_given, tokens_of
from polyseek.errors import Overloaded
from polyseek.models.spec import Role

TURN_CHARACTERS = 32_768
"""About 40 ms of one core: of all requests together, and of one request in its turn."""
CHARACTERS_A_TOKEN = 4
"""About; what is not tokenised yet is reckoned by it."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a request wants made of its inputs."""

    inputs: Sequence[str] | Sequence[Sequence[int]]
    """Texts, or token ids as the caller made them."""
    role: Role = "passage"
    instruction: str = ""
    truncate: Cut = "none"
    fitted: bool = True
    """Whether they are to fit the model. Else no number of tokens is too many."""

    @property
    def texts(self) -> bool:
        """Whether the inputs are texts."""
        return isinstance(self.inputs[0], str)

    @property
    def characters(self) -> int:
        """Of all inputs, each with its instruction; a token id counts as so many as it is about."""
        if not self.texts:
            return sum(map(len, self.inputs)) * CHARACTERS_A_TOKEN
        return sum(map(len, self.inputs)) + len(self.inputs) * len(self.instruction)


@dataclass(eq=False, slots=True)
class _Pending:
    ask: Ask
    done: Future[list[Tokens]] = field(default_factory=Future)
    made: list[Tokens] = field(default_factory=list)

    def part(self) -> int:
        """Where the part that is next ends."""
        end, characters = len(self.made), 0
        while end < len(self.ask.inputs) and characters < TURN_CHARACTERS:
            characters += len(self.ask.inputs[end]) + len(self.ask.instruction) + 1
            end += 1
        return end


class Intake(Closing):
    """Turns what requests ask for into token ids."""

    def __init__(self, embedder: Embedder) -> None:
        self.characters = 0
        """Of all that is not done."""
        self._embedder = embedder
        self._changed = Condition()
        self._pending: deque[_Pending] = deque()
        self._closed = False
        self._thread = Thread(target=self._work, name="intake", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def submit(self, ask: Ask) -> Future[list[Tokens]]:
        """Token ids of each input. It fails with what engine/inputs raises. Cancel it, and the
        rest is not done.

        Raises:
            Overloaded: it is closed.
        """
        pending, characters = _Pending(ask), ask.characters
        with self._changed:
            if self._closed:
                raise Overloaded("the server is shutting down; ask another, or this one later")
            self.characters += characters
            self._pending.append(pending)
            self._changed.notify()
        pending.done.add_done_callback(lambda _: self._forget(characters))
        return pending.done

    def close(self) -> None:
        """Do what is waiting, and end."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _forget(self, characters: int) -> None:
        with self._changed:
            self.characters -= characters

    def _work(self) -> None:
        while turn := self._next():
            alike: dict[tuple[bool, Role, str, Cut, bool], list[_Pending]] = {}
            for pending in turn:
                ask = pending.ask
                key = (ask.texts, ask.role, ask.instruction, ask.truncate, ask.fitted)
                alike.setdefault(key, []).append(pending)
            for group in alike.values():
                self._prepare(group)

    def _next(self) -> list[_Pending]:
        """Whose parts are done together now; nobody's when it is closed and all is done."""
        with self._changed:
            turn: list[_Pending] = []
            characters = 0
            while not turn or (self._pending and characters < TURN_CHARACTERS):
                if not self._pending:
                    if self._closed:
                        return []
                    self._changed.wait()
                    continue
                pending = self._pending.popleft()
                if pending.done.cancelled():
                    continue
                ask, start, end = pending.ask, len(pending.made), pending.part()
                characters += sum(
                    len(each) + len(ask.instruction) for each in ask.inputs[start:end]
                )
                turn.append(pending)
            return turn

    def _prepare(self, group: list[_Pending]) -> None:
        """One part of each; all of them are prepared alike."""
        parts = [pending.ask.inputs[len(pending.made) : pending.part()] for pending in group]
        first = len(group[0].made)
        try:
            made = iter(
                self._tokens(group[0].ask, [each for part in parts for each in part], first)
            )
        except Exception as error:  # whatever it was, the request is told and the thread lives on
            if len(group) > 1:  # each again by itself, so that one is told and by its own number
                for pending in group:
                    self._prepare([pending])
            else:
                with suppress(InvalidStateError):
                    group[0].done.set_exception(error)
            return
        for pending, part in zip(group, parts, strict=True):
            pending.made.extend(next(made) for _ in part)
            self._go_on(pending)

    def _tokens(self, ask: Ask, inputs: Sequence[str | Sequence[int]], first: int) -> list[Tokens]:
        """`first`: the number that the first input has in its request."""
        tokenizer, spec = self._embedder.tokenizer, self._embedder.spec
        if not ask.texts:
            rows = cast("Sequence[Sequence[int]]", inputs)
            if ask.fitted:
                return tokens_as_given(tokenizer, spec, rows, ask.truncate, first)
            return [Tokens(row) for row in ended(tokenizer, spec, rows, first)]
        texts, prompt = cast("Sequence[str]", inputs), spec.prompt(ask.role, ask.instruction)
        if ask.fitted:
            return tokens_of(tokenizer, spec, texts, prompt, ask.truncate, first)
        return [Tokens(row) for row in tokenizer.encode([prompt + text for text in texts])]

    def _go_on(self, pending: _Pending) -> None:
        if pending.done.cancelled():
            return
        if len(pending.made) == len(pending.ask.inputs):
            with suppress(InvalidStateError):
                pending.done.set_result(pending.made)
            return
        with self._changed:
            self._pending.append(pending)
