"""What happens on the page: one class a group of events, each method one event.

Handlers may import ``views``, the services and what lies below ``ui``; they know nothing of the layout in ``page``.
"""
