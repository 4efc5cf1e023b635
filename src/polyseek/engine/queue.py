"""Continuous batching: the texts of many requests run together, and requests take turns.

    queue = Queue(embedder.run, lanes=2, batch_tokens=512, limit_tokens=1_000_000)
    job = queue.submit(rows)      # token ids of each text
    job.done.result()             # (n, D) float32, in the order of rows

Each batch is led by the request whose turn it is, with the longest of its texts that still wait.
What room is left goes to texts of nearly that length, one of each request after the other. So the
one with ten thousand texts waits for nobody's and keeps nobody waiting, and little is padding.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from threading import Condition, Thread
from time import perf_counter

import numpy as np

from polyseek.closing import Closing
from polyseek.engine.batch import rounded
from polyseek.engine.pool import Floats
from polyseek.errors import BadInput, Overloaded

NEAR = 0.7
"""A text joins a batch if it is at least this part as long as the batch's longest."""
Run = Callable[[Sequence[Sequence[int]]], Floats]
Place = tuple["Job", int]
"""A text: its request, and which of its rows it is."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A batch that has run."""

    texts: int
    tokens: int
    padded: int
    """Tokens with the padding."""
    budget: int
    """Most of them that several texts may have."""
    seconds: float


class Job:
    """A request's texts on their way through the queue."""

    def __init__(self, rows: Sequence[Sequence[int]]) -> None:
        self.rows = rows
        self.done: Future[Floats] = Future()
        """Their vectors. Cancel it, and what has not begun never does."""
        self.tokens = sum(rounded(len(row)) for row in rows)
        self.submitted = perf_counter()
        self.begun = 0.0
        """When its first batch began, as perf_counter() tells; 0 before that."""
        self.waiting: dict[int, list[int]] = {}
        """Those not yet begun, by their length in a batch, longest first."""
        for at in sorted(range(len(rows)), key=lambda at: (-len(rows[at]), -at)):
            self.waiting.setdefault(rounded(len(rows[at])), []).append(at)
        self._left = len(rows)
        self._vectors: Floats | None = None

    def give(self, at: int, vector: Floats) -> bool:
        """Keep a row's vector (D,); whether it was the last one missing."""
        if self._vectors is None:
            self._vectors = np.empty((len(self.rows), *vector.shape), np.float32)
        self._vectors[at] = vector
        self._left -= 1
        return self._left == 0

    def finish(self) -> None:
        """Hand the vectors over, unless nobody waits for them any more."""
        if self._vectors is not None:
            with suppress(InvalidStateError):
                self.done.set_result(self._vectors)

    def fail(self, error: BaseException) -> None:
        """Tell what went wrong."""
        with suppress(InvalidStateError):
            self.done.set_exception(error)


class Queue(Closing):
    """Runs rows of token ids; `lanes` batches at once, each in a thread of its own."""

    def __init__(
        self,
        run: Run,
        *,
        lanes: int,
        batch_tokens: int,
        limit_tokens: int,
        watch: Callable[[Ran], None] = lambda ran: None,
    ) -> None:
        """`batch_tokens`: most padded tokens of a batch, which holds at least one text.
        `limit_tokens`: most that may be admitted and not yet answered. `watch` is told of each
        batch, from the thread that ran it."""
        self.limit_tokens = limit_tokens
        self.held_tokens = 0
        """Admitted and not yet answered."""
        self._run_rows, self._batch_tokens, self._watch = run, batch_tokens, watch
        self._changed = Condition()
        self._turns: OrderedDict[Job, None] = OrderedDict()
        self._by_length: dict[int, OrderedDict[Job, None]] = {}
        self._rows: Counter[int] = Counter()
        """How many rows wait, by length."""
        self._ran_tokens, self._ran_s, self._closed = 0, 0.0, False
        self._lanes = [
            Thread(target=self._work, name=f"lane {n}", daemon=True) for n in range(lanes)
        ]
        for lane in self._lanes:
            lane.start()

    @property
    def alive(self) -> bool:
        """Whether all lanes run."""
        return all(lane.is_alive() for lane in self._lanes)

    @property
    def jobs(self) -> int:
        """Requests of which some text has not begun."""
        return len(self._turns)

    def submit(self, rows: Sequence[Sequence[int]]) -> Job:
        """Admit a request, whole.

        Raises:
            Overloaded: too much is waiting, or the queue is closed.
            BadInput: there is nothing in it, or more than the queue ever takes.
        """
        job = Job(rows)
        if not 0 < job.tokens <= self.limit_tokens:
            raise BadInput(
                f"the request has {job.tokens} tokens, padding included, and this server takes 1 "
                f"to {self.limit_tokens}; send its texts in several requests"
            )
        with self._changed:
            self.refuse_if_full(job.tokens)
            self.held_tokens += job.tokens
            self._turns[job] = None
            for length, rows_of_length in job.waiting.items():
                self._by_length.setdefault(length, OrderedDict())[job] = None
                self._rows[length] += len(rows_of_length)
            self._changed.notify_all()
        # The future keeps its callbacks. Did one keep the job, the two, its vectors and this queue
        # with its model would be a circle, which stays in memory until somebody looks for such.
        held = [job]
        job.done.add_done_callback(lambda _: self._forget(held.pop()))
        return job

    def refuse_if_full(self, tokens: int) -> None:
        """Raises Overloaded if so many tokens more would be too many."""
        if self._closed:
            raise Overloaded("the server is shutting down; ask another, or this one later")
        if self.held_tokens + tokens > self.limit_tokens:
            raise Overloaded(
                f"{self.held_tokens} tokens are waiting and {tokens} more would be over the limit "
                f"of {self.limit_tokens}; ask again later",
                self.seconds_left,
            )

    @property
    def seconds_left(self) -> float:
        """How long what is held will take, by what has run so far; at least 1."""
        rate = len(self._lanes) * self._ran_tokens / self._ran_s if self._ran_s else 0.0
        return max(1.0, self.held_tokens / rate) if rate else 1.0

    def close(self) -> None:
        """Answer what was admitted, admit nothing more, and end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for lane in self._lanes:
            lane.join()

    def _forget(self, job: Job) -> None:
        """A request is over: answered, failed, or nobody waits for it any more."""
        with self._changed:
            self.held_tokens -= job.tokens
            self._turns.pop(job, None)
            for length, rows in job.waiting.items():
                self._rows[length] -= len(rows)
                self._drop_length(length, job)
            job.waiting.clear()

    def _work(self) -> None:
        while batch := self._next():
            self._run(batch)
            del batch  # a lane that waits keeps nobody's texts and vectors

    def _next(self) -> list[Place]:
        with self._changed:
            while not self._turns:
                if self._closed:
                    return []
                self._changed.wait()
            return self._batch()

    def _batch(self) -> list[Place]:
        head = next(iter(self._turns))
        longest = next(iter(head.waiting))
        self._turns.move_to_end(head)
        near = sorted((n for n in self._by_length if NEAR * longest <= n <= longest), reverse=True)
        size = _size(sum(self._rows[n] for n in near), self._batch_tokens // longest)
        batch = [self._take(head, longest)]
        for length in near:
            while length in self._by_length and len(batch) < size:
                batch.append(self._take(next(iter(self._by_length[length])), length))
        return batch

    def _take(self, job: Job, length: int) -> Place:
        """One of the job's waiting rows of this length; the next time it is another job's turn."""
        at = job.waiting[length].pop()
        self._rows[length] -= 1
        if job.waiting[length]:
            self._by_length[length].move_to_end(job)
        else:
            del job.waiting[length]
            self._drop_length(length, job)
        if not job.waiting:
            del self._turns[job]
        return job, at

    def _drop_length(self, length: int, job: Job) -> None:
        jobs = self._by_length[length]
        del jobs[job]
        if not jobs:
            del self._by_length[length]

    def _run(self, batch: list[Place]) -> None:
        rows, start = [job.rows[at] for job, at in batch], perf_counter()
        for job, _ in batch:
            job.begun = job.begun or start
        try:
            vectors = self._run_rows(rows)
        except Exception as error:  # whatever it was, its request is told and the lane lives on
            if len({job for job, _ in batch}) == 1:
                batch[0][0].fail(error)
                return
            vectors = None
        if vectors is None:  # not in the clause above: the error would keep what did not fit
            self._run_apart(batch)
            return
        tokens, padded = sum(map(len, rows)), len(rows) * max(rounded(len(row)) for row in rows)
        ran = Ran(len(rows), tokens, padded, self._batch_tokens, perf_counter() - start)
        with self._changed:
            self._ran_tokens, self._ran_s = self._ran_tokens + ran.padded, self._ran_s + ran.seconds
            whole = [
                job
                for (job, at), vector in zip(batch, vectors, strict=True)
                if job.give(at, vector)
            ]
        self._watch(ran)
        for job in whole:
            job.finish()

    def _run_apart(self, batch: list[Place]) -> None:
        """Each request's texts by themselves, so that one of them fails no other's."""
        apart: dict[Job, list[Place]] = {}
        for job, at in batch:
            apart.setdefault(job, []).append((job, at))
        for job, places in apart.items():
            if not job.done.done():
                self._run(places)


def _size(waiting: int, full: int) -> int:
    """Texts of a batch: as many as fit or, if so many do not wait, a power of two. Each shape of
    batch costs a backend its kernels; of all sizes there would be more than are kept."""
    return max(1, full) if waiting >= full else 1 << (waiting.bit_length() - 1)
