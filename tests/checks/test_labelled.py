"""How right the rules are on drawn cases; ``python -m benchmarks labelled`` runs four times as many."""

import asyncio
import statistics
from collections.abc import Sequence

import pytest

from benchmarks.labelled.cases import chosen
from benchmarks.labelled.command import lines, to_json
from benchmarks.labelled.judging import Judged, judge_all
from benchmarks.labelled.scoring import RULES, cut_errors, score_rule, usable_errors, wrongs
from kling_ui.workers import Workers

pytestmark = pytest.mark.slow  # about a minute on two cores: it draws and looks at everything once

# What is known to be missed, by rule: the least precision and recall; all other rules are always right.
KNOWN_MISSES: dict[str, tuple[float, float]] = {}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[Judged]:
    folder = tmp_path_factory.mktemp("labelled")
    with Workers(2) as workers:
        return asyncio.run(judge_all(chosen([], quick=True), folder, folder / "looks", workers))


@pytest.mark.parametrize("rule", RULES)
def test_rule_is_as_right_as_it_was_measured(results: Sequence[Judged], rule: str):
    score, told = score_rule(rule, results), [wrong for judged in results for wrong in wrongs(judged)]
    precision, recall = KNOWN_MISSES.get(rule, (1.0, 1.0))
    assert score.precision >= precision, told
    assert score.recall >= recall, told
    assert not score.misjudged, told


def test_most_cases_are_judged_as_labelled(results: Sequence[Judged]):
    wrong = {wrong.name for judged in results for wrong in wrongs(judged)}
    assert len(results) >= 40
    assert len(wrong) <= 0.1 * len(results), wrong


def test_cuts_are_found_at_their_frame(results: Sequence[Judged]):
    errors = cut_errors(results)
    assert errors["cut-to-another-scene"] == [pytest.approx(0.0, abs=0.01)]
    assert errors["dissolve"] == [pytest.approx(0.0, abs=0.55)]


def test_usable_spans_are_forecast_to_a_fraction_of_a_second(results: Sequence[Judged]):
    errors = usable_errors(results)
    assert len(errors) >= 6
    assert statistics.mean(abs(error) for error, _ in errors.values()) <= 0.15
    assert max(promised for _, promised in errors.values()) <= 0.25


def test_table_and_json_name_every_rule_and_every_wrong_case(results: Sequence[Judged]):
    table, plain = "\n".join(lines(results)), to_json(results)
    assert all(rule in table for rule in RULES)
    assert set(plain["rules"]) == set(RULES)
    assert len(plain["cases"]) == len(results)
    for judged in results:
        assert all(wrong.what in table for wrong in wrongs(judged))
