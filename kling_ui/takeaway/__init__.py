"""What people take away of a run: its card, pictures and clips of it, and a report that opens from disk."""
