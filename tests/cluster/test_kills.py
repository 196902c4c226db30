"""Parts of a real cluster are killed while previews and paid runs go on; the benchmark kills more, and more often."""

import asyncio
import importlib.util
import random
import shutil
import socket
from pathlib import Path

import pytest

pytest.importorskip("distributed")

from benchmarks._cluster_orders import VIDEO
from benchmarks._cluster_processes import Cluster
from benchmarks.cluster_kills import kill_and_count

# A few, for they take minutes; `make bench ARGS="cluster_kills --kills 30"` does more.
KINDS, SEED = ("replica in a submit", "worker", "scheduler", "postgresql", "s3", "vendor in a submit"), 5


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
    folder = tmp_path_factory.mktemp("cluster") / "parts"
    with Cluster(folder, port=free_ports(10), workers=2, vendor_video=VIDEO) as cluster:
        found = asyncio.run(kill_and_count(cluster, len(KINDS), random.Random(SEED), kinds=KINDS))
    assert found.killed == dict.fromkeys(KINDS, 1)
    assert (found.lost, found.doubled, found.untold) == (frozenset(), frozenset(), frozenset())
    assert {kind for end in found.ends for kind in end.split()[:1]} == {"preview", "paid"}
    assert found.submits
    assert found.twice <= {number for kill in found.kills if "replica" in kill.kind for number in kill.previews}
    assert len(found.unknown) >= 2, "of the replica and of the vendor that were killed in a submit"
    assert found.recovered == found.unknown
