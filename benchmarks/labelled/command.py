"""``python -m benchmarks labelled``: the whole set, as a table or as JSON."""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.labelled.case import Clip
from benchmarks.labelled.cases import chosen, title
from benchmarks.labelled.judging import Judged, judge_all
from benchmarks.labelled.scoring import RULES, RuleScore, cut_errors, score_rule, usable_errors, wrongs
from kling_ui.workers import Workers

TIME_TOLD_S = 0.25  # larger errors are listed by case


def main(options: Sequence[str]) -> None:
    """Judge the set and print what came of it."""
    parser = argparse.ArgumentParser(prog="benchmarks labelled", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--quick", action="store_true", help="only the part that the tests run")
    parser.add_argument("--only", nargs="+", default=(), metavar="WORD", help="only cases with a word in their name")
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="keep the drawn files here, and do not draw again the takes that are there",
    )
    chosen_options = parser.parse_args(options)
    cases = chosen(chosen_options.only, quick=chosen_options.quick)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary, Workers() as workers:
        folder = chosen_options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        results = asyncio.run(judge_all(cases, folder, Path(temporary) / "looks", workers, tell=_tell))
    if chosen_options.json:
        print(json.dumps(to_json(results), indent=2))
    else:
        print("\n".join(lines(results)))
        print(f"\n{len(results)} cases in {time.perf_counter() - started:.0f} s")


def to_json(results: Sequence[Judged]) -> dict[str, object]:
    """Put everything that was measured into plain JSON types."""
    return {
        "rules": {rule: _figures(score_rule(rule, results)) for rule in RULES},
        "cut_errors_s": cut_errors(results),
        "usable_errors_s": usable_errors(results),
        "cases": [
            {
                "name": title(judged.case),
                "must": sorted(judged.case.must),
                "may": sorted(judged.case.may),
                "fired": {finding.rule: finding.severity.value for finding in reversed(judged.findings)},
                "wrong": [wrong.what for wrong in wrongs(judged)],
            }
            for judged in results
        ],
    }


def lines(results: Sequence[Judged]) -> list[str]:
    """The table: a line a rule, then times, then every wrong case."""
    head = f"{'rule':<18}{'must':>5}{'not':>5}{'hits':>6}{'misses':>8}{'false':>7}{'severity':>10}"
    rows = [f"{head}{'precision':>11}{'recall':>8}"]
    for rule in RULES:
        score = score_rule(rule, results)
        counts = f"{rule:<18}{score.positives:>5}{score.negatives:>5}{score.true_positives:>6}"
        missed = f"{score.false_negatives:>8}{score.false_positives:>7}{score.misjudged:>10}"
        shares = f"{score.precision:>11.2f}{score.recall:>8.2f}" if score.positives else f"{'-':>11}{'-':>8}"
        rows.append(counts + missed + shares)
    found = [wrong for judged in results for wrong in wrongs(judged)]
    clean = len(results) - len({wrong.name for wrong in found})
    rows += ["", *_times(results), "", f"{clean} of {len(results)} cases are judged as labelled; the others:"]
    return rows + [f"  {wrong.name}: {wrong.what}" for wrong in found]


def _times(results: Sequence[Judged]) -> list[str]:
    cuts = cut_errors(results)
    told = [error for errors in cuts.values() for error in errors]
    true = sum(len(judged.case.cuts) for judged in results if isinstance(judged.case, Clip))
    rows = [f"cuts: {len(told)} of {true} found"]
    if told:
        rows[0] += f", off by {statistics.median(told):.2f} s in the median, {max(told):.2f} s at most"
    rows += [
        f"  {name}: off by {max(errors):.2f} s" for name, errors in cuts.items() if errors and max(errors) > TIME_TOLD_S
    ]
    usable = usable_errors(results)
    off, beyond = [abs(error) for error, _ in usable.values()], [promised for _, promised in usable.values()]
    if usable:
        rows += [
            f"usable seconds of {len(usable)} clips: off by {statistics.mean(off):.2f} s on average, {max(off):.2f} s "
            f"at most; promised but not good {statistics.mean(beyond):.2f} s on average, {max(beyond):.2f} s at most"
        ]
    rows += [
        f"  {name}: {error:+.2f} s, {promised:.2f} s of it not good"
        for name, (error, promised) in usable.items()
        if max(abs(error), promised) > TIME_TOLD_S
    ]
    return rows


def _figures(score: RuleScore) -> dict[str, object]:
    shares = {"precision": round(score.precision, 4), "recall": round(score.recall, 4)}
    return asdict(score) | {"false_negatives": score.false_negatives} | shares


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
