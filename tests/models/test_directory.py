"""Directories that describe themselves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from polyseek.engine.load import load
from polyseek.errors import ModelError
from polyseek.models.directory import spec_of
from polyseek.models.spec import TASK

GOLDEN = Path(__file__).parents[1] / "engine" / "golden"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A copy of the tiny Qwen3."""
    directory = tmp_path / "mine"
    shutil.copytree(GOLDEN / "tiny-qwen3", directory)
    return directory


def change(path: Path, **fields: Any) -> None:  # noqa: ANN401 - anything JSON takes
    told = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**told, **fields}))


def test_a_model_of_qwens_kind_keeps_its_instruction() -> None:
    spec = spec_of(GOLDEN / "tiny-qwen3")
    assert (spec.name, spec.architecture, spec.pooling) == ("tiny-qwen3", "qwen3", "last")
    assert spec.query_prompt == f"Instruct: {TASK}\nQuery:"
    assert spec.prompt("query") == "Instruct: Find passages\nQuery:"
    assert (spec.passage_prompt, spec.dimensions, spec.normalize) == ("", 32, True)
    assert spec.max_tokens == 48
    assert spec.least_dimensions == 0


def test_encoders_of_both_kinds() -> None:
    bert, xlmr = spec_of(GOLDEN / "tiny-bert"), spec_of(GOLDEN / "tiny-xlmr", "other")
    assert (bert.architecture, bert.pooling, bert.query_prompt) == ("bert", "mean", "")
    assert (xlmr.name, xlmr.architecture, xlmr.pooling) == ("other", "xlm-roberta", "mean")
    assert (xlmr.query_prompt, xlmr.passage_prompt) == ("query: ", "passage: ")


def test_positions_limit_the_tokens_where_nothing_else_does(tmp_path: Path) -> None:
    for name in ("tiny-bert", "tiny-xlmr"):
        shutil.copytree(GOLDEN / name, tmp_path / name)
        (tmp_path / name / "sentence_bert_config.json").unlink()
        assert spec_of(tmp_path / name).max_tokens == 64  # XLM-R's table has 66 rows for them


@pytest.mark.parametrize(
    ("told", "pooling"),
    [
        ({"pooling_mode": "cls"}, "first"),
        ({"pooling_mode": ["mean"]}, "mean"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "first"),
    ],
)
def test_pooling_is_read_in_old_files_and_new(made: Path, told: dict, pooling: str) -> None:  # type: ignore[type-arg]
    (made / "1_Pooling" / "config.json").write_text(json.dumps(told))
    assert spec_of(made).pooling == pooling


@pytest.mark.parametrize(
    ("told", "word"),
    [
        ({"pooling_mode_max_tokens": True, "pooling_mode_lasttoken": False}, "max_tokens"),
        ({"pooling_mode_mean_tokens": True}, "mean_tokens, pooling_mode_lasttoken"),
        ({"pooling_mode_lasttoken": False}, "nothing"),
        ({"include_prompt": False}, "without the prompt"),
    ],
)
def test_other_pooling_is_refused(made: Path, told: dict[str, bool], word: str) -> None:
    change(made / "1_Pooling" / "config.json", **told)
    with pytest.raises(ModelError, match=rf"1_Pooling/config\.json asks for .*{word}"):
        spec_of(made)


def without_normalize(made: Path) -> None:
    modules = json.loads((made / "modules.json").read_text())
    (made / "modules.json").write_text(json.dumps(modules[:2]))


@pytest.mark.parametrize(
    "told", [{}, {"similarity_fn_name": None}, {"similarity_fn_name": "cosine"}]
)
def test_vectors_that_are_compared_by_cosine_are_made_unit(
    made: Path, told: dict[str, str | None]
) -> None:
    """As they are in sentence-transformers where nothing is said. A knowledge base holds unit
    vectors only, so such a model could not be used for one."""
    without_normalize(made)
    change(made / "config_sentence_transformers.json", **told)
    embedder = load(str(made), backend="openvino", precision="fp32")
    lengths = np.linalg.norm(embedder.embed(["cats", "a dog"], "passage"), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-5)


def test_vectors_that_are_compared_otherwise_are_refused(made: Path) -> None:
    change(made / "config_sentence_transformers.json", similarity_fn_name="dot")
    assert spec_of(made).normalize  # unit vectors: all the same
    without_normalize(made)
    with pytest.raises(ModelError, match=r"similarity_fn_name 'dot'.*compares by cosine"):
        spec_of(made)


def test_what_is_not_said_is_not_guessed(made: Path) -> None:
    (made / "modules.json").unlink()
    with pytest.raises(ModelError, match=r"mine does not say how .* has no modules\.json"):
        spec_of(made)


def test_a_step_whose_file_is_missing_is_named(made: Path) -> None:
    (made / "1_Pooling" / "config.json").unlink()
    with pytest.raises(ModelError, match=r"1_Pooling/config\.json is missing .*whole directory"):
        spec_of(made)


def test_another_step_is_refused(made: Path) -> None:
    modules = json.loads((made / "modules.json").read_text())
    modules.append({"path": "2_Dense", "type": "sentence_transformers.models.Dense"})
    (made / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ModelError, match="step 'Dense'"):
        spec_of(made)


def test_another_architecture_is_refused(made: Path) -> None:
    change(made / "config.json", model_type="gemma3_text")
    with pytest.raises(ModelError, match=r"type 'gemma3_text'.*bert, xlm-roberta, qwen3"):
        spec_of(made)


def test_a_damaged_file_is_named(made: Path) -> None:
    (made / "modules.json").write_text("[")
    with pytest.raises(ModelError, match=r"modules\.json is damaged"):
        spec_of(made)


def test_no_model_directory(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"it has no config\.json"):
        spec_of(tmp_path)
