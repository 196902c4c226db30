"""One word, one thing: no class name stands twice, and modules share a name only where ARCHITECTURE.md says so."""

import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "kling_ui").rglob("*.py"))


def _doubled(places):
    return {name: sorted(where) for name, where in places.items() if len(where) > 1}


def test_no_public_class_name_stands_twice():
    places = defaultdict(list)
    for module in MODULES:
        for node in ast.parse(module.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(module.relative_to(ROOT)))
    assert len(places) > 300
    assert _doubled(places) == {}


def test_modules_share_a_name_only_where_the_architecture_says_so():
    places = defaultdict(list)
    for module in MODULES:
        if not module.name.startswith("__"):
            places[module.stem].append(str(module.relative_to(ROOT)))
    words = (ROOT / "ARCHITECTURE.md").read_text("utf-8").partition("## Words")[2]
    named = re.search(r"modules share theirs: ([^.]+)\.", words)
    assert named is not None
    assert set(_doubled(places)) == set(re.findall(r"`(\w+)`", named.group(1)))
