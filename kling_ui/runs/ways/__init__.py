"""The ways for a local file to reach an engine; :mod:`kling_ui.runs.publish` says what a way promises."""
