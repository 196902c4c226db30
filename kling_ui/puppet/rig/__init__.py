"""From a picture to layers: whose each pixel is, what lies behind it, and the picture without the person.

Nothing here knows of clips or frames.
"""
