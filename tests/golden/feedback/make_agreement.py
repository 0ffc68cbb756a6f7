#!/usr/bin/env python3
"""Writes agreement.json: measures of agreement by independent implementations, on seeded answers with
missing values, ties and skewed categories.

    python -m venv V && V/bin/pip install krippendorff scikit-learn nltk scipy statsmodels
    V/bin/python tests/golden/feedback/make_agreement.py
"""

import json
import pathlib
import random
from importlib import metadata

import krippendorff
import numpy as np
from nltk.metrics.agreement import AnnotationTask
from scipy.optimize import minimize
from scipy.stats import binomtest, friedmanchisquare, kendalltau
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import fleiss_kappa

OUTPUT = pathlib.Path(__file__).with_name("agreement.json")
LIBRARIES = ["krippendorff", "nltk", "numpy", "scikit-learn", "scipy", "statsmodels"]
rng = random.Random(20240607)


def answers(items, raters, values, noise, missing):
    """rows of raters; a rater repeats the item's value or, with `noise`, gives another."""
    rows = [[None] * items for _ in range(raters)]
    for item in range(items):
        true = rng.choice(values)
        for rater in range(raters):
            if rng.random() >= missing:
                rows[rater][item] = rng.choice(values) if rng.random() < noise else true
    return rows


def alpha_cases():
    shapes = [(12, 4, [1, 2, 3, 4, 5], 0.3, 0.2), (30, 3, [1, 2], 0.5, 0.0),
              (25, 5, [1, 1, 1, 1, 2, 7], 0.4, 0.3), (40, 2, list(range(0, 101, 7)), 0.6, 0.1),
              (15, 6, [0.5, 1.25, 3.75, 1000.0], 0.7, 0.5)]
    for items, raters, values, noise, missing in shapes:
        rows = answers(items, raters, values, noise, missing)
        data = np.array([[np.nan if v is None else v for v in row] for row in rows], dtype=float)
        levels = ["nominal", "ordinal", "interval", "ratio"]
        yield {"answers": rows, **{level: float(krippendorff.alpha(
            reliability_data=data, level_of_measurement=level)) for level in levels}}


def masi(a, b):
    """Passonneau 2006, with 2/3 and 1/3 where nltk's own function rounds them."""
    if a == b:
        return 0.0
    common, either = len(a & b), len(a | b)
    weight = 2 / 3 if a <= b or b <= a else 1 / 3 if common else 0.0
    return 1 - common / either * weight


def set_cases():
    labels = range(4)
    sets = [frozenset(l for l in labels if rng.random() < 0.5) for _ in range(6)] + [frozenset()]
    for items, raters, noise, missing in [(20, 3, 0.4, 0.0), (18, 4, 0.6, 0.3)]:
        rows = answers(items, raters, sets, noise, missing)
        kept = [i for i in range(items) if sum(row[i] is not None for row in rows) > 1]
        triples = [(str(r), str(i), rows[r][i]) for r in range(raters) for i in kept
                   if rows[r][i] is not None]
        yield {"answers": [[None if v is None else sorted(v) for v in row] for row in rows],
               "alpha": float(AnnotationTask(data=triples, distance=masi).alpha())}


def kappa_cases():
    for items, values, noise in [(30, [0, 1], 0.3), (50, [0, 1, 2, 3, 4], 0.5), (40, [0, 0, 0, 2], 0.4)]:
        a, b = answers(items, 2, values, noise, 0.0)
        labels = list(range(max(values) + 1))
        yield {"a": a, "b": b, "categories": len(labels), **{
            name: float(cohen_kappa_score(a, b, labels=labels, weights=weights))
            for name, weights in [("none", None), ("linear", "linear"), ("quadratic", "quadratic")]}}


def fleiss_cases():
    for items, raters, categories in [(12, 3, 2), (20, 7, 4)]:
        rows = answers(items, raters, list(range(categories)), 0.4, 0.0)
        counts = [[sum(row[i] == k for row in rows) for k in range(categories)] for i in range(items)]
        yield {"counts": counts, "kappa": float(fleiss_kappa(np.array(counts)))}


def tau_cases():
    for items, top in [(5, 3), (9, 20), (14, 4)]:
        a, b = ([rng.randint(1, top) for _ in range(items)] for _ in range(2))
        yield {"a": a, "b": b, "tau_b": float(kendalltau(a, b).statistic)}


def concordance_cases():
    for raters, items, top in [(3, 4, 9), (5, 6, 3), (8, 10, 40)]:
        rankings = [[rng.randint(1, top) for _ in range(items)] for _ in range(raters)]
        chi = friedmanchisquare(*np.array(rankings, dtype=float).T).statistic
        yield {"rankings": rankings, "chi_squared": float(chi)}


def win_rate_cases():
    for n, lean, by_length in [(40, 0.2, 1.5), (120, -0.4, 0.0), (25, 9.0, 0.0)]:
        pairs = []
        for _ in range(n):
            d = rng.gauss(30, 100)
            p = 1 / (1 + np.exp(-(lean + by_length * np.tanh(d / 100))))
            score = 0.5 if rng.random() < 0.1 and lean < 5 else float(rng.random() < p)
            other = rng.randint(50, 400)
            pairs.append([score, other + round(d), other])
        scores, lengths, others = (np.array(column) for column in zip(*pairs))
        d = lengths - others
        x = np.tanh(d / d.std())

        def loss(w):
            logit = w[0] + w[1] * x
            return np.sum(np.logaddexp(0, logit) - scores * logit) + 0.0005 * np.sum(w ** 2)
        w = minimize(loss, [0.0, 0.0], method="BFGS", options={"gtol": 1e-9}).x
        yield {"pairs": pairs, "theta": float(w[0]), "phi": float(w[1])}


def main():
    values = [rng.gauss(0, 3) for _ in range(17)]
    golden = {
        "versions": {name: metadata.version(name) for name in LIBRARIES},
        "alpha": list(alpha_cases()), "masi": list(set_cases()), "kappa": list(kappa_cases()),
        "fleiss": list(fleiss_cases()), "tau_b": list(tau_cases()),
        "concordance": list(concordance_cases()), "length_controlled": list(win_rate_cases()),
        "coin": [[k, n, float(binomtest(k, n, 0.5).pvalue)]
                 for k, n in [(0, 1), (3, 10), (422, 894), (2100, 4000), (60, 100)]],
        "quantiles": {"values": values, "at": [0.0, 0.025, 0.3, 0.5, 0.975, 1.0],
                      "found": np.quantile(values, [0.0, 0.025, 0.3, 0.5, 0.975, 1.0]).tolist()}}
    OUTPUT.write_text(json.dumps(golden, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
