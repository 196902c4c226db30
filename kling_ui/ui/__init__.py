"""The page: what stands on it, what happens, who a visitor is.

It may import everything but ``cli``; only here is Gradio imported.
"""
