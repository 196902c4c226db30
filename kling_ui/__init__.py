"""A playground for Kling 2.6 Motion Control."""
