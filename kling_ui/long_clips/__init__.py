"""Clips beyond the limit of a run: surveyed, cut into lawful pieces, each run by itself, and joined again.

Imports what puts runs together and everything below it; Python API, command line and page import this package.
"""
