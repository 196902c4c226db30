"""The web server around Gradio: security, sessions, signed files, uploads, logins.

The page takes from here what it shows and signs: file addresses, uploads, logins. It may import the page's services and
what lies below ``ui``, no handler and no view.
"""
