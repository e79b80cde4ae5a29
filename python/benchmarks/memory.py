#!/usr/bin/env python3
"""Resident memory after 100 and after 1,000 fits, of arrays and of a formula, in megabytes.

    python memory.py
"""

import gc
import os
import resource

import contextualized_rs as cr
import numpy as np
import pandas


def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


rng = np.random.default_rng(0)
contexts, features = rng.uniform(-1, 1, (500, 2)), rng.normal(size=(500, 3))
targets = contexts[:, 0] * features[:, 0] + 0.5 * rng.normal(size=500)
data = pandas.DataFrame(np.column_stack([targets, features, contexts]), columns=["y", "x0", "x1", "x2", "c0", "c1"])
after = {}
for fits in range(1, 1001):
    model = cr.ContextualizedRegressor(estimator="population").fit(features, targets, contexts=contexts)
    model.predict(features, contexts=contexts, interval="outcome")
    cr.fit("y ~ x0 + x1 + x2 | c0 + c1", data, estimator="population", tests=False).predict(data)
    if fits in (100, 1000):
        after[fits] = resident()
        print(f"after {fits:4} fits {after[fits]:.1f} MB")
print(f"growth {after[1000] - after[100]:.1f} MB in process {os.getpid()}")
