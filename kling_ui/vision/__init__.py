"""Computer vision: measure people, poses, shots, camera and speed in pictures and clips; no verdicts."""
