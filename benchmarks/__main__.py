"""Run the benchmarks: ``make bench``, or ``make bench ARGS=startup`` for one of them."""

import argparse
import importlib
import pkgutil
from pathlib import Path


def main() -> None:
    """Run the named benchmarks, or all of them."""
    here = pkgutil.iter_modules([str(Path(__file__).parent)])
    names = sorted(module.name for module in here if not module.name.startswith("_"))
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(names)}")
    wanted = parser.parse_args().names or names
    if unknown := set(wanted) - set(names):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    for name in wanted:
        print(f"\n== {name}", flush=True)
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
