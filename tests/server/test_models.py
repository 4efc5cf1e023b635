"""Several models in one server: loaded when asked for, let go when there is no room."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from polyseek.engine.embedder import Embedder
from polyseek.engine.intake import Ask
from polyseek.errors import BadInput, ModelError, Overloaded
from polyseek.models import spec
from polyseek.server.faults import Fault
from polyseek.server.models import Models
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
        models = Models(read_settings(model="a", more_models="b,c", **given), loader)
        await with_models(models)
        await models.close()

    asyncio.run(whole())


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
            with pytest.raises(Overloaded, match="no room for c beside a, at work"):
                await ask(models, "c")
        await ask(models, "c")
        assert loaded(models) == ["c"]

    run(steps, Loader(), memory_gb=2)


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
