"""``/metrics`` for Prometheus: what is under way, how long it takes and what it costs, for whoever has the token.

Everything is counted where it happens, as plain numbers, and read here when somebody asks; nothing tells of a visitor.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from hmac import compare_digest
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response
from pydantic import SecretStr

from kling_ui.errors import SettingsError
from kling_ui.runs.ledger.statements import LedgerTally
from kling_ui.ui.services import Services
from kling_ui.ui.web.page_sessions import PageSessions
from kling_ui.ui.web.uploads import UploadIntake

if TYPE_CHECKING:
    from prometheus_client.core import Metric

REFUSED = "The metrics take the token of KLING_UI_METRICS_TOKEN as a bearer token."


def add_metrics_route(
    app: FastAPI, token: SecretStr, intake: UploadIntake, sessions: Callable[[], PageSessions]
) -> None:
    """Add the route.

    Args:
        app: The application, whose services are measured.
        token: What whoever asks must bring.
        intake: Takes uploads in.
        sessions: Gives the open tabs.

    Raises:
        SettingsError: What it needs is not installed.
    """
    try:
        from prometheus_client import (  # noqa: PLC0415  an extra brings it
            CONTENT_TYPE_LATEST,
            CollectorRegistry,
            ProcessCollector,
            generate_latest,
        )
    except ModuleNotFoundError as error:
        raise SettingsError("KLING_UI_METRICS_TOKEN takes nothing where the extra metrics is not installed.") from error

    expected = f"Bearer {token.get_secret_value()}".encode()

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode("latin-1", "replace")
        if not compare_digest(given, expected):
            return PlainTextResponse(REFUSED, 401, {"WWW-Authenticate": "Bearer"})
        services: Services = app.state.services
        tally = await services.runner.tally()
        registry = CollectorRegistry()
        registry.register(MetricsCollector(services, intake, sessions(), tally))
        ProcessCollector(registry=registry)
        content = await asyncio.to_thread(generate_latest, registry)
        return Response(content, media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


class MetricsCollector:
    """Collects everything once.

    Args:
        services: What the page works with.
        intake: Takes uploads in.
        sessions: The open tabs.
        tally: What the ledger knows.
    """

    def __init__(self, services: Services, intake: UploadIntake, sessions: PageSessions, tally: LedgerTally) -> None:
        self._services = services
        self._intake = intake
        self._sessions = sessions
        self._tally = tally

    def collect(self) -> "Iterator[Metric]":
        """Give all measures."""
        yield from self._runs()
        yield from self._work()
        yield from self._page()

    def _runs(self) -> "Iterator[Metric]":
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415

        runs = GaugeMetricFamily("kling_ui_runs", "Runs in the ledger.", labels=["engine", "state"])
        for (engine, state), count in self._tally.runs.items():
            runs.add_metric([engine, state], count)
        spent = GaugeMetricFamily("kling_ui_spent_usd", "US dollars that runs have cost.", labels=["token"])
        for token, usd in (("app", self._tally.app_usd), ("visitor", self._tally.visitors_usd)):
            spent.add_metric([token], usd)
        yield from (runs, spent)

    def _work(self) -> "Iterator[Metric]":
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415

        services = self._services
        waiting = GaugeMetricFamily("kling_ui_waiting", "Turns that are waited for.", labels=["line"])
        for line, share in (("checks", services.checks), ("copies", services.copying)):
            waiting.add_metric([line], len(share))
        jobs = CounterMetricFamily("kling_ui_jobs", "Jobs of workers that have ended.", labels=["work", "outcome"])
        for (work, outcome), count in services.workers.tally.jobs.items():
            jobs.add_metric([work, outcome], count)
        seconds = CounterMetricFamily("kling_ui_job_seconds", "Seconds that jobs took, with waiting.", labels=["work"])
        for work, spent_s in services.workers.tally.seconds.items():
            seconds.add_metric([work], spent_s)
        lost = CounterMetricFamily("kling_ui_worker_restarts", "Workers that died or were ended for taking too long.")
        lost.add_metric([], services.workers.tally.lost)
        yield from (waiting, jobs, seconds, lost)

    def _page(self) -> "Iterator[Metric]":
        from prometheus_client.core import (  # noqa: PLC0415
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        tabs = GaugeMetricFamily("kling_ui_tabs", "Open tabs of which anything is remembered.")
        tabs.add_metric([], len(self._sessions))
        taken = CounterMetricFamily("kling_ui_upload_bytes", "Bytes of uploads that were taken in.")
        taken.add_metric([], self._intake.taken_bytes)
        refusals = CounterMetricFamily("kling_ui_refusals", "What was refused.", labels=["what"])
        for what, count in self._refusals().items():
            refusals.add_metric([what], count)
        latency = self._sessions.latency
        events = HistogramMetricFamily(
            "kling_ui_event_seconds", "Seconds from an event of the page to its first answer."
        )
        events.add_metric([], latency.buckets(), latency.sum_s)
        yield from (tabs, taken, refusals, events)

    def _refusals(self) -> Counter[str]:
        services = self._services
        found = Counter({"checks": services.checks.refused, "copies": services.copying.refused})
        found.update({"uploads": self._intake.refused, "events": self._sessions.refused})
        return found
