"""Ray's half of the comparison (`make bench-ray`), in the shapes of Ray's own microbenchmark: the workloads of
`host/cli/benches/workloads`, under the same ids. Writes a JSON file to the path that it is given."""

import datetime
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import ray
from cluster import cluster, resident_megabytes
from ending import ending
from programs import Caller, Counter, add
from rounds import ROUNDS, Rows, seconds_each, timed

CPUS = 2
MANY = 1000
CALLS = 200
SMALL = 64
LARGE = 64 << 20

# Time for what a first task leaves behind to come to rest; ours gets the same.
SETTLING_SECONDS = 2


def processes(rows):
    rows.lower("first-result", seconds_each(1, first_result), "s")
    rows.lower("idle-memory", statistics.median(idle_megabytes() for _ in range(ROUNDS)), "MB",
               "proportional set size of all processes, the driver included")


def first_result():
    program = [sys.executable, Path(__file__).with_name("first_result.py")]
    start = time.perf_counter()
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        result = process.stdout.readline()
        seconds = time.perf_counter() - start
    assert result.strip() == "3", result
    return seconds


def idle_megabytes():
    with cluster(CPUS):
        ray.get(add.remote(1, 2))
        time.sleep(SETTLING_SECONDS)
        return resident_megabytes()


def tasks(rows):
    rows.higher("task-one", 1 / timed(1, lambda: ray.get(add.remote(1, 2))), "tasks/s")
    many = timed(MANY, lambda: ray.get([add.remote(1, 2) for _ in range(MANY)]))
    rows.higher("tasks-in-flight", 1 / many, "tasks/s")
    rows.higher("chain", 1 / timed(MANY, chain), "links/s")


def chain():
    link = add.remote(1, 2)
    for _ in range(1, MANY):
        link = add.remote(link, 1)
    assert ray.get(link) == MANY + 2


def calls(rows):
    counter = Counter.remote()
    rows.higher("actor-call-one", 1 / timed(1, lambda: ray.get(counter.add.remote(1))), "calls/s")
    many = timed(MANY, lambda: ray.get([counter.add.remote(1) for _ in range(MANY)]))
    rows.higher("actor-calls-in-flight", 1 / many, "calls/s")


def actors(rows):
    caller = Caller.remote()
    rows.higher("actor-to-actor", 1 / timed(CALLS, lambda: ray.get(caller.call.remote(CALLS))), "calls/s")
    rows.lower("actor-create", timed(1, lambda: ray.get(Counter.remote().add.remote(1))), "s")


def objects(rows):
    small, large, array = bytes(SMALL), bytes(LARGE), np.ones(LARGE, np.uint8)
    rows.lower("put-get-64b", timed(1, lambda: ray.get(ray.put(small))) * 1e6, "µs")
    rows.higher("put-get-64mib", LARGE / timed(1, lambda: ray.get(ray.put(large))) / 1e9, "GB/s")
    stored = ray.put(array)
    rows.lower("get-64mib-numpy", timed(1, lambda: ray.get(stored)) * 1e6, "µs")
    rows.lower("wait-1000", timed(MANY, wait_each) * 1e6, "µs")


def wait_each():
    rest = [add.remote(n, 1) for n in range(MANY)]
    while rest:
        _, rest = ray.wait(rest)


def main(path):
    rows = Rows()
    processes(rows)
    with cluster(CPUS):
        for measure in (tasks, calls, actors, objects):
            measure(rows)
    ending(rows)
    about = {"ray": ray.__version__, "python": platform.python_version(), "cores": os.cpu_count()}
    rows.write(path, about | {"date": datetime.date.today().isoformat()})


if __name__ == "__main__":
    main(sys.argv[1])
