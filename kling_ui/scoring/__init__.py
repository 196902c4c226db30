"""Measuring how well a result follows its reference."""
