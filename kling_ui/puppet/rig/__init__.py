"""Rigging: a picture is matted, segmented into body parts, and cut into layers; what they hid is inpainted.

Nothing here knows of clips or frames.
"""
