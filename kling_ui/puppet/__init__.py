"""Motion transfer: a character is cut out of a picture and animated like the person in a clip.

The picture becomes a rig (layers on bones), the clip a motion (poses), and the puppet draws the rig in these poses. It
may import ``vision``, ``media`` and what lies below them.
"""
