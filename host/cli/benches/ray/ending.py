"""Small tasks beside busy ones, and how the busy ones end."""

import os
import statistics
import tempfile
import time

import ray
from cluster import cluster
from programs import add, busy, stubborn
from ray.exceptions import GetTimeoutError, TaskCancelledError, WorkerCrashedError
from rounds import ROUND_SECONDS, ROUNDS, percentile, seconds_each

# CPU slots that let all busy tasks run, and the small one beside them.
CPUS = 16
BUSY = 8

# Small tasks in a round, at least: enough for a 99th percentile.
SMALL_TASKS = 200

# After this time a cancelled task counts as one that does not end.
PATIENCE_SECONDS = 10


def ending(rows):
    with cluster(CPUS):
        beside_busy(rows)
    with cluster(CPUS):
        rows.lower("cancel-busy", seconds_each(1, lambda: cancelled(busy, False)) * 1e3, "ms")
        rows.lower("cancel-busy-force", seconds_each(1, lambda: cancelled(busy, True)) * 1e3, "ms",
                   "ends the worker's process")
        seconds = cancelled(stubborn, False)
        rows.lower("cancel-stubborn", (seconds or PATIENCE_SECONDS) * 1e3, "ms",
                   "a loop that catches KeyboardInterrupt, without force", at_least=seconds is None)


def beside_busy(rows):
    running = [start(busy) for _ in range(BUSY)]
    rounds = [latencies() for _ in range(ROUNDS)]
    for name, percent in (("task-beside-busy-p50", 50), ("task-beside-busy-p99", 99)):
        rows.lower(name, statistics.median(percentile(figures, percent) for figures in rounds) * 1e3, "ms")
    for task in running:
        ray.cancel(task, force=True)


def latencies():
    """The seconds that each of some small tasks takes."""
    round_start, seconds = time.perf_counter(), []
    while len(seconds) < SMALL_TASKS or time.perf_counter() - round_start < ROUND_SECONDS:
        begin = time.perf_counter()
        assert ray.get(add.remote(1, 2)) == 3
        seconds.append(time.perf_counter() - begin)
    return seconds


def start(task):
    """Submits a task, and waits until it runs."""
    folder = tempfile.mkdtemp()
    started = os.path.join(folder, "started")
    running = task.remote(started)
    while not os.path.exists(started):
        time.sleep(0.001)
    return running


def cancelled(task, force):
    """The seconds until a busy task has ended; none if it does not."""
    running = start(task)
    begin = time.perf_counter()
    ray.cancel(running, force=force)
    try:
        ray.get(running, timeout=PATIENCE_SECONDS)
    except (TaskCancelledError, WorkerCrashedError):
        return time.perf_counter() - begin
    except GetTimeoutError:
        ray.cancel(running, force=True)
        return None
