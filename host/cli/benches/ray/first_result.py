"""A program that starts Ray, runs one task and prints its result."""

import ray
from cluster import cluster
from programs import add

with cluster(2):
    print(ray.get(add.remote(1, 2)), flush=True)
