"""A knowledge base: a collection, the model it was made with, and what makes it neutral."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from polyseek.calibrating import Calibrating
from polyseek.candidates import Question
from polyseek.chunking import STRUCTURE, Chunker
from polyseek.closing import Closing
from polyseek.distributed import check, job_of
from polyseek.engine.chosen import chosen
from polyseek.engine.embeds import Embeds
from polyseek.errors import BadInput
from polyseek.fingerprint import TERMS, checked
from polyseek.ingest import IndexReport, ingest, named
from polyseek.languages.identify import check_language, query_language
from polyseek.languages.neutral import Neutral
from polyseek.languages.words import is_title, words
from polyseek.linking import link, place
from polyseek.meter import Progress, Watch
from polyseek.models.instructions import resolve
from polyseek.models.sources import cache_directory
from polyseek.places import AnyCollection, is_there, open_catalog, open_collection
from polyseek.policy import parse_policy
from polyseek.preparing import Plan, Prepares, here
from polyseek.review import VersionsReport, review
from polyseek.search import check_question, question_vector, search
from polyseek.settings import Settings, read_settings
from polyseek.status import Status
from polyseek.store.members import Sums
from polyseek.store.reader import Reader
from polyseek.store.view import Recipe, View
from polyseek.types import Hit


class KnowledgeBase(Closing):
    """Documents in any mix of languages, searched with a question in any language.

    with KnowledgeBase.open("kb") as kb:
        kb.index(["docs"])
        hits = kb.search("堡垒机登录失败的常见原因有哪些？", k=5)

    One process may write while many read; each search sees one consistent state.
    """

    def __init__(
        self, settings: Settings, embedder: Embeds | None = None, chunker: Chunker = STRUCTURE
    ) -> None:
        self.settings = settings
        self.path = settings.kb if isinstance(settings.kb, Path) else settings.kb_shown
        self._given, self._chunker = embedder, chunker
        self._view: View | None = None
        self._calibrating = Calibrating(lambda: self.embedder, cache_directory())

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        embedder: Embeds | None = None,
        chunker: Chunker = STRUCTURE,
        **settings: Any,  # noqa: ANN401 - each is checked by Settings
    ) -> KnowledgeBase:
        """The knowledge base at `path`, a directory or an address; `index` makes it if need be.

        `settings` are fields of `polyseek.Settings`; what is not given comes from the environment
        and the defaults. `embedder` replaces the model that they name, `chunker` our way to cut.

        Raises:
            BadInput: an unknown setting, or a value that it cannot have.
        """
        return cls(read_settings(kb=path, **settings), embedder, chunker)

    def index(
        self, paths: Path | str | Sequence[Path | str], watch: Watch = lambda _: None
    ) -> IndexReport:
        """Bring the knowledge base in step with these files and directories, or this one. A
        document is named by where it is below its directory, and keeps the name it got first.

        Raises:
            BadInput: a path is not there.
            Locked: another process is indexing into it.
            FingerprintMismatch: it was made with another model or chunk size.
        """
        paths = [paths] if isinstance(paths, (str, Path)) else paths
        self._check_asked(paths)
        with open_collection(self.settings, write=True, told=_waiting(watch)) as collection:
            catalog = collection.catalog
            made_with = self._check(catalog.fingerprint())
            plan = Plan.of(made_with, self.settings.languages, self._chunker)
            if not catalog.fingerprint():
                catalog.set_fingerprint(made_with)
            task = self._task(catalog)
            if task != catalog.instruction:
                catalog.set_instruction(task)
            prepares = self._prepares(plan, made_with)
            report = ingest(catalog, self.embedder, [Path(p) for p in paths], plan, watch, prepares)
            done = report.read, report.read, report.embedded, 1.0
            if catalog.pending():
                watch(Progress(*done, "making indexes"))
            if catalog.dimensions is not None:
                collection.publish(self._derive)
            if catalog.pending():
                watch(Progress(*done, "finding versions"))
                with collection.view(self._derive) as view:
                    report.linked = link(catalog, view.prepared)
        return report

    def search(
        self,
        question: str,
        k: int = 10,
        policy: str = "any",
        language: str = "",
        every_passage: bool = False,
        grouped: bool = True,
        instruction: str = "",
    ) -> list[Hit]:
        """The `k` passages that answer `question` best, best first, each once, with its versions
        in other languages.

        `policy`: "any", "prefer:LANG", "balanced" or "only:LANG,LANG". `language`: the
        question's, if it is known; otherwise it is identified. `every_passage`: also show
        passages beside a better one in the same section. Not `grouped`: every version of a
        passage is a hit by itself. `instruction`: what the question is for, as a profile or a
        text (models/instructions); by default the knowledge base's.

        Raises:
            BadInput: the question is empty, or the policy or language is unknown, or there is an
                instruction and the model takes none.
            TooLong: the question has more tokens than the model takes.
        """
        check_question(question, k)
        chosen = parse_policy(policy)
        view = self._fresh_view()
        spoken = check_language(language) if language else query_language(question, view.present())
        task = self._task(view.catalog, instruction)
        vector = question_vector(self.embedder, question, task)
        title = is_title(question)
        centred = self._neutral(view.members.sums, task).query(vector, spoken, title=title)
        ready = Question(question, spoken, centred, title)
        return search(view, ready, k, chosen, every_passage=every_passage, grouped=grouped)

    def versions(
        self, languages: Sequence[str] = (), watch: Watch = lambda _: None
    ) -> VersionsReport:
        """Which documents and passages have no version in a language, and which versions have
        drifted apart. `languages`: those that everything should be in; by default, those that at
        least one passage in twenty is in.

        Raises:
            BadInput: an unknown language.
        """
        expected = [check_language(code) for code in languages]
        with open_collection(self.settings) as collection, collection.catalog.snapshot() as catalog:
            self._check(catalog.fingerprint())
            return review(catalog, lambda sums: self._neutral(sums).passages, expected, watch)

    def link(self, one: str, other: str, *, versions: bool = True) -> None:
        """State that two passages, each "path:line", are versions of each other, or are not.

        It holds as long as both texts stay as they are. What is no version of `one` is none of
        the versions of `one` either.

        Raises:
            BadInput: there is no such passage, or both are the same.
        """
        with self._changing() as collection:
            catalog = collection.catalog
            first, second = place(catalog, one), place(catalog, other)
            if first == second:
                raise BadInput(f"{one!r} and {other!r} are the same passage; name two")
            catalog.state(first, second, linked=versions)

    def status(self) -> Status:
        """What it holds and what it was made with."""
        with open_collection(self.settings) as collection, collection.catalog.snapshot() as catalog:
            return Status(
                self.path,
                catalog.statistics(),
                catalog.fingerprint(),
                catalog.generation,
                catalog.instruction,
            )

    def verify(self) -> list[str]:
        """What is wrong with it, a sentence each; empty if all is well."""
        with open_collection(self.settings) as collection:
            self._check(collection.catalog.fingerprint())
            return collection.verify(self._derive)

    def remove(self, names: Sequence[str]) -> list[str]:
        """Forget the documents with these names, or below these directories; returns their names.

        Raises:
            BadInput: a name matches none of them.
        """
        with self._changing() as collection:
            gone = named(collection.catalog, names)
            collection.catalog.remove(gone)
            collection.publish(self._derive)
        return gone

    def documents(self) -> list[str]:
        """Names of all documents, sorted."""
        with open_collection(self.settings) as collection:
            return sorted(collection.catalog.digests())

    @cached_property
    def embedder(self) -> Embeds:
        """The model: the one given, the one named, or the one the knowledge base was made with."""
        if self._given:
            return self._given
        return chosen(self.settings, self._stored())

    def close(self) -> None:
        """Let go of the files."""
        if self._view:
            self._view.close()
        self._view = None
        model = self.__dict__.get("embedder")
        if isinstance(model, Closing):
            model.close()

    @contextmanager
    def _changing(self) -> Iterator[AnyCollection]:
        open_collection(self.settings).close()  # it has to be there
        with open_collection(self.settings, write=True) as collection:
            self._check(collection.catalog.fingerprint())
            yield collection

    def _stored(self) -> dict[str, Any]:
        if not is_there(self.settings):
            return {}
        with open_collection(self.settings) as collection:
            return collection.catalog.fingerprint()

    def _check(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        return checked(stored, self.settings, self.embedder, self._chunker)

    def _check_asked(self, paths: Sequence[Path | str]) -> None:
        """Before a directory is made and the model loaded."""
        if not paths:
            raise BadInput("no path to index; give a directory or a file")
        for path in paths:
            if not Path(path).exists():
                raise BadInput(f"{path}: no such file or directory")
        for code in self.settings.languages:
            check_language(code)
        if self.settings.ray:
            check(self.settings.ray)

    def _prepares(self, plan: Plan, made_with: Mapping[str, Any]) -> Prepares:
        if not self.settings.ray:
            return here(self.embedder.count, plan)
        known = partial(open_catalog, self.settings)
        return job_of(self.settings, self._given, plan, made_with, known)

    def _fresh_view(self) -> View:
        """The view of the newest state; kept while nothing is written."""
        with open_collection(self.settings) as collection:
            if self._view is None or collection.outdated(self._view):
                self._check(collection.catalog.fingerprint())
                self.close()
                self._view = collection.view(self._derive)
        return self._view

    def _task(self, stored: Reader, asked: str = "") -> str:
        """The instruction of a question: this one's, the settings', the collection's, or "", the
        model's own."""
        task = resolve(asked or self.settings.instruction)
        self.embedder.spec.prompt("query", task)  # refused where the model takes none
        return task or stored.instruction

    def _neutral(self, sums: Sums, task: str = "") -> Neutral:
        return Neutral(self._calibrating.means(task), sums)

    def _derive(self, sums: Sums) -> Recipe:
        neutral = self._neutral(sums)
        return Recipe(neutral.passages, words, f"{neutral.salt}-{TERMS}")


def _waiting(watch: Watch) -> Callable[[str], None]:
    return lambda stage: watch(Progress(0, 0, 0, 1.0, stage))
