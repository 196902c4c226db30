"""A small synthesised sound track: soft chords over a gentle beat. Mono samples from -1 to 1."""

import numpy as np

from figure.clip import SAMPLE_RATE
from figure.motions import BEATS_PER_MINUTE

CHORDS_HZ = ((261.63, 329.63, 392.00), (220.00, 261.63, 329.63), (174.61, 220.00, 261.63), (196.00, 246.94, 293.66))


def tune(duration_s: float, *, beats_per_minute: float = BEATS_PER_MINUTE, drums: bool = True) -> np.ndarray:
    """Chords that change every two beats, a soft drum on each beat and a shaker between."""
    times = np.arange(round(duration_s * SAMPLE_RATE)) / SAMPLE_RATE
    beat = 60 / beats_per_minute
    since, half = times % beat, (times + beat / 2) % beat
    drum = np.sin(2 * np.pi * (52 * since + 3.2 * (1 - np.exp(-since * 28)))) * np.exp(-since * 14)
    shaker = np.random.default_rng(7).normal(size=len(times)) * np.exp(-half * 60) * 0.06
    chord = (times // (2 * beat)).astype(int) % len(CHORDS_HZ)
    held = times % (2 * beat)
    swell = np.minimum(held / 0.03, 1) * np.exp(-held * 1.6)
    notes = np.array(CHORDS_HZ)[chord]
    phase = 2 * np.pi * notes * held[:, None]
    keys = (np.sin(phase) + 0.3 * np.sin(2 * phase) + 0.1 * np.sin(3 * phase)).sum(1) * swell
    fade = np.clip(np.minimum(times, duration_s - times) / 0.05, 0, 1)
    return ((0.42 * drum + shaker) * drums + 0.13 * keys) * fade
