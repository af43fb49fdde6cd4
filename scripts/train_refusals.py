"""Trains the classifiers of refusals and writes their weights, with the hashes of this file and of the texts.

    .venv/bin/python scripts/train_refusals.py

That of texts is a logistic regression with an L2 penalty on sentence embeddings. The threshold was chosen in a
cross-validation that leaves out one content in all languages at a time (the texts are translations of each other): it
is the lowest one at which less than 2.5 % of the answers were taken for refusals. `--validate` prints that
cross-validation.

That of words is a ridge regression of the first one's log odds on the mean of the words' embeddings. Its threshold
leaves room below the lowest estimate of any refusal: `python -m benchmarks.refusals` prints how much.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from beacon_cli.comparison.embeddings import LANGUAGES, embeddings  # noqa: E402
from beacon_cli.comparison.refusal_classifier import words_looked_at  # noqa: E402
from benchmarks.refusals.texts import TRAINING, Example, examples  # noqa: E402

WEIGHTS = ROOT / "beacon_cli" / "comparison" / "refusal_classifier.json"
PENALTY = 0.1
THRESHOLD = 0.95
WORDS_PENALTY = 0.3
WORDS_THRESHOLD = 0.12


def main() -> None:
    """Train, and write or validate."""
    texts = [example for example in examples(TRAINING) if example.language in LANGUAGES]
    points = embeddings([example.text for example in texts])
    refuses = np.array([example.label == "refusal" for example in texts], dtype=float)
    if "--validate" in sys.argv:
        validate(texts, points, refuses)
    else:
        WEIGHTS.write_text(json.dumps(document(texts, points, refuses)) + "\n", encoding="utf-8")
        print(f"wrote {WEIGHTS.relative_to(ROOT)}")


def document(texts: list[Example], points: np.ndarray, refuses: np.ndarray) -> dict[str, object]:
    """Return what is stored of the classifiers that are trained from all texts."""
    fitted = fit(points, refuses)
    return {
        "script_sha256": sha256(Path(__file__)),
        "texts_sha256": sha256(TRAINING),
        **stored(fitted, THRESHOLD),
        "words": stored(fit_words(texts, points @ fitted[:-1] + fitted[-1]), WORDS_THRESHOLD),
    }


def stored(fitted: np.ndarray, threshold: float) -> dict[str, object]:
    """Return what is stored of one classifier."""
    return {
        "threshold": threshold,
        "bias": round(float(fitted[-1]), 4),
        "weights": [round(float(weight), 4) for weight in fitted[:-1]],
    }


def fit(points: np.ndarray, refuses: np.ndarray) -> np.ndarray:
    """Return the weights, and the bias as the last of them."""

    def loss(fitted: np.ndarray) -> tuple[float, np.ndarray]:
        weights, scores = fitted[:-1], points @ fitted[:-1] + fitted[-1]
        errors = 1 / (1 + np.exp(-scores)) - refuses
        value = np.logaddexp(0, np.where(refuses == 1, -scores, scores)).sum() + PENALTY * weights @ weights / 2
        return float(value), np.append(points.T @ errors + PENALTY * weights, errors.sum())

    return np.array(minimize(loss, np.zeros(points.shape[1] + 1), jac=True, method="L-BFGS-B").x)


def fit_words(texts: list[Example], log_odds: np.ndarray) -> np.ndarray:
    """Return the weights, and the bias as the last of them, by which the words of texts estimate these log odds."""
    means = np.array([embeddings(words_looked_at(example.text)).mean(axis=0) for example in texts])
    centred, middle = means - means.mean(axis=0), log_odds.mean()
    penalty = WORDS_PENALTY * np.identity(means.shape[1])
    weights = np.linalg.solve(centred.T @ centred + penalty, centred.T @ (log_odds - middle))
    return np.append(weights, middle - means.mean(axis=0) @ weights)


def validate(texts: list[Example], points: np.ndarray, refuses: np.ndarray) -> None:
    """Print how many refusals are found, and how many answers are taken for one, at several thresholds."""
    contents = [(example.kind, example.label, example.number) for example in texts]
    found = np.zeros(len(texts))
    for content in set(contents):
        out = np.array([each == content for each in contents])
        fitted = fit(points[~out], refuses[~out])
        found[out] = 1 / (1 + np.exp(-(points[out] @ fitted[:-1] + fitted[-1])))
    print("threshold  refusals found  answers taken for one")
    for threshold in (0.7, 0.8, 0.9, 0.95, 0.98):
        right, wrong = (np.mean(found[refuses == label] > threshold) for label in (1, 0))
        print(f"{threshold:9.2f}  {right:14.0%}  {wrong:21.1%}")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
