"""Which model, which backend, and what is refused before anything runs."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.tiny import GOLDEN
from polyseek.engine import load as loading
from polyseek.engine.load import load
from polyseek.errors import ModelError
from polyseek.models.spec import DEFAULT, find_spec
from polyseek.settings import Backend, Precision


@pytest.mark.parametrize(
    ("asked", "device", "precision", "gpu", "taken"),
    [
        ("auto", "", "", False, "openvino"),
        ("auto", "", "", True, "torch"),
        ("auto", "", "int8", True, "openvino"),
        ("auto", "", "fp32", True, "torch"),
        ("auto", "", "fp32", False, "openvino"),
        ("auto", "", "bf16", False, "torch"),
        ("auto", "cuda:1", "", False, "torch"),
        ("auto", "cpu", "", True, "openvino"),
        ("openvino", "", "", True, "openvino"),
        ("torch", "cpu", "", False, "torch"),
    ],
)
def test_the_backend(
    asked: Backend,
    device: str,
    precision: Precision,
    gpu: bool,
    taken: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loading, "_has_gpu", lambda: gpu)
    assert loading.backend_for(asked, device, precision) == taken


def test_without_a_driver_pytorch_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(name: str) -> None:
        raise AssertionError(name)

    monkeypatch.setattr(loading, "OF_A_GPU", ())
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(loading, "find_module", refused)
    assert not loading._has_gpu()


def test_what_a_backend_does_not_compute_is_refused() -> None:
    asked: tuple[tuple[Precision, str], ...] = (("bf16", ""), ("int8", "cuda"))
    for precision, device in asked:
        with pytest.raises(ModelError, match=rf"int8 and fp32 on the CPU, and not {precision}"):
            load(str(GOLDEN / "tiny-bert"), backend="openvino", precision=precision, device=device)


def test_without_pytorch_its_backend_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "find_module", lambda name: None)
    with pytest.raises(ModelError, match=r"pip install 'polyseek\[gpu\]'"):
        load(str(GOLDEN / "tiny-bert"), backend="torch")


def test_a_pytorch_that_cannot_be_imported_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "find_module", lambda name: True)
    monkeypatch.setitem(sys.modules, "polyseek.engine.torch.forward", None)
    with pytest.raises(ModelError, match=r"cannot be imported .*install it again"):
        load(str(GOLDEN / "tiny-bert"), backend="torch")


def test_an_unknown_model_in_a_directory_keeps_its_name() -> None:
    embedder = load("our-own", GOLDEN / "tiny-bert", backend="openvino", precision="fp32")
    assert embedder.spec.name == "our-own"
    assert embedder.spec.dimensions == 32


def test_a_directory_that_is_called_as_a_known_model_has_none_of_its_ranges(
    tmp_path: Path,
) -> None:
    """They were measured on other weights, and would cut off what these make."""
    directory = tmp_path / DEFAULT
    shutil.copytree(GOLDEN / "tiny-bert", directory)
    made = load(str(directory), backend="openvino", precision="int8")
    same = load(str(GOLDEN / "tiny-bert"), backend="openvino", precision="int8")
    assert made.spec.name == DEFAULT
    assert made.fingerprint["precision"] == same.fingerprint["precision"] == "int8-g32v1"
    texts = ["a cat sat", "dogs"]
    np.testing.assert_array_equal(made.embed(texts, "query"), same.embed(texts, "query"))


def test_a_known_model_in_a_directory_of_another_is_refused() -> None:
    with pytest.raises(ModelError, match="of type 'xlm-roberta', and multilingual-e5-small is"):
        load("multilingual-e5-small", GOLDEN / "tiny-xlmr", backend="openvino")


def test_a_known_model_in_a_directory_with_fewer_places_is_refused() -> None:
    """A text that its row lets through would end in a library's error."""
    with pytest.raises(ModelError, match=r"config\.json has places for 64 tokens.* takes 512"):
        load(DEFAULT, GOLDEN / "tiny-bert", backend="openvino")


def test_an_unknown_model_without_a_directory_is_told_the_nearest() -> None:
    with pytest.raises(ModelError, match=r"did you mean .*--model-path"):
        load("our-own")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("tiny-qwen3", r"'<\|endoftext\|>' \(id 256\)"),
        ("tiny-bert", r"'\[SEP\]' \(id 3\) or"),
        ("tiny-xlmr", r"'</s>' \(id 2\)"),
    ],
)
def test_a_tokenizer_without_the_end_token_is_refused(
    name: str, wanted: str, tmp_path: Path
) -> None:
    directory = tmp_path / name
    shutil.copytree(GOLDEN / name, directory)
    told = json.loads((directory / "tokenizer.json").read_text())
    told["post_processor"] = None
    (directory / "tokenizer.json").write_text(json.dumps(told))
    with pytest.raises(ModelError, match=rf"tokenizer\.json ends a text .* {wanted}.*published"):
        load(str(directory))


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("tiny-qwen3", "pre_tokenizer"),
        ("tiny-bert", "pre_tokenizer"),
        ("tiny-bert", "normalizer"),
        ("tiny-xlmr", "pre_tokenizer"),
    ],
)
def test_a_tokenizer_that_does_not_cut_a_text_into_words_is_refused(
    name: str, part: str, tmp_path: Path
) -> None:
    """It reads without an error, and nearly every text is an unknown word to it."""
    directory = tmp_path / name
    shutil.copytree(GOLDEN / name, directory)
    told = json.loads((directory / "tokenizer.json").read_text())
    told[part] = None
    (directory / "tokenizer.json").write_text(json.dumps(told))
    with pytest.raises(ModelError, match=rf"tokenizer\.json has no {part}.*fetch it again"):
        load(str(directory))


def cased(to: Path, name: str, lowers: bool, file: str, **told: object) -> Path:
    """The model with a tokenizer that lower-cases or not, and this in a file of its settings."""
    shutil.copytree(GOLDEN / name, to)
    tokenizer = json.loads((to / "tokenizer.json").read_text())
    if name == "tiny-bert":
        tokenizer["normalizer"]["lowercase"] = lowers
    (to / "tokenizer.json").write_text(json.dumps(tokenizer))
    (to / file).write_text(json.dumps(told))
    return to


@pytest.mark.parametrize(
    ("name", "file", "lowers", "asked"),
    [
        ("tiny-bert", "sentence_bert_config.json", False, True),
        ("tiny-xlmr", "sentence_bert_config.json", False, True),
        ("tiny-bert", "tokenizer_config.json", False, True),
        ("tiny-bert", "tokenizer_config.json", True, False),
    ],
)
def test_settings_and_a_tokenizer_that_disagree_about_case_are_refused(
    name: str, file: str, lowers: bool, asked: bool, tmp_path: Path
) -> None:
    directory = cased(tmp_path / "mine", name, lowers, file, do_lower_case=asked)
    wanted = rf"{file} has do_lower_case {asked}, .*tokenizer\.json .*lower-case.*alike"
    with pytest.raises(ModelError, match=wanted):
        load(str(directory))


@pytest.mark.parametrize(
    ("name", "file", "lowers", "told"),
    [
        ("tiny-bert", "sentence_bert_config.json", True, {"do_lower_case": True}),
        ("tiny-bert", "sentence_bert_config.json", True, {"do_lower_case": False}),
        ("tiny-bert", "tokenizer_config.json", True, {"do_lower_case": True}),
        ("tiny-bert", "tokenizer_config.json", False, {"do_lower_case": False}),
        ("tiny-xlmr", "tokenizer_config.json", False, {"do_lower_case": True}),
        ("tiny-bert", "tokenizer_config.json", False, {"tokenizer_class": "BertTokenizer"}),
        (
            "tiny-bert",
            "tokenizer_config.json",
            False,
            {"do_lower_case": True, "tokenizer_class": "PreTrainedTokenizerFast"},
        ),
    ],
)
def test_where_they_agree_or_are_not_heeded_by_others_the_model_loads(
    name: str, file: str, lowers: bool, told: dict[str, object], tmp_path: Path
) -> None:
    """Several published models of XLM-R's kind have the setting, which nothing looks at."""
    directory = cased(tmp_path / "mine", name, lowers, file, **told)
    upper, lower = load(str(directory), backend="openvino").tokenizer.encode(["CAT", "cat"])
    assert (upper == lower) is lowers


@pytest.mark.parametrize("name", ["multilingual-e5-small", "intfloat/multilingual-e5-small"])
def test_a_known_name_is_its_row_whatever_lies_beside(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory of that name would be described by its files, and so be another model."""
    shutil.copytree(GOLDEN / "tiny-bert", tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert loading.spec_for(name) == (find_spec(DEFAULT), None)
    assert loading.spec_for(f"./{name}")[0].dimensions == 32
