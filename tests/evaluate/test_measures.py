"""The measures are those of trec_eval, of the ranking as it was shown."""

from __future__ import annotations

import math

import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from evaluate.made import dataset, places, query
from polyseek.errors import BadInput
from polyseek.evaluate.measures import mean, measure_names, measured
from polyseek.evaluate.run import Place

DOCUMENTS = [f"{language}/{n}" for language in ("en", "zh") for n in range(12)]
rankings = st.lists(st.sampled_from(DOCUMENTS), unique=True)
golds = st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(1, 3), min_size=1)


@given(ranking=rankings, gold=golds)
def test_they_are_those_of_trec_eval(ranking: list[str], gold: dict[str, int]) -> None:
    data = dataset(query("q", "en", *gold, grades=gold))
    found = measured(data, {"q": places(*ranking)}, measure_names((5, 10)))
    scores = {document: float(-at) for at, document in enumerate(ranking)}
    judge = pytrec_eval.RelevanceEvaluator(
        {"q": gold}, {"ndcg_cut.5,10", "recall.5,10", "map", "recip_rank"}
    )
    told = judge.evaluate({"q": scores}).get("q", {})
    for cut in (5, 10):
        assert found[f"nDCG@{cut}"]["q"] == pytest.approx(told.get(f"ndcg_cut_{cut}", 0))
        assert found[f"R@{cut}"]["q"] == pytest.approx(told.get(f"recall_{cut}", 0))
        rank = told.get("recip_rank", 0)
        assert found[f"RR@{cut}"]["q"] == pytest.approx(rank if rank * cut >= 1 else 0)
    assert found["AP"]["q"] == pytest.approx(told.get("map", 0))


@given(ranking=rankings, gold=golds)
def test_they_are_those_of_their_definitions(ranking: list[str], gold: dict[str, int]) -> None:
    data = dataset(query("q", "en", *gold, grades=gold))
    found = measured(data, {"q": places(*ranking)}, ["RR@5", "nDCG@5", "R@5", "AP"])
    ranks = [at for at, document in enumerate(ranking, 1) if document in gold]
    assert found["RR@5"]["q"] == pytest.approx(1 / ranks[0] if ranks and ranks[0] <= 5 else 0)
    assert found["R@5"]["q"] == pytest.approx(sum(rank <= 5 for rank in ranks) / len(gold))
    precisions = [n / rank for n, rank in enumerate(ranks, 1)]
    assert found["AP"]["q"] == pytest.approx(sum(precisions) / len(gold))
    gained = sum(gold[ranking[rank - 1]] / math.log2(rank + 1) for rank in ranks if rank <= 5)
    best = sorted(gold.values(), reverse=True)[:5]
    most = sum(grade / math.log2(rank + 1) for rank, grade in enumerate(best, 1))
    assert found["nDCG@5"]["q"] == pytest.approx(gained / most)


@given(scores=st.lists(st.integers(0, 2), min_size=1, max_size=12))
def test_of_equal_scores_the_order_that_was_shown_counts(scores: list[int]) -> None:
    """trec_eval breaks ties by name: what it makes of the scores is not what was seen."""
    names = [f"en/{n}" for n in range(len(scores))]
    shown = sorted(names, key=lambda name: (-scores[int(name[3:])], name))
    data = dataset(query("q", "en", shown[0]))
    assert measured(data, {"q": places(*shown)}, ["RR@10"])["RR@10"]["q"] == 1.0


def test_a_hit_takes_one_place_in_rr_and_its_versions_take_theirs_in_the_others() -> None:
    data = dataset(query("q", "en", "ja/9", "zh/9"))
    run = {"q": places(["en/1", "zh/1", "ja/1"], ["en/9", "zh/9", "ja/9"])}
    found = measured(data, run, ["RR@5", "R@5", "R@6", "AP"])
    assert found["RR@5"]["q"] == 1 / 2
    assert found["R@5"]["q"] == 1 / 2
    assert found["R@6"]["q"] == 1.0
    assert found["AP"]["q"] == pytest.approx((1 / 5 + 2 / 6) / 2)


def test_only_languages_that_count_take_places() -> None:
    data = dataset(query("q", "en", "en/1", "zh/1"), query("r", "en", "en/2"))
    run = {"q": places("en/3", "en/4", "zh/1", "en/1"), "r": places("en/2")}
    found = measured(data, run, ["RR@5"], "zh".__eq__)
    assert found["RR@5"] == {"q": 1.0}  # r has no answer in Chinese


def test_a_question_that_found_nothing_counts_as_nothing() -> None:
    data = dataset(query("q", "en", "en/1"), query("r", "en", "en/2"))
    none: list[Place] = []
    found = measured(data, {"q": none, "r": places("en/2")}, ["RR@5", "AP"])
    assert found == {"RR@5": {"q": 0.0, "r": 1.0}, "AP": {"q": 0.0, "r": 1.0}}
    assert mean(found["AP"]) == 0.5
    assert math.isnan(mean({}))


@pytest.mark.parametrize("name", ["MRRR@5", "nDCG@", "5"])
def test_an_unknown_measure_is_refused(name: str) -> None:
    data = dataset(query("q", "en", "en/1"))
    with pytest.raises(BadInput, match="is no measure; take some of RR@5"):
        measured(data, {"q": places("en/1")}, [name])
