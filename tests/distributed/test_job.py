"""The stages and the job that strings them together, without Ray: what they do to parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from polyseek import KnowledgeBase
from polyseek.chunking import STRUCTURE
from polyseek.distributed import check, cluster, job
from polyseek.distributed.job import Job
from polyseek.distributed.stages import Ask, Cut, Embed, Part, Read, Stage
from polyseek.documents import find
from polyseek.engine.embeds import Embeds
from polyseek.errors import BadInput, ModelError, PolyseekError, StoreError
from polyseek.preparing import Plan, Prepared, here
from polyseek.store.catalog import Catalog
from toy import toy_embedder

PLAN = Plan(40, ("en", "ja", "zh"), chunker=STRUCTURE)
TEXTS = {
    "a.md": "# Cats\n\nA cat sleeps for sixteen hours. It is warm.\n",
    "b.md": "# 猫\n\n猫在温暖的服务器上睡觉。狗在门口等着。\n",
    "c.md": "# 猫\n\n猫はサーバーの上で眠ります。犬は待っています。\n",
    "d.md": "# Cats\n\nA cat sleeps for sixteen hours. It is warm.\n",
}
Run = Callable[[Job, Sequence[Part]], Iterator[Part]]


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    for name, text in TEXTS.items():
        (tmp_path / "docs" / name).write_text(text, "utf-8")
    return tmp_path / "docs"


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    Catalog.open(tmp_path / "catalog.sqlite", write=True).close()
    return tmp_path / "catalog.sqlite"


def stages(catalog: Path, model: Callable[[], Embeds] = toy_embedder) -> list[Stage]:
    fingerprint = toy_embedder().fingerprint
    known = partial(Catalog.open, catalog)
    return [Read(), Cut(model, PLAN), Ask(known), Embed(model, PLAN, fingerprint)]


def through(steps: Sequence[Stage], part: Part) -> Part:
    row = {"part": part}
    for step in steps:
        row = step(row)
    return row["part"]


def job_with(run: Run, monkeypatch: pytest.MonkeyPatch, catalog: Path) -> Job:
    """A job whose pipeline is this function, and whose parts hold a file each."""
    monkeypatch.setattr(Job, "_run", run)
    monkeypatch.setattr(job, "PART_FILES", 1)
    fingerprint = toy_embedder().fingerprint
    model = lambda cores: toy_embedder  # noqa: E731
    return Job("local", model, False, 0, PLAN, fingerprint, partial(Catalog.open, catalog))


def test_a_part_is_what_this_process_makes_of_its_files(docs: Path, catalog: Path) -> None:
    files = list(find([docs]))
    toy = toy_embedder()
    part = through(stages(catalog), Part(0, files))
    assert part.fault is None
    assert list(part.prepared) == list(here(toy.count, PLAN)(files, {}))
    texts = [chunk.embedded_text for each in part.prepared[:3] for chunk in each.chunks]
    (made,) = part.made
    assert len(made.keys) == len(texts)  # the fourth file says what the first one says
    rows = toy.embed(texts, "passage")
    assert (made.rows[: len(texts)] == rows).all()


def test_a_text_is_wanted_by_the_first_part_that_has_it(docs: Path, catalog: Path) -> None:
    files = list(find([docs]))
    read, cut, ask, _ = stages(catalog)
    cats, chinese, japanese, copy = (
        through([read, cut], Part(at, [found])) for at, found in enumerate(files)
    )
    wanted = [len(through([ask], each).wanted) for each in (cats, chinese, japanese, copy)]
    assert wanted == [1, 1, 1, 0]
    # Done again, a part wants what it wanted.
    assert len(through([ask], cats).wanted) == 1
    # A new worker, which gets the later part first: both want the text, and none goes without.
    _, _, anew, _ = stages(catalog)
    assert [len(through([anew], each).wanted) for each in (copy, cats)] == [1, 1]


def test_what_the_collection_knows_is_not_wanted(docs: Path, tmp_path: Path) -> None:
    kb = KnowledgeBase.open(tmp_path / "kb", embedder=toy_embedder(), chunk_tokens=40)
    kb.index([docs / "a.md"])
    part = through(stages(tmp_path / "kb" / "catalog.sqlite"), Part(0, list(find([docs]))))
    assert sum(len(made.keys) for made in part.made) == 2


def test_a_worker_with_another_model_ends_the_run(docs: Path, catalog: Path) -> None:
    other = partial(toy_embedder, bias={"ja": 0.3})
    steps = [*stages(catalog)[:3], stages(catalog, other)[3]]
    part = through(steps, Part(0, list(find([docs]))))
    assert part.fault
    kind, told = part.fault
    assert kind == "ModelError"
    assert "precision: 'toy' here" in told


@pytest.mark.parametrize("kind", [ModelError, StoreError, BadInput])
def test_a_fault_is_raised_where_the_run_was_asked_for(
    kind: type[PolyseekError], docs: Path, catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(Stage):
        def step(self, part: Part) -> Part:
            raise kind("no weights; fetch them")

    part = through([Broken(), *stages(catalog)], Part(0, list(find([docs]))))
    assert part.fault == (kind.__name__, "no weights; fetch them")


def test_a_broken_pipeline_is_begun_anew_with_the_rest(
    docs: Path, catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[list[str]] = []

    def run(self: Job, parts: Sequence[Part]) -> Iterator[Part]:
        begun.append([found.name for part in parts for found in part.files])
        yield through(stages(catalog), parts[0])
        if len(parts) > 1:
            raise job._Broken("a node is lost")

    files = list(find([docs]))
    prepared = list(job_with(run, monkeypatch, catalog)(files, {}))
    assert [each.found for each in prepared] == files
    assert begun == [[*TEXTS][first:] for first in range(4)]


def test_a_pipeline_that_brings_nothing_is_given_up(
    docs: Path, catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []

    def run(self: Job, parts: Sequence[Part]) -> Iterator[Part]:
        begun.append(len(parts))
        raise job._Broken("the actor died")
        yield parts[0]

    with pytest.raises(PolyseekError, match=r"does not get past 'a.md' \(the actor died\)"):
        list(job_with(run, monkeypatch, catalog)(list(find([docs])), {}))
    assert begun == [4] * job.TRIES


def test_nothing_new_needs_no_ray(
    docs: Path, catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(self: Job, parts: Sequence[Part]) -> Iterator[Part]:
        raise AssertionError("Ray is started")

    files = list(find([docs]))
    prepared = here(toy_embedder().count, PLAN)(files, {})
    known = {each.found.name: each.document.digest for each in prepared if each.document}
    told = list(job_with(run, monkeypatch, catalog)(files, known))
    assert told == [Prepared(found) for found in files]


def test_ray_is_named_where_it_is_missing(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "find_module", lambda name: None)
    kb = KnowledgeBase.open(tmp_path / "kb", embedder=toy_embedder(), ray="local")
    with pytest.raises(BadInput, match=r"pip install 'polyseek\[ray\]'"):
        kb.index([docs])
    assert not Path(kb.path).exists()


def test_a_client_of_ray_has_no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "find_module", lambda name: object())
    with pytest.raises(BadInput, match="has to be a node of the cluster"):
        check("ray://head:10001")
