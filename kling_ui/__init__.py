"""A playground for Kling 2.6 Motion Control."""

__version__ = "0.1.0"
