"""Motion: a clip's poses are smoothed, retargeted to the character's bones, and kept within the picture.

Nothing here draws; of the rig it knows the character only.
"""
