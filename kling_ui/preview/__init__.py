"""The embedded engine: the vendor's API (docs/vendor_api.md) answered on this machine, with a queue that takes turns.

It may import ``puppet``, ``media`` and the base modules, and never ``api``: the two sides of the wire share no code.
"""
