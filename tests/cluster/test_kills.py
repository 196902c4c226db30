"""Every part of a real cluster is killed once while previews go on; the benchmark does it more often."""

import asyncio
import importlib.util
import random
import shutil
import socket
from pathlib import Path

import pytest

pytest.importorskip("distributed")

from benchmarks import cluster as cluster_benchmark
from benchmarks._cluster_processes import Cluster


def free_ports(count):
    """Find so many free ports in a row."""
    for first in range(20_000, 30_000, count):
        try:
            for port in range(first, first + count):
                socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return first
    raise OSError("no free ports")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not (shutil.which("haproxy") or Path("/usr/sbin/haproxy").exists()), reason="there is no haproxy")
@pytest.mark.skipif(not list(Path("/usr/lib/postgresql").glob("*/bin/pg_isready")), reason="there is no PostgreSQL")
@pytest.mark.skipif(importlib.util.find_spec("moto") is None, reason="there is no S3 server")
def test_nothing_is_lost_or_doubled_when_parts_are_killed(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("cluster") / "parts", port=free_ports(10), workers=2) as cluster:
        found = asyncio.run(cluster_benchmark.kill_and_count(cluster, 5, random.Random(5)))
    assert found["killed"] == dict.fromkeys(cluster_benchmark.KINDS, 1)
    assert (found["lost"], found["doubled"], found["end_unknown"]) == (0, 0, 0)
