import fnmatch

import numpy as np
import pytest

from benchmarks.labelled.case import BLOCK, HINT, WARN, Clip, Pair, Picture
from benchmarks.labelled.cases import CASES, CLIPS, NEAR_MISSES, PICTURES, near_misses, title
from benchmarks.labelled.conditions import CONDITIONS
from benchmarks.labelled.judging import Judged
from benchmarks.labelled.scoring import RULES, concerns, cut_errors, score_rule, usable_errors, wrongs
from benchmarks.labelled.takes import TAKES
from kling_ui.checks.limits import LimitSource
from kling_ui.checks.report import Finding, FindingCode, Severity
from kling_ui.options import Orientation


def finding(rule: str, severity: Severity = WARN) -> Finding:
    code = next(code for code in reversed(FindingCode) if code.rule == rule)
    return Finding(code, severity, None, LimitSource.SENSE, {"share": 0.5})


def a_clip(**more) -> Clip:
    return Clip(name="a", takes=(), make=lambda: None, **more)


def a_picture(**more) -> Picture:
    return Picture(name="a", draw=lambda: None, **more)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_cases_that_break_it_and_near_misses(rule):
    about = [case for case in CASES if concerns(rule, case)]
    assert sum(rule in case.must for case in about) >= 8
    near = near_misses(rule)
    assert len(near) >= 8
    assert all(concerns(rule, case) and rule not in case.must for case in near)


def test_every_pattern_of_near_misses_names_a_case():
    names = {case.name for case in CASES}
    patterns = {pattern for words in NEAR_MISSES.values() for pattern in words.split()}
    assert not {pattern for pattern in patterns if not fnmatch.filter(names, pattern)}


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_changes_a_picture_and_always_in_the_same_way(name):
    picture = np.full((90, 160, 3), 120, np.uint8)
    picture[30:60, 40:80] = (200, 80, 60)
    once, again = (CONDITIONS[name](picture) for _ in range(2))
    assert (once == again).all()
    assert once.shape == picture.shape
    assert (once != picture).any()


def test_names_are_unique_and_what_cases_refer_to_is_there():
    names = [title(case) for case in CASES]
    assert len(names) == len(set(names)) >= 60
    assert {take for clip in CLIPS for take in clip.takes} <= set(TAKES)
    pairs = [case for case in CASES if isinstance(case, Pair)]
    assert {pair.image for pair in pairs} <= {picture.name for picture in PICTURES}
    assert {pair.clip for pair in pairs} <= {clip.name for clip in CLIPS}


def test_labels_name_rules_of_their_own_kind_and_do_not_contradict_themselves():
    for case in CASES:
        named = {*case.must, *case.may}
        assert named <= {rule for rule in RULES if concerns(rule, case)}, title(case)
        assert not set(case.must) & set(case.may), title(case)


def test_hits_misses_and_false_alarms_are_counted():
    broken = a_clip(must={"video.cuts": WARN})
    results = [
        Judged(broken, (finding("video.cuts"),)),
        Judged(broken, (finding("video.cuts", BLOCK),)),
        Judged(broken),
        Judged(a_clip(), (finding("video.cuts"),)),
        Judged(a_clip()),
        Judged(a_clip(may={"video.cuts": "a matter of taste"}), (finding("video.cuts"),)),
        Judged(a_picture()),
    ]
    score = score_rule("video.cuts", results)
    assert (score.positives, score.negatives) == (3, 2)
    assert (score.true_positives, score.false_positives, score.false_negatives, score.misjudged) == (2, 1, 1, 1)
    assert score.precision == pytest.approx(2 / 3)
    assert score.recall == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("must", "found", "hits", "false"),
    [
        ({"video.person": HINT}, HINT, 1, 0),
        ({"video.person": WARN}, HINT, 0, 0),  # a hint is not enough where a warning is due
        ({}, HINT, 0, 0),  # and no alarm where nothing is
        ({}, WARN, 0, 1),
    ],
)
def test_hints_are_no_alarms(must, found, hits, false):
    score = score_rule("video.person", [Judged(a_clip(must=must), (finding("video.person", found),))])
    assert (score.true_positives, score.false_positives) == (hits, false)


def test_wrongs_are_told_in_words():
    case = a_clip(must={"video.cuts": WARN, "video.size": BLOCK}, orientation=Orientation.VIDEO)
    found = finding("video.size"), finding("video.speed"), finding("video.person", HINT)
    told = [wrong.what for wrong in wrongs(Judged(case, found, orientation=Orientation.IMAGE))]
    assert told == [
        "misses video.cuts",
        "video.size is a warn, not a block",
        "false alarm video.speed: The figure is blurred for 50 % of the time.",
        "advises orientation image, not video",
    ]


def test_cuts_are_timed():
    case = a_clip(cuts=((1.0, 1.0), (3.0, 3.5), (8.0, 8.0)))
    judged = Judged(case, cuts=((1.1, 1.1), (2.8, 3.6)))
    assert cut_errors([judged]) == {"a": [pytest.approx(0.1), pytest.approx(0.2)]}


@pytest.mark.parametrize(
    ("told", "error_s", "promised_s"),
    [((0.0, 3.0), 0.0, 0.0), ((0.0, 3.5), 0.5, 0.5), ((1.0, 3.0), -1.0, 0.0), (None, -3.0, 0.0), ((4.0, 7.0), 0, 3.0)],
)
def test_usable_spans_are_compared(told, error_s, promised_s):
    case = a_clip(must={"video.usable": WARN}, usable=(0.0, 3.0))
    assert usable_errors([Judged(case, usable=told, duration_s=8.0)])["a"] == pytest.approx((error_s, promised_s))


def test_faultless_clips_are_usable_as_a_whole_and_others_only_where_it_is_known():
    assert a_clip(must={"video.size": BLOCK}).true_usable(4.0) == (0.0, 4.0)
    assert a_clip(must={"video.person": HINT}).true_usable(4.0) == (0.0, 4.0)
    assert a_clip(must={"video.speed": WARN}).true_usable(4.0) is None
    assert a_clip(must={"video.usable": WARN}, usable=lambda: (1.0, 2.0)).true_usable(4.0) == (1.0, 2.0)


def test_the_walker_leaves_the_picture_when_the_joints_say_so():
    start_s, end_s = TAKES["walk"].in_view_s(0, 700)
    assert start_s == 0.0
    assert end_s == pytest.approx(2.75)
