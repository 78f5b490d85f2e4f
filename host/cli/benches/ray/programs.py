"""What the workloads run. The same programs for our side are in `tests/guests/src/bin/workloads.rs`."""

import ray


@ray.remote
def add(a, b):
    return a + b


@ray.remote
class Counter:
    def __init__(self):
        self.value = 0

    def add(self, amount):
        self.value += amount
        return self.value


@ray.remote
class Caller:
    def __init__(self):
        self.counter = Counter.remote()

    def call(self, calls):
        for _ in range(calls):
            last = ray.get(self.counter.add.remote(1))
        return last


@ray.remote(max_retries=0)
def busy(started):
    """Computes until something ends it, once the file `started` says that it runs."""
    open(started, "w").close()
    while True:
        pass


@ray.remote(max_retries=0)
def stubborn(started):
    """The same, and takes no hint."""
    open(started, "w").close()
    while True:
        try:
            while True:
                pass
        except KeyboardInterrupt:
            pass
