"""From a clip's poses to the puppet's poses: smoothed, retargeted, kept in the picture.

Nothing here draws; of the rig it knows the character only.
"""
