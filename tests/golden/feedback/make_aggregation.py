#!/usr/bin/env python3
"""Writes aggregation.json: labels, strengths and reliabilities by independent implementations, on
seeded answers of raters who differ in reliability.

    python -m venv V && V/bin/pip install choix scipy
    V/bin/python tests/golden/feedback/make_aggregation.py
"""

import json
import math
import pathlib
import random
from importlib import metadata

import choix
import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp
from scipy.stats import norm, pearsonr

OUTPUT = pathlib.Path(__file__).with_name("aggregation.json")
LIBRARIES = ["choix", "numpy", "scipy"]
rng = random.Random(20250317)


def votes(items, accuracies, classes, missing):
    """[item, rater, label]; who is wrong draws a label, the last rater always the same one."""
    rows = []
    for item in range(items):
        truth = rng.randrange(classes)
        for rater, accuracy in enumerate(accuracies):
            if rng.random() < missing:
                continue
            right = rng.random() < accuracy
            wrong = 0 if rater == len(accuracies) - 1 else rng.randrange(classes)
            rows.append([item, rater, truth if right else wrong])
    return rows


def dawid_skene(rows, items, raters, classes):
    """The EM of Dawid and Skene (1979) on dense arrays, from the shares of votes, to convergence."""
    said = np.zeros((items, raters, classes))
    for item, rater, label in rows:
        said[item, rater, label] = 1
    posterior = said.sum(1) / said.sum((1, 2))[:, None]
    for _ in range(20000):
        shares = posterior.mean(0)
        confusion = np.einsum("ik,irl->rkl", posterior, said)
        confusion /= np.maximum(confusion.sum(2, keepdims=True), 1e-300)
        log_p = np.log(np.maximum(shares, 1e-300)) + np.einsum(
            "irl,rkl->ik", said, np.log(np.maximum(confusion, 1e-300)))
        posterior = np.exp(log_p - logsumexp(log_p, axis=1, keepdims=True))
    return posterior.tolist()


def mace(rows, items, raters, classes, smoothing=0.1, starts=20):
    """The best of many starts of the paper's EM (Hovy et al. 2013), on dense arrays."""
    said = np.full((items, raters), -1)
    for item, rater, label in rows:
        said[item, rater] = label
    given = said >= 0
    numbers = np.random.default_rng(7)
    best = None
    for _ in range(starts):
        theta = numbers.uniform(0.05, 0.95, raters)
        xi = numbers.dirichlet(np.ones(classes) * 3, raters)
        for _ in range(1500):
            habit = theta[None, :] * xi[np.arange(raters)[None, :], np.maximum(said, 0)]
            p = habit[:, :, None] + (1 - theta)[None, :, None] * (
                said[:, :, None] == np.arange(classes)[None, None, :])
            log_p = np.where(given[:, :, None], np.log(p), 0).sum(1) - math.log(classes)
            likelihood = float(logsumexp(log_p, axis=1).sum())
            posterior = np.exp(log_p - logsumexp(log_p, axis=1, keepdims=True))
            spam = np.where(given, (posterior[:, None, :] * habit[:, :, None] / p).sum(2), 0)
            theta = (spam.sum(0) + smoothing) / (given.sum(0) + 2 * smoothing)
            counts = np.stack([(spam * (said == k)).sum(0) for k in range(classes)], 1) + smoothing
            xi = counts / counts.sum(1, keepdims=True)
        if best is None or likelihood > best[0]:
            best = likelihood, posterior.tolist(), theta.tolist()
    return {"log_likelihood": best[0], "posteriors": best[1], "spamming": best[2]}


def category_cases():
    for items, accuracies, classes, missing in [(60, [0.9, 0.8, 0.7, 0.3], 3, 0.1),
                                                (80, [0.95, 0.6, 0.55, 0.5, 0.2], 2, 0.0)]:
        rows = votes(items, accuracies, classes, missing)
        yield {"items": items, "raters": len(accuracies), "classes": classes, "votes": rows,
               "dawid_skene": dawid_skene(rows, items, len(accuracies), classes),
               "mace": mace(rows, items, len(accuracies), classes)}


def centred(values):
    return [float(v) for v in np.asarray(values) - np.mean(values)]


def pair_case(items, comparisons, tie_rate):
    """Counts of each pair, and the fits: choix for pairs, a general minimiser with ties."""
    b = [rng.gauss(0, 1) for _ in range(items)]
    counts = {}
    for _ in range(comparisons):
        first, second = sorted(rng.sample(range(items), 2))
        row = counts.setdefault((first, second), [0, 0, 0])
        if rng.random() < tie_rate:
            row[2] += 1
        else:
            row[0 if rng.random() < 1 / (1 + math.exp(b[second] - b[first])) else 1] += 1
    rows = [[*pair, *count] for pair, count in sorted(counts.items())]
    data = []
    for first, second, wins, losses, _ in rows:
        data += [(first, second)] * wins + [(second, first)] * losses

    def davidson(x):
        nu, total = x[-1], 0.0
        for i, j, wins, losses, ties in rows:
            z = [x[i], x[j], nu + (x[i] + x[j]) / 2]
            total += np.dot([wins, losses, ties], z) - (wins + losses + ties) * logsumexp(z)
        return -total + 1e-9 * np.sum(x[:-1])**2

    def rao_kupper(x):
        theta, total = 1 + math.exp(x[-1]), 0.0
        p = np.exp(x[:-1])
        for i, j, wins, losses, ties in rows:
            win, lose = p[i] / (p[i] + theta * p[j]), p[j] / (p[j] + theta * p[i])
            total += wins * math.log(win) + losses * math.log(lose)
            total += ties * math.log(1 - win - lose) if ties else 0
        return -total + 1e-9 * np.sum(x[:-1])**2

    start = np.zeros(items + 1)
    case = {"items": items, "pairs": rows, "ignore": centred(choix.opt_pairwise(items, data)),
            "prior": centred(choix.opt_pairwise(items, data, alpha=0.5))}
    if tie_rate:
        tight = {"method": "BFGS", "options": {"gtol": 1e-7}}
        d, r = minimize(davidson, start, **tight), minimize(rao_kupper, start, **tight)
        case |= {"davidson": centred(d.x[:-1]), "nu": math.exp(d.x[-1]),
                 "rao_kupper": centred(r.x[:-1]), "theta": 1 + math.exp(r.x[-1])}
    return case


def ranking_case(items, rankings, size):
    b = np.array([rng.gauss(0, 1) for _ in range(items)])
    rows = []
    for _ in range(rankings):
        left = rng.sample(range(items), size)
        order = []
        while left:
            weights = np.exp(b[left])
            order.append(left.pop(rng.choices(range(len(left)), weights)[0]))
        rows.append(order)
    return {"items": items, "rankings": rows, "b": centred(choix.opt_rankings(items, rows))}


def crowd_case(items, raters, comparisons, precision, right, wrong):
    b = [rng.gauss(0, 1.5) for _ in range(items)]
    eta = [rng.choice([0.95, 0.9, 0.6, 0.2]) for _ in range(raters)]
    rows = []
    for _ in range(comparisons):
        i, j = rng.sample(range(items), 2)
        rater = rng.randrange(raters)
        p = 1 / (1 + math.exp(b[j] - b[i]))
        p = eta[rater] * p + (1 - eta[rater]) * (1 - p)
        rows.append([i, j, rater] if rng.random() < p else [j, i, rater])

    def loss(x):
        strengths, e = x[:items], 1 / (1 + np.exp(-x[items:]))
        total = -0.5 * precision * np.sum(strengths**2)
        total += np.sum(right * np.log(e) + wrong * np.log(1 - e))
        for i, j, rater in rows:
            p = 1 / (1 + math.exp(strengths[j] - strengths[i]))
            total += math.log(e[rater] * p + (1 - e[rater]) * (1 - p))
        return -total

    start = np.concatenate([np.zeros(items), np.full(raters, math.log(right / wrong))])
    start[:items] += 1e-3 * np.arange(items)  # off the saddle point
    found = minimize(loss, start, method="BFGS", options={"gtol": 1e-6})
    return {"items": items, "raters": raters, "pairs": rows, "precision": precision,
            "right": right, "wrong": wrong, "b": centred(found.x[:items]), "loss": float(found.fun),
            "eta": [float(v) for v in 1 / (1 + np.exp(-found.x[items:]))]}


def main():
    a = [rng.gauss(0, 1) for _ in range(30)]
    b = [0.4 * x + rng.gauss(0, 1) for x in a]
    quantiles = [1e-12, 0.001, 0.02, 0.3, 0.5, 0.8, 0.975, 0.999999]
    result = {
        "versions": {name: metadata.version(name) for name in LIBRARIES},
        "categories": list(category_cases()),
        "pairs": [pair_case(5, 300, 0.0), pair_case(6, 500, 0.2)],
        "rankings": [ranking_case(5, 60, 5), ranking_case(8, 150, 4)],
        "crowd": [crowd_case(6, 5, 400, 0.1, 4, 1)],
        "correlation": {"a": a, "b": b, "found": float(pearsonr(a, b)[0])},
        "normal_quantiles": [[q, float(norm.ppf(q))] for q in quantiles],
    }
    OUTPUT.write_text(json.dumps(result, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
