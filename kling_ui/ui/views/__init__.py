"""What the page shows, made of plain values: HTML and dictionaries for its elements, nothing of Gradio."""
