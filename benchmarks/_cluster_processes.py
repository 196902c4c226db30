"""A whole cluster on this machine, each part a process of its own that is started again whenever it ends.

PostgreSQL for the ledger, an S3 server, a Dask scheduler with workers, replicas of the app behind haproxy, and where it
is wanted a played vendor (``_vendor.py``). The replicas
share one data folder, as those of a real installation share a volume.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[1]
BUCKET = "bucket"
READY_LIMIT_S = 120.0
HAPROXY = """
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  option redispatch
  retries 3
frontend page
  bind 127.0.0.1:{front}
  default_backend replicas
backend replicas
  balance leastconn
  cookie REPLICA insert indirect nocache
  option httpchk GET /health
  default-server inter 1s fall 2 rise 1 on-marked-down shutdown-sessions
"""


@dataclass(slots=True)
class Part:
    """One process with all that it starts.

    Attributes:
        name: What it is called.
        command: How it is started.
        env: Its environment, beside this process's own.
        is_ready: Whether it does what it is there for.
        user: Who runs it, if not the user of this process.
        prepare: What is to be done each time that it was started anew.
        process: While it runs.
    """

    name: str
    command: list[str]
    env: dict[str, str]
    is_ready: Callable[[], bool]
    user: dict[str, Any] = field(default_factory=dict)
    prepare: Callable[[], object] = lambda: None
    process: subprocess.Popen[bytes] | None = None

    def start(self, logs: Path) -> None:
        """Start it."""
        with (logs / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen[bytes](
                self.command,
                env=os.environ | self.env,
                cwd=logs.parent if self.user else ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.user,
            )
        schedule_alike(self.process.pid)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it and to all that it has started."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def await_ready(self) -> None:
        """Wait until it is ready.

        Raises:
            TimeoutError: It is not.
        """
        end = time.monotonic() + READY_LIMIT_S
        while not self.is_ready():
            if time.monotonic() > end:
                raise TimeoutError(f"{self.name} does not answer")
            time.sleep(0.1)
        self.prepare()


class Cluster:
    """All parts; a thread starts again what has ended, as systemd or Kubernetes would.

    Args:
        folder: An empty one for data and logs.
        port: The first of the ports; ten from here are used.
        workers: Dask workers.
        replicas: Replicas of the app, at most 4; with none there is neither a proxy nor a database.
        vendor_video: What a played vendor answers paid runs with; without it the replicas know the real one only.
    """

    def __init__(
        self, folder: Path, *, port: int, workers: int, replicas: int = 2, vendor_video: Path | None = None
    ) -> None:
        self.folder, self.logs = folder, folder / "logs"
        self.logs.mkdir(parents=True)
        self._foreign: Path | None = None
        self.url = f"http://127.0.0.1:{port}"
        self.scheduler, self.s3 = f"tcp://127.0.0.1:{port + 2}", f"http://127.0.0.1:{port + 3}"
        self.ledger = f"postgresql://postgres@127.0.0.1:{port + 1}/postgres"
        self.env = {
            "AWS_ENDPOINT_URL": self.s3,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
            "KLING_UI_STORE_URL": f"s3://{BUCKET}/kling",
            "KLING_UI_SCHEDULER": self.scheduler,
            "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "30s",  # a worker that says nothing for so long is given up
            "OMP_NUM_THREADS": "1",
        }
        self.vendor = f"http://127.0.0.1:{port + 4}"
        if vendor_video is not None:
            self.env["KLING_UI_API_BASE"] = self.vendor
        parts = [self._s3(port + 3), self._scheduler(port + 2), *(self._worker(number) for number in range(workers))]
        if vendor_video is not None:
            parts.append(self._vendor(port + 4, vendor_video))
        if replicas:
            ports = range(port + 5, port + 5 + replicas)
            parts += [self._postgresql(port + 1), *(self._replica(each) for each in ports), self._proxy(port, ports)]
        self.parts = {part.name: part for part in parts}
        self._is_ending = threading.Event()
        self._keeper = threading.Thread(target=self._keep)

    def __enter__(self) -> Self:
        try:
            for part in self.parts.values():
                part.start(self.logs)
                if not part.name.startswith(("worker", "replica")):
                    part.await_ready()
            for part in self.parts.values():
                if part.name.startswith(("worker", "replica")):
                    part.await_ready()
            if "proxy" in self.parts:
                Part("proxy", [], {}, self._is_served).await_ready()
        except BaseException:
            self._end()
            raise
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_ending.set()
        self._keeper.join()
        self._end()

    def kill(self, name: str) -> None:
        """End a part at once, with all that it has started; it is started again."""
        self.parts[name].send(signal.SIGKILL)

    def named(self, kind: str) -> list[str]:
        """Give the names of all parts of a kind, such as ``worker``."""
        return [name for name in self.parts if name.startswith(kind)]

    def replica_at(self, port: int) -> str:
        """Give the name of the replica that has a connection from a port.

        Raises:
            LookupError: None has.
        """
        for name in self.named("replica"):
            process = self.parts[name].process
            if process is not None and any(
                each.laddr.port == port for each in psutil.Process(process.pid).net_connections("tcp")
            ):
                return name
        raise LookupError(port)

    def cpu_s(self, kind: str) -> float:
        """Add up the processor time, in seconds, of the parts of a kind and of the processes that they have."""
        began = {part.process.pid for name in self.named(kind) if (part := self.parts[name]).process is not None}
        total = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                values = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if began & {int(values[1]), int(values[3])}:  # PostgreSQL's children have sessions of their own
                total += sum(map(int, values[11:15]))  # with those children that have ended
        return total / os.sysconf("SC_CLK_TCK")

    def _is_served(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", timeout=10).is_success
        except httpx.HTTPError:
            return False

    def _keep(self) -> None:
        while not self._is_ending.wait(0.2):
            for part in self.parts.values():
                if part.process is not None and part.process.poll() is not None:
                    part.send(signal.SIGKILL)
                    part.start(self.logs)
                    if part.name == "s3":
                        part.await_ready()

    def _end(self) -> None:
        try:
            self._end_parts()
        finally:
            if self._foreign is not None:
                shutil.rmtree(self._foreign, ignore_errors=True)

    def _end_parts(self) -> None:
        for part in self.parts.values():
            part.send(signal.SIGINT if part.name == "postgresql" else signal.SIGTERM)
        end = time.monotonic() + 8
        for part in self.parts.values():
            if part.process is None:
                continue
            try:
                part.process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                part.send(signal.SIGKILL)
                part.process.wait()

    def _s3(self, port: int) -> Part:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]

        def make_bucket() -> None:
            httpx.put(f"{self.s3}/{BUCKET}").raise_for_status()

        return Part("s3", command, {}, lambda: _listens(port), prepare=make_bucket)

    def _vendor(self, port: int, video: Path) -> Part:
        memory = self.folder / "vendor.jsonl"
        command = [sys.executable, "-m", "benchmarks._vendor", str(port), str(video), str(memory)]
        return Part("vendor", command, {"PYTHONPATH": str(ROOT)}, lambda: _listens(port))

    def _scheduler(self, port: int) -> Part:
        command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port)]
        return Part("scheduler", [*command, "--no-dashboard"], self.env, lambda: _listens(port))

    def _worker(self, number: int) -> Part:
        command = [sys.executable, "-m", "distributed.cli.dask_worker", self.scheduler, "--name", f"worker-{number}"]
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0", "--host", "127.0.0.1"]
        folder = ["--local-directory", str(self.folder / f"worker-{number}")]
        env = self.env | {"PYTHONPATH": str(ROOT)}
        return Part(f"worker-{number}", [*command, *options, *folder], env, lambda: True)

    def _postgresql(self, port: int) -> Part:
        programs = _postgresql_programs()
        who: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        home = self.folder / "postgresql"
        if who:  # its user reads no folder of root's
            home = self._foreign = Path(tempfile.mkdtemp(prefix="kling-ui-postgresql-"))
            shutil.chown(home, **who)
        else:
            home.mkdir()
        made = [str(programs / "initdb"), "-D", str(home / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        subprocess.run([*made, "--locale=C"], cwd=home, check=True, stdout=subprocess.DEVNULL, **who)
        command = [str(programs / "postgres"), "-D", str(home / "data"), "-p", str(port), "-k", str(home), "-h"]
        is_ready = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
        return Part(
            "postgresql",
            [*command, "127.0.0.1"],
            {},
            lambda: subprocess.run(is_ready, check=False).returncode == 0,
            user=who,
        )

    def _replica(self, port: int) -> Part:
        env = self.env | {
            "KLING_UI_PORT": str(port),
            "KLING_UI_DATA_DIR": str(self.folder / "data"),
            "KLING_UI_LEDGER_URL": self.ledger,
            "KLING_UI_TRUSTED_PROXIES": "127.0.0.0/8",
            "GRADIO_ANALYTICS_ENABLED": "0",
            "PYTHONPATH": str(ROOT),
        }
        return Part(f"replica-{port}", [sys.executable, "app.py"], env, lambda: _listens(port))

    def _proxy(self, port: int, replicas: range) -> Part:
        servers = [f"  server r{each} 127.0.0.1:{each} check cookie r{each}\n" for each in replicas]
        config = self.folder / "haproxy.cfg"
        config.write_text(HAPROXY.format(front=port) + "".join(servers))
        program = shutil.which("haproxy") or "/usr/sbin/haproxy"
        return Part("proxy", [program, "-f", str(config), "-db"], {}, lambda: _listens(port))


@contextmanager
def started(port: int, workers: int, *, replicas: int = 2, vendor_video: Path | None = None) -> Generator[Cluster]:
    """Start a cluster with its files in a folder that goes with it; arguments as :class:`Cluster` has them."""
    with (
        tempfile.TemporaryDirectory(prefix="kling-cluster-") as folder,
        Cluster(
            Path(folder, "parts"), port=port, workers=workers, replicas=replicas, vendor_video=vendor_video
        ) as cluster,
    ):
        yield cluster


def schedule_alike(pid: int) -> None:
    """Let the session of a process have as much of the processor as this one's; each new one begins with nice 0."""
    with suppress(OSError, ValueError, IndexError):  # a kernel without autogroups, or no leave to be less nice
        nice = Path("/proc/self/autogroup").read_text().split()[2]
        Path(f"/proc/{pid}/autogroup").write_text(nice)


def _postgresql_programs() -> Path:
    found = [Path(name).parent] if (name := shutil.which("initdb")) else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next(folder for folder in found if (folder / "pg_isready").exists())


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
