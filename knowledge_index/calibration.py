"""From scores to the probability that an article serves, and the thresholds a wrong-answer budget allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from knowledge_index.models import Calibration, Logistic, ReliabilityBin
from knowledge_index.retrieval import TopicHit

WRONG_ANSWER_BUDGET = 0.03
FOREIGN_KNOWN = 0.05
FEATURES = ("score", "lead", "nearest", "centre", "lexical", "domain")

#: A small knowledge base leans on these, a large one outweighs them.
_SERVES_PRIOR = np.array([3.0, 9.0, 1.0, 2.0, 1.0, 0.1, -3.5])
_KNOWN_PRIOR = np.array([8.0, 0.0, 4.0, 4.0, 4.0, 1.0, -7.0])
_PRIOR_STRENGTH = 0.02
_DOMAIN_STRENGTH = 1.0
_DEFAULT_ANSWER_FROM, _DEFAULT_KNOWN_FROM = 0.8, 0.5
_FEWEST_TRIALS = 40
_N_FOLDS = 5
_LEAST_ANSWER_FROM = 0.5

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


class TrialKind(StrEnum):
    """Where a trial's question comes from."""

    GOLDEN = "golden"
    HELD_OUT = "held_out"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Trial:
    """A question whose right article is known (or known not to exist), and what retrieval made of it.

    Attributes:
        rank: the right article's rank, from 1; 0 when it was not found or there is none.
    """

    kind: TrialKind
    features: tuple[float, ...]
    rank: int


def features_of(hits: Sequence[TopicHit], domain: float) -> tuple[float, ...]:
    """Return the features of `FEATURES`: the first topic's score, its lead and parts, the vector's domain."""
    if not hits:
        return (*(0.0,) * (len(FEATURES) - 1), domain)
    first = hits[0]
    second = hits[1].score if len(hits) > 1 else 0.0
    return (first.score, first.score - second, first.nearest, first.centre, first.lexical, domain)


def probability(model: Logistic, features: Sequence[float]) -> float:
    """Return what a model says of a ranking's features."""
    return float(_sigmoid(np.array(log_odds(model, features))))


def log_odds(model: Logistic, values: npt.ArrayLike) -> float:
    """Return a model's sum before it becomes a probability."""
    return float(np.asarray(values, dtype=float) @ np.array(model.weights) + model.bias)


def fit_domain(own: npt.NDArray[np.float32], foreign: npt.NDArray[np.float32]) -> Logistic:
    """Learn to tell the vectors of the articles' questions from those of foreign ones; both count alike."""
    vectors = np.vstack([own, foreign]).astype(float)
    is_own = np.arange(len(vectors)) < len(own)
    share = np.where(is_own, 0.5 / max(len(own), 1), 0.5 / max(len(foreign), 1)) * len(vectors)
    prior = np.zeros(vectors.shape[1] + 1)
    return _model(_fit(vectors, is_own, prior, np.full(len(prior), _DOMAIN_STRENGTH), share))


def calibrate(trials: Sequence[Trial], domain: Logistic, budget: float = WRONG_ANSWER_BUDGET) -> Calibration:
    """Fit both models and choose the thresholds on predictions for trials left out of the fit.

    The fits use all trials. The thresholds use what comes nearest to customers' questions: the golden ones
    if there are enough, else the held-out ones, and always the foreign ones. `known_from` lets at most
    `FOREIGN_KNOWN` of the foreign questions through. `answer_from` is the lowest threshold at which at most
    `budget` of the answers are wrong, a foreign question answered being wrong.
    """
    features, right = _columns(trials)
    own = np.array([trial.kind is not TrialKind.FOREIGN for trial in trials], dtype=bool)
    judged = judged_trials(trials)
    answer_from, known_from = _DEFAULT_ANSWER_FROM, _DEFAULT_KNOWN_FROM
    reliability: tuple[ReliabilityBin, ...] = ()
    if (judged & own).sum() >= _FEWEST_TRIALS and not own.all():
        known, serves = cross_predict(trials)
        known_from = float(np.quantile(known[~own], 1 - FOREIGN_KNOWN))
        passed = judged & (known >= known_from)
        answer_from = _answer_threshold(serves[passed], right[passed], budget)
        reliability = _reliability(serves[judged], right[judged])
    return Calibration(
        domain=domain,
        known=_model(_fit(features, own, _KNOWN_PRIOR)),
        serves=_model(_fit(features, right, _SERVES_PRIOR)),
        known_from=known_from,
        answer_from=answer_from,
        budget=budget,
        reliability=reliability,
    )


def judged_trials(trials: Sequence[Trial]) -> BoolArray:
    """Say which trials the thresholds are chosen on."""
    n_golden = sum(trial.kind is TrialKind.GOLDEN for trial in trials)
    own = TrialKind.GOLDEN if n_golden >= _FEWEST_TRIALS else TrialKind.HELD_OUT
    return np.array([trial.kind in (own, TrialKind.FOREIGN) for trial in trials], dtype=bool)


def cross_predict(trials: Sequence[Trial]) -> tuple[FloatArray, FloatArray]:
    """Predict known and serves for each trial by fits that did not see it.

    Each of five folds holds a fifth of every kind.
    """
    features, right = _columns(trials)
    own = np.array([trial.kind is not TrialKind.FOREIGN for trial in trials], dtype=bool)
    counts: Counter[TrialKind] = Counter()
    fold = np.zeros(len(trials), dtype=int)
    for place, trial in enumerate(trials):
        fold[place] = counts[trial.kind] % _N_FOLDS
        counts[trial.kind] += 1
    design = np.hstack([features, np.ones((len(features), 1))])
    known, serves = np.zeros(len(trials)), np.zeros(len(trials))
    for number in range(_N_FOLDS):
        rest, here = fold != number, fold == number
        known[here] = _sigmoid(design[here] @ _fit(features[rest], own[rest], _KNOWN_PRIOR))
        serves[here] = _sigmoid(design[here] @ _fit(features[rest], right[rest], _SERVES_PRIOR))
    return known, serves


def _columns(trials: Sequence[Trial]) -> tuple[FloatArray, BoolArray]:
    features = np.array([trial.features for trial in trials], dtype=float).reshape(len(trials), len(FEATURES))
    return features, np.array([trial.rank == 1 for trial in trials], dtype=bool)


def _model(solution: FloatArray) -> Logistic:
    return Logistic(weights=tuple(float(weight) for weight in solution[:-1]), bias=float(solution[-1]))


def _fit(
    features: FloatArray,
    positive: BoolArray,
    prior: FloatArray,
    strength: FloatArray | None = None,
    share: FloatArray | None = None,
) -> FloatArray:
    """Fit a logistic regression by Newton's method, drawn towards the prior; the bias comes last."""
    design = np.hstack([features, np.ones((len(features), 1))])
    strength = np.full(len(prior), _PRIOR_STRENGTH) if strength is None else strength
    share = np.ones(len(features)) if share is None else share
    solution = prior.copy()
    for _ in range(50):
        chance = _sigmoid(design @ solution)
        gradient = design.T @ (share * (chance - positive)) + strength * (solution - prior)
        curvature = (design * (share * chance * (1 - chance))[:, None]).T @ design + np.diag(strength)
        step = np.linalg.solve(curvature, gradient)
        solution = solution - np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-4:
            break
    return solution


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
