"""The ledger of runs: what was asked, sent, paid and received, in any SQLAlchemy database.

``ledger`` is the door for the event loop; ``store`` and ``schema``, which load SQLAlchemy, are for its thread only.
"""
