"""How a local file gets an address that an engine can fetch.

``protocol`` says what a publisher promises and chooses among them; each other module is one publisher, or tries
addresses as the engine will.
"""
