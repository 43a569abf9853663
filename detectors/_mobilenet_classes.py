"""The classes that MobileNetV2 learns to tell apart, and the ones a test clip may be of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asdbench.api import Condition
from asdbench.errors import DataError

from ._mobilenet_params import Classes


def class_of(condition: Condition, classes: Classes) -> Condition:
    """Return what of ``condition`` names its class: never the domain."""
    attributes = condition.attributes if classes == "attributes" else ()
    return Condition(condition.machine, condition.section, None, attributes)


def find_classes(conditions: Sequence[Condition], classes: Classes) -> tuple[Condition, ...]:
    """Return the classes of training clips, sorted.

    Raises
    ------
    DataError
        When there are fewer than two.
    """
    found = tuple(sorted({class_of(condition, classes) for condition in conditions}))
    if len(found) < 2:
        hints = {
            "section": "set 'classes: attributes' to tell the sections' attributes apart, or "
            "'classes: machine-section' where one fit covers several machines",
            "machine-section": "fit it on the clips of several machines or sections, or set "
            "'classes: attributes'",
            "attributes": "use a detector that needs no classes, e.g. dcase-ae",
        }
        raise DataError(
            f"mobilenet-v2: all {len(conditions)} training clips are of one class ("
            f"{', '.join(map(str, found)) or 'there are none'}): it learns by telling classes "
            "apart and needs two or more",
            hints[classes],
        )
    return found


def admissible(
    conditions: Sequence[Condition], known: Sequence[Condition], classes: Classes
) -> NDArray[np.bool_]:
    """Return which classes each clip may be of, (clips, classes).

    Its own; or, for attributes that were not trained on, every class of its section.

    Raises
    ------
    DataError
        When a clip is of a section that was not trained on.
    """
    index = {key: number for number, key in enumerate(known)}
    sections: dict[Condition, list[int]] = {}
    for key, number in index.items():
        sections.setdefault(class_of(key, "section"), []).append(number)
    allowed = np.zeros((len(conditions), len(known)), dtype=bool)
    for row, condition in enumerate(conditions):
        own = index.get(class_of(condition, classes))
        section = class_of(condition, "section")
        if own is None and section not in sections:
            trained = ", ".join(f"{key.machine}/{key.section}" for key in sections)
            raise DataError(
                f"mobilenet-v2: clip {row} is of section {section.machine}/{section.section}, "
                "which it was not trained on",
                f"it knows {trained}: add the section's normal clips to the training data",
            )
        allowed[row, sections[section] if own is None else own] = True
    return allowed
