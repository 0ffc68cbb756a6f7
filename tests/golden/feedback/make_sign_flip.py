#!/usr/bin/env python3
"""Writes sign_flip.json: p-values of sums of groups whose signs chance turns round.

    python -m venv V && V/bin/pip install scipy
    V/bin/python tests/golden/feedback/make_sign_flip.py

"exact" by SciPy's permutation test, which goes through all signs; "many", whose signs nobody goes
through, by the exact distribution of sums from binomial ones, one for each size.
"""

import json
import pathlib
import random
from importlib import metadata

import numpy as np
from scipy.stats import binom, permutation_test

OUTPUT = pathlib.Path(__file__).with_name("sign_flip.json")
rng = random.Random(20260117)


def exact(differences):
    found = permutation_test((np.array(differences, dtype=float),), np.sum, n_resamples=np.inf,
                             permutation_type="samples", alternative="two-sided")
    return {"differences": differences, "p_value": float(found.pvalue)}


def many(runs):
    """`runs` of [difference, how many]; sizes are the differences without their signs."""
    total = sum(value * count for value, count in runs)
    counts = {}
    for value, count in runs:
        counts[abs(value)] = counts.get(abs(value), 0) + count
    sums = np.ones(1)  # of sums from -reach on
    for size, count in counts.items():
        part = np.zeros(2 * size * count + 1)
        part[::2 * size] = binom.pmf(np.arange(count + 1), count, 0.5)
        sums = np.convolve(sums, part)
    reach = len(sums) // 2
    tail = sums[reach + abs(total):].sum()
    return {"runs": runs, "p_value": float(min(1.0, 2 * tail))}


lists = [[rng.choice([-6, -4, -2, 2, 4, 6, 6]) for _ in range(n)] for n in (5, 9, 12, 14)]
lists += [[rng.choice([-3, -1, 1, 3, 3]) for _ in range(13)], [10, -1, -1, -1, -2],
          [1, 2, 3, 4, 5, 6, 7], [5, 0, -5, 3, 0, 1]]
runs = [[[3, 1600], [-3, 1500], [1, 800], [-1, 780]], [[6, 900], [-4, 1240], [2, 1500], [-2, 1480]]]
text = json.dumps({"made_with": {name: metadata.version(name) for name in ("numpy", "scipy")},
                   "exact": [exact(one) for one in lists], "many": [many(one) for one in runs]})
OUTPUT.write_text(text + "\n", encoding="utf-8")
