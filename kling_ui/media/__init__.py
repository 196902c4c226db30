"""Measuring and editing pictures and clips: facts, no verdicts."""
