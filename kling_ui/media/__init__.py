"""Files of pictures and clips: reading, probing, writing and mending them; nothing here looks at what they show."""
