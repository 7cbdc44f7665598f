"""Stamp: what an access log entry says of the trial that its request took part in."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from contender.router.traffic import Traffic, Trial

EPOCH_LENGTH = 12
EVERY_REQUEST = 100


def epoch(traffic: Traffic) -> str:
    """Return what names a stretch in which all requests are treated alike; empty without a trial.

    Two plans have the same one when they ask the same arms for the same requests.
    """
    trial = traffic.trial
    if trial is None:
        return ""
    decides = {
        "experiment": trial.experiment,
        "arms": _arms(traffic),
        "order": trial.order or [arm.name for arm in trial.candidates],
        "weights": _some(trial.weights),
        "shadows": _some(trial.shadows),
        "shadowOthers": trial.shadow_others,
        "match": sorted((one.name, one.exact) for one in trial.match),
        "stickiness": _stickiness(trial),
        "salt": trial.salt,
    }
    return hashlib.sha256(_compact(decides).encode()).hexdigest()[:EPOCH_LENGTH]


def answered_stamp(traffic: Traffic, *, eligible: bool) -> str:
    """Return what is told of a request that takes part.

    Args:
        traffic: the plan, with a trial.
        eligible: whether the request may be copied, so far as the trial copies any.
    """
    copies = traffic.mirrors if eligible else {}
    return _compact(
        {
            **_common(traffic),
            "shares": _shares(traffic),
            "copies": {
                arm: sorted(name for name, percent in others.items() if percent == EVERY_REQUEST)
                for arm, others in copies.items()
                if EVERY_REQUEST in others.values()
            },
            "eligible": eligible,
        }
    )


def copied_stamp(traffic: Traffic) -> str:
    """Return what is told of a copy."""
    return _compact(_common(traffic))


def _common(traffic: Traffic) -> dict[str, Any]:
    assert traffic.trial
    return {
        "experiment": traffic.trial.experiment,
        "epoch": epoch(traffic),
        "arms": _arms(traffic),
    }


def _arms(traffic: Traffic) -> dict[str, str]:
    """Return the arms' names by revision."""
    return {arm.revision: arm.name for arm in traffic.arms}


def _shares(traffic: Traffic) -> dict[str, int]:
    """Return the percent of requests that each arm is to answer."""
    weights = traffic.trial.weights if traffic.trial else {}
    challengers = {arm.name: weights.get(arm.name, 0) for arm in traffic.arms[1:]}
    return {traffic.incumbent.name: 100 - sum(challengers.values()), **challengers}


def _some(percents: Mapping[str, int]) -> dict[str, int]:
    return {name: percent for name, percent in percents.items() if percent}


def _stickiness(trial: Trial) -> dict[str, Any] | None:
    if trial.stickiness is None:
        return None
    return {"by": type(trial.stickiness).__name__, **asdict(trial.stickiness)}


def _compact(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"))
