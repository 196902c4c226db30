"""A scheduler, workers and a store, all of this process; each job has a process of its own, as it does elsewhere."""

import contextlib
import sys
import time
from pathlib import Path

import httpx
import pytest

from kling_ui import cluster
from kling_ui.buckets import open_bucket
from kling_ui.cluster import ClusterWorkers

sys.path.append(str(Path(__file__).parent))  # jobs are imported by name, where they run, too

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="session")
def s3_server():
    from moto.server import ThreadedMotoServer  # noqa: PLC0415  takes a second

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def store(s3_server, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("KLING_UI_STORE_URL", "s3://bucket/kling")
    with httpx.Client(base_url=s3_server) as http:
        assert http.post("/moto-api/reset").status_code == 200
        assert http.put("/bucket").status_code == 200
    return open_bucket("s3://bucket/kling")


@pytest.fixture
def forget(s3_server):
    """Make the store forget everything, as one that is started again with an empty disk."""

    def reset():
        with httpx.Client(base_url=s3_server) as http:
            http.post("/moto-api/reset")
            http.put("/bucket")

    return reset


@pytest.fixture
def scheduler(store):
    cluster.workbench.cache_clear()
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None, protocol="tcp"
        ) as started,
    ):
        yield started
    for pool in cluster.workbench().pools.values():
        pool.close()
    cluster.workbench.cache_clear()


@pytest.fixture
def workers(scheduler, store):
    with contextlib.closing(ClusterWorkers(scheduler.scheduler_address, store, 2, memory_mb=0)) as opened:
        yield opened


@pytest.fixture
def wait_until():
    def wait(is_so, limit_s=30.0):
        end = time.monotonic() + limit_s
        while not is_so():
            assert time.monotonic() < end
            time.sleep(0.05)

    return wait
