"""Files of pictures and clips: probing, decoding, encoding, transforming and downloading them.

Nothing here knows what a picture shows. It may import the base modules only.
"""
