"""Judging what was measured: rules, findings, reports."""
