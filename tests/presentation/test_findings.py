"""Every code has a sentence, and every place in a sentence has a value."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from kling_ui.checks import image_repairs, image_rules, pair_rules, usability, video_repairs, video_rules
from kling_ui.checks.limits import LimitSource
from kling_ui.checks.repair_kinds import RepairCode, RepairKind
from kling_ui.checks.report import CurveKind, FindingCode, Severity
from kling_ui.checks.usability import AdviceCode, SpanKind
from kling_ui.options import Orientation
from kling_ui.presentation.finding_sentences import (
    ADVICE,
    BODIES,
    CAUSES,
    CURVES,
    FINDINGS,
    SOURCES,
)
from kling_ui.presentation.findings import WRITERS
from kling_ui.presentation.repair_sentences import REPAIRS
from kling_ui.presentation.wording import ORIENTATIONS, SEVERITIES, SPANS
from kling_ui.vision.pose import Framing

PAIRS = {**FINDINGS, **REPAIRS}
SENTENCES = [sentence for pair in PAIRS.values() for sentence in pair] + list(ADVICE.values())


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        (FINDINGS, FindingCode),
        (REPAIRS, RepairCode),
        (ADVICE, AdviceCode),
        (CURVES, CurveKind),
        (SOURCES, LimitSource),
        (SPANS, SpanKind),
        (CAUSES, set(SpanKind) - {SpanKind.GOOD}),
        (SEVERITIES, Severity),
        (ORIENTATIONS, Orientation),
        (BODIES, Framing),
    ],
)
def test_every_code_has_words(table, codes):
    assert set(table) == set(codes)


def test_every_repair_is_of_a_kind_and_every_kind_has_one():
    assert {RepairKind(code.partition("/")[0]) for code in RepairCode} == set(RepairKind)


@pytest.mark.parametrize("code", FindingCode)
def test_a_message_can_go_on_in_a_headline(code):
    message, advice = FINDINGS[code]
    assert message.startswith("The ")
    assert message.endswith(".")
    assert advice.endswith(".")


@pytest.mark.parametrize("sentence", SENTENCES)
def test_every_place_is_written_in_a_known_way(sentence):
    formats = [spec for _, name, spec, _ in string.Formatter().parse(sentence) if name and spec]
    assert all(spec in WRITERS or not spec.isidentifier() or spec == "g" for spec in formats)


@pytest.mark.parametrize("module", [image_rules, pair_rules, video_rules])
def test_each_rule_gives_just_the_values_that_its_sentences_name(module):
    given = [found for function in _functions(module) for found in _given(function)]
    assert given
    for code, values in given:
        # whether the clip has a part to keep is added to the findings of all rules
        assert values == _places(*FINDINGS[FindingCode[code]]) - {"can_trim"}, code


def test_each_code_is_given_by_some_rule():
    named = {code for module in (image_rules, pair_rules, video_rules) for code in _all(module, "FindingCode")}
    assert named == {code.name for code in FindingCode}
    offered = {code for module in (image_repairs, video_repairs) for code in _all(module, "RepairCode")}
    chosen = {code.name for code in RepairCode if RepairKind(code.partition("/")[0]).person}  # made from a number
    assert offered | chosen == {code.name for code in RepairCode}
    assert _all(usability, "AdviceCode") == {code.name for code in AdviceCode}


def _places(*sentences: str) -> set[str]:
    parsed = (string.Formatter().parse(sentence) for sentence in sentences)
    return {name for parts in parsed for _, name, _, _ in parts if name}


def _functions(module: ModuleType) -> list[ast.FunctionDef]:
    tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
    return [node for node in tree.body if isinstance(node, ast.FunctionDef)]


def _all(module: ModuleType, codes: str) -> set[str]:
    return {code for function in _functions(module) for code in _codes(function, codes)}


def _codes(node: ast.AST, codes: str = "FindingCode") -> set[str]:
    attributes = (part for part in ast.walk(node) if isinstance(part, ast.Attribute))
    return {part.attr for part in attributes if isinstance(part.value, ast.Name) and part.value.id == codes}


def _given(function: ast.FunctionDef) -> Iterator[tuple[str, set[str]]]:
    """Yield the code of each finding that a rule yields, with the names of the values that it gives along."""
    for node in ast.walk(function):
        if isinstance(node, ast.Yield) and isinstance(node.value, ast.Call):
            code, values = node.value.args[0], node.value.args[4] if len(node.value.args) > 4 else ast.Dict([], [])
            if isinstance(code, ast.Name):
                code = _assigned(function, code)
            yield from ((name, _keys(function, values)) for name in _codes(code))


def _assigned(function: ast.FunctionDef, name: ast.Name) -> ast.expr:
    """Give what a variable was last set to above the place where it is used."""
    found = []
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and node.lineno < name.lineno:
            (target,), value = node.targets, node.value
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                found += zip(target.elts, value.elts, strict=True)
            else:
                found.append((target, value))
    return max(
        (value for target, value in found if isinstance(target, ast.Name) and target.id == name.id),
        key=lambda value: value.lineno,
    )


def _keys(function: ast.FunctionDef, values: ast.expr) -> set[str]:
    if isinstance(values, ast.Dict):
        return {str(key.value) for key in values.keys if isinstance(key, ast.Constant)}
    if isinstance(values, ast.BinOp):
        return _keys(function, values.left) | _keys(function, values.right)
    assert isinstance(values, ast.Name)
    return _keys(function, _assigned(function, values))
