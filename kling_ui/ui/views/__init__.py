"""Values that the page's scripts display, made of what the packages below found.

Pure functions; they may import ``presentation`` and the values of ``runs`` and ``checks``, no handler and no service.
"""
