"""The client of the model API: requests, answers, polling, what may be tried again.

It does not know which of the two engines it talks to. It may import the base modules only (settings, errors, options).
"""
