"""From facts and measurements to findings, repairs and a forecast: codes and values, no sentences.

Rules are pure functions: no file is opened here but by ``preflight`` and ``repair_runner``. It may import ``vision``,
``media`` and the base modules.
"""
