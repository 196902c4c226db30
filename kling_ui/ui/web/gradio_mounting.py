"""What Gradio sets when it launches by itself, set for a page that is mounted.

A mounted page never launches, and much of what protects it depends on that. ``docs/gradio_mounting.md`` lists all of
it, and ``tests/ui/web/test_mounting.py`` walks through that list, so that an upgrade which changes it is noticed.
"""

from typing import Any

import gradio as gr
from fastapi import FastAPI
from starlette.routing import Mount

from kling_ui.settings import Settings
from kling_ui.ui.web.gradio_requests import EventBodies, OpenPaths, Shape
from kling_ui.ui.web.page_sessions import NoStates, PageSessions, SessionLimits


def finish_mounting(app: FastAPI, page: gr.Blocks, settings: Settings) -> PageSessions:
    """Set what launching would have set, and put the limits before Gradio.

    Args:
        app: The application, on which the page has just been mounted.
        page: The page.
        settings: What the product was told.

    Returns:
        The open tabs; somebody must call :meth:`PageSessions.keep_forgetting`.
    """
    mounted: Any = _gradio_app(app)
    # Without it Gradio takes any readable path for a file that it may copy. ``is_running`` stays off: it would let
    # every stream leave a task behind that goes on for ever, and all that it brings is an empty message now and then.
    page.has_launched = True
    mounted.state_holder = NoStates()
    mounted.state_holder.set_blocks(page)
    sessions = PageSessions(
        page._queue,
        sessions_max=settings.limits.sessions_max,
        silent_s=settings.limits.session_minutes * 60.0,
        counts_addresses=settings.is_public,
    )
    # The last one added stands in front.
    mounted.add_middleware(SessionLimits, sessions=sessions)
    mounted.add_middleware(
        EventBodies,
        shapes={number: Shape(len(event.inputs)) for number, event in page.fns.items() if event.fn is not None},
        blocks=frozenset({page._id, *page.blocks}),  # a loading page triggers events itself
        max_bytes=settings.limits.event_kb * 1000,
    )
    mounted.add_middleware(OpenPaths)
    return sessions


def _gradio_app(app: FastAPI) -> Any:
    mount = app.router.routes[-1]
    if not isinstance(mount, Mount):
        raise TypeError("Gradio is not mounted as it was.")
    return mount.app
