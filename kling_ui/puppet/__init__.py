"""The puppet: a character cut out of its picture, moved as the person in a clip moves.

A picture becomes a rig, a clip a motion, and the puppet draws the one in the poses of the other. It may import
``vision``, ``media`` and what lies below them.
"""
