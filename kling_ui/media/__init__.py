"""Files of pictures and clips: reading, probing, writing and repairing them; nothing here looks at what they show."""
