"""From scores to the probability that an article serves, and the thresholds a wrong-answer budget allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from knowledge_index.models import Calibration, ReliabilityBin
from knowledge_index.retrieval import TopicHit

WRONG_ANSWER_BUDGET = 0.03
FEATURES = ("score", "lead", "nearest", "centre", "lexical")

#: What the demo shop's articles taught; a small knowledge base leans on it, a large one outweighs it.
_PRIOR_WEIGHTS = np.array([4.0, 8.0, 2.0, 2.0, 2.0])
_PRIOR_BIAS = -5.0
_PRIOR_STRENGTH = 0.02
_DEFAULT_ANSWER_FROM, _DEFAULT_CHOICES_FROM = 0.8, 0.35
_FEWEST_SAMPLES = 40
_N_FOLDS = 5
_LEAST_ANSWER_FROM, _LEAST_CHOICES_FROM = 0.5, 0.1
_USEFUL_CHOICES = 0.5

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Trial:
    """A question whose right article is known (or known not to exist), and what retrieval made of it."""

    features: tuple[float, ...]
    first_is_right: bool
    right_among_three: bool
    is_foreign: bool


def features_of(hits: Sequence[TopicHit]) -> tuple[float, ...]:
    """Return the features of `FEATURES`: the first topic's score, its lead over the second, its parts."""
    if not hits:
        return (0.0,) * len(FEATURES)
    first = hits[0]
    second = hits[1].score if len(hits) > 1 else 0.0
    return (first.score, first.score - second, first.nearest, first.centre, first.lexical)


def probability(calibration: Calibration, features: Sequence[float]) -> float:
    """Return the probability that the first topic serves."""
    total = calibration.bias + sum(w * x for w, x in zip(calibration.weights, features, strict=True))
    return float(1 / (1 + np.exp(-np.clip(total, -30, 30))))


def calibrate(trials: Sequence[Trial], budget: float = WRONG_ANSWER_BUDGET) -> Calibration:
    """Fit the probability and choose the thresholds on predictions for trials left out of the fit.

    `answer_from` is the lowest threshold at which at most `budget` of the trials' answers are wrong, a
    foreign question answered counting as wrong. `choices_from` is the lowest at which, below
    `answer_from`, the right article is among the first three at least every second time.
    """
    features = np.array([trial.features for trial in trials], dtype=float).reshape(len(trials), len(FEATURES))
    right = np.array([trial.first_is_right for trial in trials], dtype=bool)
    among_three = np.array([trial.right_among_three for trial in trials], dtype=bool)
    weights, bias = _fit(features, right)
    reliability: tuple[ReliabilityBin, ...] = ()
    if len(trials) < _FEWEST_SAMPLES or not right.any():
        answer_from, choices_from = _DEFAULT_ANSWER_FROM, _DEFAULT_CHOICES_FROM
    else:
        predicted = cross_predict(features, right)
        answer_from = _answer_threshold(predicted, right, budget)
        choices_from = _choices_threshold(predicted, among_three, answer_from)
        reliability = _reliability(predicted, right)
    return Calibration(
        weights=tuple(float(weight) for weight in weights),
        bias=bias,
        answer_from=answer_from,
        choices_from=choices_from,
        budget=budget,
        reliability=reliability,
    )


def cross_predict(features: FloatArray, right: BoolArray) -> FloatArray:
    """Predict each trial by a fit that did not see it (every fifth trial is one fold)."""
    predicted = np.zeros(len(right))
    fold = np.arange(len(right)) % _N_FOLDS
    for number in range(_N_FOLDS):
        weights, bias = _fit(features[fold != number], right[fold != number])
        predicted[fold == number] = _sigmoid(features[fold == number] @ weights + bias)
    return predicted


def _fit(features: FloatArray, right: BoolArray) -> tuple[FloatArray, float]:
    """Fit a logistic regression by Newton's method, drawn towards the prior."""
    design = np.hstack([features, np.ones((len(features), 1))])
    prior = np.append(_PRIOR_WEIGHTS, _PRIOR_BIAS)
    strength = np.full(len(prior), _PRIOR_STRENGTH)
    solution = prior.copy()
    for _ in range(50):
        chance = _sigmoid(design @ solution)
        gradient = design.T @ (chance - right) + strength * (solution - prior)
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + np.diag(strength)
        step = np.linalg.solve(curvature, gradient)
        solution = solution - np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-6:
            break
    return solution[:-1], float(solution[-1])


def _sigmoid(values: FloatArray) -> FloatArray:
    result: FloatArray = 1 / (1 + np.exp(-np.clip(values, -30, 30)))
    return result


def _answer_threshold(predicted: FloatArray, right: BoolArray, budget: float) -> float:
    order = np.argsort(-predicted, kind="stable")
    wrong = np.cumsum(~right[order])
    kept = np.flatnonzero(wrong <= budget * np.arange(1, len(order) + 1))
    if not len(kept):
        return 1.0
    return float(max(predicted[order[kept[-1]]], _LEAST_ANSWER_FROM))


def _choices_threshold(predicted: FloatArray, among_three: BoolArray, answer_from: float) -> float:
    below = np.flatnonzero(predicted < answer_from)
    order = below[np.argsort(-predicted[below], kind="stable")]
    useful = np.cumsum(among_three[order])
    kept = np.flatnonzero(useful >= _USEFUL_CHOICES * np.arange(1, len(order) + 1))
    if not len(kept):
        return answer_from
    return float(max(predicted[order[kept[-1]]], _LEAST_CHOICES_FROM))


def _reliability(predicted: FloatArray, right: BoolArray) -> tuple[ReliabilityBin, ...]:
    bins = []
    edges = np.linspace(0, 1, 11)
    for low, high in pairwise(edges):
        inside = (predicted >= low) & ((predicted < high) | (high == 1))
        if inside.any():
            bins.append(
                ReliabilityBin(
                    predicted=round(float(predicted[inside].mean()), 4),
                    observed=round(float(right[inside].mean()), 4),
                    n=int(inside.sum()),
                )
            )
    return tuple(bins)
