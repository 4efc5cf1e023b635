"""Several models in one server: loaded when asked for, let go when there is no room."""

from __future__ import annotations

import asyncio
import json
import threading
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
from fastapi import Request

from polyseek.engine.embedder import Embedder
from polyseek.engine.intake import Ask
from polyseek.errors import BadInput, ModelError, TooLong
from polyseek.models import spec
from polyseek.server.faults import Fault, NoRoom, on_polyseek_error
from polyseek.server.models import Models
from polyseek.server.wire import unless_gone
from polyseek.settings import read_settings
from toy import toy_embedder, toy_spec

GB = 1_000_000_000
SIZES = {"a": 1, "b": 1, "c": 2}
"""Gigabytes in int8."""


@pytest.fixture(autouse=True)
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in SIZES.items():
        row = replace(toy_spec(), name=name, hub=f"owner/{name}", parameters=size * GB)
        monkeypatch.setitem(spec.SPECS, name, row)


class Loader:
    """Loads toys, and remembers which."""

    def __init__(self) -> None:
        self.loaded: list[str] = []
        self.go = threading.Event()
        self.go.set()

    def __call__(self, name: str, *_: object, **__: object) -> Embedder:
        self.loaded.append(name)
        assert self.go.wait(10)
        return toy_embedder()


def run(
    with_models: Callable[[Models], Any], loader: Callable[..., Embedder], **given: object
) -> None:
    async def whole() -> None:
        given.setdefault("precision", "int8")
        settings = read_settings(model="a", more_models="b,c", **given)
        models = Models(settings, loader, finder=find)
        await with_models(models)
        await models.close()

    asyncio.run(whole())


def find(row: spec.ModelSpec, directory: Path | None, download: bool) -> Path:
    """A toy's weights, which it needs none of."""
    return Path()


async def ask(models: Models, name: str) -> None:
    async with models.use(models.find(name)) as runner:
        await runner.embed(Ask(["cat"]))


def loaded(models: Models) -> list[str]:
    return [name for name, served in models.served.items() if served.runner]


def test_each_is_loaded_once_when_it_is_first_asked_for() -> None:
    loader = Loader()

    async def steps(models: Models) -> None:
        assert list(models.served) == ["a", "b", "c"]
        assert models.waits == "a is not loaded yet"
        assert loader.loaded == []
        await asyncio.gather(*(ask(models, "a") for _ in range(9)), ask(models, "owner/b"))
        assert sorted(loader.loaded) == ["a", "b"]
        assert models.waits == ""
        assert models.alive

    run(steps, loader)


def test_the_one_not_used_for_longest_makes_room() -> None:
    loader = Loader()

    async def steps(models: Models) -> None:
        for name in ("a", "b", "a", "c"):
            await ask(models, name)
        assert loaded(models) == ["a", "c"]
        await ask(models, "b")
        assert loaded(models) == ["b", "c"]

    run(steps, loader, memory_gb=3)
    assert loader.loaded == ["a", "b", "c", "b"]


def test_one_at_work_is_not_let_go_of() -> None:
    async def steps(models: Models) -> None:
        async with models.use(models.find("a")):
            with pytest.raises(NoRoom, match="no room for c beside a, at work") as caught:
                await ask(models, "c")
            answer = await on_polyseek_error(Request({"type": "http"}), caught.value)
            error = json.loads(bytes(answer.body))["error"]
            assert (answer.status_code, error["code"], error["param"]) == (429, "no_room", "model")
            assert answer.headers["retry-after"] == "5"
            assert models.waits == ""
        await ask(models, "c")
        assert loaded(models) == ["c"]

    run(steps, Loader(), memory_gb=2)


def test_one_let_go_of_is_out_of_memory_before_the_next_comes() -> None:
    models: list[weakref.ref[Embedder]] = []
    alive: list[list[str]] = []

    def loader(name: str, *_: object, **__: object) -> Embedder:
        alive.append([embedder.spec.name for each in models if (embedder := each())])
        models.append(weakref.ref(embedder := toy_embedder(max_tokens=16)))
        return embedder

    async def steps(models: Models) -> None:
        await ask(models, "a")
        with pytest.raises(TooLong):
            async with models.use(models.find("a")) as runner:
                await unless_gone(quiet(), runner.embed(Ask(["cat " * 20])))
        with pytest.raises(BadInput):
            async with models.use(models.find("a")) as runner:
                await unless_gone(quiet(), runner.count(Ask([[-1]])))
        del runner
        await ask(models, "c")
        await ask(models, "b")

    run(steps, loader, memory_gb=2)
    assert alive == [[], [], []]


def quiet() -> Request:
    """A request whose client stays."""

    async def receive() -> NoReturn:
        await asyncio.sleep(60)
        raise AssertionError

    return Request({"type": "http"}, receive)


def test_none_is_let_go_of_for_one_that_is_not_there() -> None:
    def nowhere(row: spec.ModelSpec, directory: Path | None, download: bool) -> Path:
        raise ModelError(f"no weights for {row.name}")

    async def steps() -> None:
        loader = Loader()
        settings = read_settings(model="a", more_models="b,c", memory_gb=2, precision="int8")
        async with closed(Models(settings, loader, finder=nowhere)) as models:
            await ask(models, "a")
            with pytest.raises(ModelError, match="no weights for c"):
                await ask(models, "c")
            assert loaded(models) == ["a"]
            assert models.waits == ""
            assert loader.loaded == ["a"]
            await ask(models, "b")  # there is room, so that loading it tells whether it is there
            assert loaded(models) == ["a", "b"]

    asyncio.run(steps())


@asynccontextmanager
async def closed(models: Models) -> AsyncIterator[Models]:
    yield models
    await models.close()


def test_ready_stays_so_while_one_makes_room_for_another() -> None:
    told: list[str] = []

    async def steps(models: Models) -> None:
        def loader(name: str, *_: object, **__: object) -> Embedder:
            told.append(models.waits)
            if name == "c":
                raise ModelError("damaged")
            return toy_embedder()

        models._loader = loader
        await ask(models, "a")
        with pytest.raises(ModelError, match="damaged"):
            await ask(models, "c")
        assert loaded(models) == []
        assert models.waits == ""
        await ask(models, "b")

    run(steps, Loader(), memory_gb=2)
    assert told == ["a is not loaded yet", "", ""]


@pytest.mark.parametrize("more", ["a", "owner/a", "b,c,b"])
def test_named_twice(more: str) -> None:
    with pytest.raises(BadInput, match=r"more_models has \S+, and this server has [ab] already"):
        Models(read_settings(model="a", more_models=more))


def test_larger_than_the_limit() -> None:
    with pytest.raises(BadInput, match=r"c takes about 2.0 GB and memory_gb is 1.5; allow more"):
        run(lambda models: None, Loader(), memory_gb=1.5)
    with pytest.raises(BadInput, match=r"a takes about 4.0 GB"):
        run(lambda models: None, Loader(), memory_gb=3, precision="fp32")


def test_unknown() -> None:
    with pytest.raises(ModelError, match="unknown model 'd'"):
        Models(read_settings(model="a", more_models="d"))

    async def steps(models: Models) -> None:
        with pytest.raises(Fault, match="unknown model 'd'; this server has: a, b, c"):
            models.find("d")

    run(steps, Loader())


def test_what_cannot_be_loaded_can_be_tried_again() -> None:
    tries: list[str] = []

    def loader(name: str, *_: object, **__: object) -> Embedder:
        tries.append(name)
        if len(tries) == 1:
            raise ModelError("no weights")
        return toy_embedder()

    async def steps(models: Models) -> None:
        with pytest.raises(ModelError, match="no weights"):
            await ask(models, "b")
        await ask(models, "b")

    run(steps, loader)


def test_a_load_goes_on_when_the_one_that_asked_has_gone() -> None:
    loader = Loader()
    loader.go.clear()

    async def steps(models: Models) -> None:
        task = asyncio.create_task(ask(models, "a"))
        while not loader.loaded:
            await asyncio.sleep(0.01)
        task.cancel()
        loader.go.set()
        await ask(models, "a")
        assert loader.loaded == ["a"]
        assert models.find("a").users == 0

    run(steps, loader)
