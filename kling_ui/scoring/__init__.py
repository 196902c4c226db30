"""How well a result follows its reference: limbs, lag, and the motion match.

It may import ``vision``, ``media`` and the base modules; it shares no reading of a clip with ``puppet``.
"""
