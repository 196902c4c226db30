"""Run the benchmarks: ``make bench``, or ``make bench ARGS=startup`` for one of them.

Options and files behind a name go to that benchmark.
"""

import argparse
import importlib
import pkgutil
from pathlib import Path


def main() -> None:
    """Run the named benchmarks, or all that are not long."""
    here = pkgutil.iter_modules([str(Path(__file__).parent)])
    names = sorted(module.name for module in here if not module.name.startswith("_"))
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(names)}")
    arguments, options = parser.parse_known_args()
    wanted = arguments.names or names
    if wanted[0] in names and not set(wanted[1:]) & set(names):  # what follows one name is that benchmark's own
        wanted, options = wanted[:1], [*wanted[1:], *options]
    if options and len(wanted) != 1:
        parser.error(f"{options[0]} is for one benchmark: name it")
    if unknown := set(wanted) - set(names):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    for name in wanted:
        module = importlib.import_module(f"benchmarks.{name}")
        if not arguments.names and getattr(module, "IS_LONG", False):
            continue
        if len(wanted) > 1:
            print(f"\n== {name}", flush=True)
        module.main(*options)


if __name__ == "__main__":
    main()
