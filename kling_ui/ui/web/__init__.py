"""The app on the web: its server, what guards it, and how files leave it."""
