"""What pictures and clips show: people, poses, shots, camera, speed; measurements and evidence, no verdicts.

It may import ``media`` and the base modules; only ``detector`` imports mediapipe.
"""
