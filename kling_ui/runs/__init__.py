"""Requests and the ledger: submitted once, followed, priced, their results kept, so that nothing is lost or paid twice.

It gives codes and values; the sentences are ``presentation``'s. It may import ``api``, ``preview``, ``checks`` and
``score``, and what lies below them.
"""
