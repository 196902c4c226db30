"""Seeing what pictures and clips show: people, poses, shots, camera, speed; measurements with evidence, no verdicts."""
