"""What a render reports of itself: numbers and texts, as ``--json`` prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from deepzoom.backends.base import Job
from deepzoom.coordinates import with_digits
from deepzoom.scene.view import View

from . import trust
from .field import Field

if TYPE_CHECKING:
    from .render import Plan


def facts_of(planned: Plan, job: Job | None, field: Field, seconds: float) -> dict[str, Any]:
    """The facts of a render that took so many seconds. job: None if no pixel had to run."""
    facts = None if job is None else job.facts
    return {
        "backend": planned.backend.name,
        "reason": planned.reason,
        "bits": 53 if facts is None else facts.bits,
        "reference_steps": 0 if facts is None else facts.reference_steps,
        "reference_seconds": 0.0 if facts is None else round(facts.reference_seconds, 3),
        "seconds": round(seconds, 3),
        "pixels": int(np.count_nonzero(field.done)),
        "sampled": 0 if field.sampled is None else len(field.sampled),
        "samples": len(field.known("done")),
        **_spans(planned.scene.view),
        **trust.facts(field),
    }


def _spans(view: View) -> dict[str, Any]:
    """What the picture's height spans, and in which direction it spans most."""
    long, short, degrees = view.spans()
    return {"long": with_digits(long, 6), "short": with_digits(short, 6), "long_degrees": round(degrees, 6)}
