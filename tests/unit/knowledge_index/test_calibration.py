"""Calibration keeps its budget, and a small knowledge base still gets sane thresholds."""

from __future__ import annotations

import numpy as np

from knowledge_index.calibration import (
    FEATURES,
    FOREIGN_KNOWN,
    Trial,
    TrialKind,
    calibrate,
    cross_predict,
    fit_domain,
    probability,
)
from knowledge_index.models import Logistic

DOMAIN = Logistic(weights=(0.0,) * 4, bias=0.0)


def make_trials(n: int, seed: int = 1) -> list[Trial]:
    """Right questions score high, wrong ones lower, foreign ones lowest, with overlap."""
    random = np.random.default_rng(seed)
    trials = []
    for kind, rank, level in (
        (TrialKind.GOLDEN, 1, 1.0),
        (TrialKind.GOLDEN, 2, 0.5),
        (TrialKind.HELD_OUT, 1, 0.9),
        (TrialKind.FOREIGN, 0, 0.0),
    ):
        for _ in range(n if rank != 2 else n // 4):
            features = tuple(float(value) for value in random.normal(level, 0.25, len(FEATURES)))
            trials.append(Trial(kind, features, rank))
    return trials


def test_thresholds_keep_the_budget_on_trials_not_seen() -> None:
    trials = make_trials(200)

    calibration = calibrate(trials, DOMAIN, budget=0.03)

    known, serves = cross_predict(trials)
    given = (known >= calibration.known_from) & (serves >= calibration.answer_from)
    judged = [place for place, trial in enumerate(trials) if trial.kind is not TrialKind.HELD_OUT and given[place]]
    wrong = sum(trials[place].rank != 1 for place in judged)
    assert len(judged) > 100
    assert wrong / len(judged) <= 0.03
    foreign = [place for place, trial in enumerate(trials) if trial.kind is TrialKind.FOREIGN]
    assert np.mean(known[foreign] >= calibration.known_from) <= FOREIGN_KNOWN + 0.01
    assert sum(part.n for part in calibration.reliability) == 450


def test_a_better_ranking_is_more_probable() -> None:
    calibration = calibrate(make_trials(200), DOMAIN)

    low, middle, high = (probability(calibration.serves, [level] * len(FEATURES)) for level in (0.0, 0.5, 1.0))

    assert 0 <= low < middle < high <= 1


def test_with_few_trials_the_thresholds_are_the_cautious_defaults() -> None:
    calibration = calibrate(make_trials(8), DOMAIN)

    assert (calibration.answer_from, calibration.known_from) == (0.8, 0.5)
    assert calibration.reliability == ()


def test_no_threshold_keeps_the_budget_when_every_answer_is_wrong() -> None:
    random = np.random.default_rng(3)
    trials = [
        Trial(kind, tuple(float(value) for value in random.normal(0.5, 0.1, len(FEATURES))), rank)
        for kind, rank, n in ((TrialKind.GOLDEN, 2, 80), (TrialKind.HELD_OUT, 1, 1), (TrialKind.FOREIGN, 0, 80))
        for _ in range(n)
    ]

    assert calibrate(trials, DOMAIN).answer_from == 1.0


def test_the_domain_model_tells_two_clouds_apart() -> None:
    random = np.random.default_rng(2)
    own = random.normal(0.5, 0.3, (50, 4)).astype(np.float32)
    foreign = random.normal(-0.5, 0.3, (20, 4)).astype(np.float32)

    model = fit_domain(own, foreign)

    assert probability(model, [0.5] * 4) > 0.9
    assert probability(model, [-0.5] * 4) < 0.1
