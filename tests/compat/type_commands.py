"""Types commands of the command line one after the other at a frozen moment, and prints what became of each as JSON.

It is a program of its own so that the clock stands still for all that is imported, and the tests' clock does not.
"""

import io
import json
import runpy
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

PROGRAM = "kling_ui"


def typed(words: list[str]) -> dict[str, Any]:
    """Type one command."""
    said, told, code = io.StringIO(), io.StringIO(), None
    sys.argv = [PROGRAM, *words]
    with redirect_stdout(said), redirect_stderr(told):
        try:
            runpy.run_module(PROGRAM, run_name="__main__")
        except SystemExit as end:
            code = end.code
    return {"code": code, "stdout": said.getvalue(), "stderr": told.getvalue()}


def main() -> None:
    """Read the moment and the commands from the arguments."""
    now, commands = float(sys.argv[1]), json.loads(sys.argv[2])
    time.time = lambda: now
    sys.stdout.write(json.dumps([typed(words) for words in commands]))


if __name__ == "__main__":
    main()
