"""Ray on this machine alone, and what it takes of it."""

import os
import socket
import tempfile
from contextlib import contextmanager
from pathlib import Path

import ray

# Holds the largest object of the workloads some times over.
OBJECT_STORE_BYTES = 1 << 30


@contextmanager
def cluster(cpus):
    """Ray with so many CPU slots. Refuses to start where it could be reached: `confined` is how to run this."""
    if [name for _, name in socket.if_nameindex()] != ["lo"]:
        raise SystemExit("Ray listens on every interface: run this by `host/cli/benches/ray/confined`")
    ray.init(
        num_cpus=cpus,
        include_dashboard=False,
        object_store_memory=OBJECT_STORE_BYTES,
        log_to_driver=False,
        logging_level="ERROR",
        _node_ip_address="127.0.0.1",
        _temp_dir=tempfile.gettempdir(),
    )
    try:
        yield
    finally:
        ray.shutdown()


def resident_megabytes():
    """The resident memory of the processes in this network, which is this one and Ray's: shared pages count once."""
    return sum(proportional_kilobytes(process) for process in processes()) * 1024 / 1e6


def processes():
    """The process ids in this network."""
    ours = os.readlink("/proc/self/ns/net")
    return [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit() and network(entry) == ours]


def network(process):
    """The network that a process is in; none if it has ended."""
    try:
        return os.readlink(process / "ns/net")
    except OSError:
        return None


def proportional_kilobytes(process):
    """What a process has resident, with its share of what it shares."""
    try:
        lines = Path("/proc", process, "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
