"""What programs and agents may ask of this app, and how that is checked and answered.

``calls`` does the work, with the same services as the page; ``endpoints`` shows it as named endpoints of Gradio's, and
``mcp_tools`` as tools for agents.
"""
