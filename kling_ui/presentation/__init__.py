"""The English of page and command line, made from the codes and values that the packages below return.

Here live sentences, labels and figures as a person reads them; page and command line import them, and another language
would be another table here. Nothing is decided, measured or stored: only ``runs``, ``checks``, ``scoring`` and what
lies below them may be imported, and they import nothing from here.
"""
