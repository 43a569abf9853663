"""What every model of the suite format is built on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)]
MAX_IDENTIFIER = 64

DefinitionName = Literal["dcase2020", "dcase2021", "dcase2022"]
ResultMetric = Literal["auc", "pauc", "hmean"]


class Model(BaseModel):
    """Base: unknown keys are errors, values are fixed, docstrings describe the JSON Schema."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
