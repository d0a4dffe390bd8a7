"""What a run of training is decided by, and where it keeps its files.

Files are settings by their contents, not by their paths: a text that was changed makes
another point, one that was moved does not. What a run keeps lies in a folder with the
point's digest for a name: the checkpoint while it trains, the trained model with its
tokenizer at the end.

Source: symbind.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from numerics.gpt2.local_models import require_transformers
from numerics.gpt2.pretraining import PretrainingRecipe
from numerics.sweeps.experiments.settings import Count, Flag, Number, Seed, Settings
from numerics.sweeps.points import canonical_json
from symbind_theory.validation import InputError, one_of, shorten

__all__ = [
    "SMALL",
    "LanguageModel",
    "checkpoint_of",
    "run_folder",
    "steps_file",
    "trained_model_of",
]

SMALL: Mapping[str, Any] = {
    "n_layer": 4,
    "n_head": 4,
    "n_embd": 128,
    "n_positions": 128,
    "vocab_size": 4096,
    "embd_pdrop": 0.0,
    "resid_pdrop": 0.0,
    "attn_pdrop": 0.0,
}
"""GPT-2's configuration at a size for two cores, where nothing else is asked for."""


class LanguageModel(Settings):
    """One model, its text and its training."""

    text: str = Field(exclude=True, description="the path of a text file, UTF-8")
    text_sha256: str = Field(default="", description="the digest of the text, or ''")
    held_out: Number = Field(
        default=0.1, gt=0, lt=1, description="a share of the text, between 0 and 1"
    )
    config: dict[str, int | float | bool | str | None] = Field(
        default_factory=lambda: dict(SMALL),
        description="a table of fields of GPT-2's configuration",
    )
    model: str = Field(
        default="",
        exclude=True,
        description="the path of a model to begin with, or '' for one from scratch",
    )
    model_sha256: str = Field(default="", description="the digest of its files, or ''")
    tokenizer: str = Field(
        default="",
        exclude=True,
        description="the path of a tokenizer, or '' for one trained on the text",
    )
    tokenizer_sha256: str = Field(
        default="", description="the digest of its files, or ''"
    )
    identity: Literal["none", "kq", "vo", "both"] = Field(
        default="none", description="none, kq, vo or both"
    )
    mask_diagonal: Flag = Field(
        default=False, description="true where a leaves out a token's own position"
    )
    scalars_only: Flag = Field(
        default=False,
        description="true where all but the scalars stays as it was; with the "
        "identity none the model is measured as it is",
    )
    epochs: Count = Field(default=1, ge=1, description="an integer of at least 1")
    batch: Count = Field(
        default=8, ge=1, description="blocks a step, an integer of at least 1"
    )
    learning_rate: Number = Field(default=1e-3, gt=0, description="a number above 0")
    scalar_rate: Number = Field(
        default=1.0,
        gt=0,
        description="the scalars' rate in units of learning_rate, a number above 0",
    )
    warmup: Number = Field(
        default=0.05, ge=0, lt=1, description="a share of the steps, from 0 to below 1"
    )
    weight_decay: Number = Field(
        default=0.1, ge=0, description="a number of at least 0"
    )
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32", description="float32 or bfloat16"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", exclude=True, description="auto, cpu or cuda"
    )
    seed: Seed = Field(
        default=0, ge=0, description="the run's seed, an integer of at least 0"
    )
    folder: str = Field(
        default="language-models",
        exclude=True,
        description="the path of the folder that keeps checkpoints and models",
    )

    @model_validator(mode="before")
    @classmethod
    def _digested(cls, given: Any) -> Any:
        """With the digests of all files: points of other contents are other points."""
        if not isinstance(given, dict):
            return given
        filled = dict(given)
        if filled.get("model") and filled.setdefault("config", {}):
            raise InputError("config was given beside model; expected one of them")
        for field in ("text", "model", "tokenizer"):
            path = filled.get(field)
            if not isinstance(path, str) or not path:
                continue
            digest = _digest_of(path, field)
            said = filled.setdefault(f"{field}_sha256", digest)
            if said not in ("", digest):
                raise InputError(
                    f"{field} {shorten(path, 200)} has the SHA-256 {digest}; expected "
                    f"{shorten(said, 80)}, the one that {field}_sha256 says"
                )
            filled[f"{field}_sha256"] = digest
        return filled

    @field_validator("config", mode="after")
    @classmethod
    def _of_gpt2(cls, config: dict[str, Any]) -> dict[str, Any]:
        known = require_transformers().GPT2Config().to_dict()
        for name in config:
            one_of("a field of config", name, sorted(known))
        return config

    @property
    def recipe(self) -> PretrainingRecipe:
        """How the model is trained."""
        return PretrainingRecipe(
            epochs=self.epochs,
            batch=self.batch,
            learning_rate=self.learning_rate,
            scalar_rate=self.scalar_rate,
            warmup=self.warmup,
            weight_decay=self.weight_decay,
            bfloat16=self.precision == "bfloat16",
            seed=self.seed,
        )

    @property
    def run(self) -> str:
        """What tells this run from all others."""
        return hashlib.sha256(
            canonical_json(self.model_dump(mode="json")).encode()
        ).hexdigest()


def run_folder(settings: LanguageModel) -> Path:
    """Where a run keeps its files; it need not be there."""
    return Path(settings.folder) / settings.run[:16]


def checkpoint_of(settings: LanguageModel) -> Path:
    """The path of a run's checkpoint."""
    return run_folder(settings) / "checkpoint.safetensors"


def steps_file(settings: LanguageModel) -> Path:
    """The path of the file that says how many steps a run has taken, of how many."""
    return run_folder(settings) / "steps.json"


def trained_model_of(settings: LanguageModel) -> Path:
    """The folder of a run's trained model and tokenizer, there once it has finished."""
    return run_folder(settings) / "model"


def _digest_of(path: str, field: str) -> str:
    """The SHA-256 of a file, or of the names and contents of a folder's files."""
    place = Path(path)
    digest = hashlib.sha256()
    try:
        if place.is_file():
            with open(place, "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        for each in _model_files(place):
            with open(each, "rb") as file:
                inner = hashlib.file_digest(file, "sha256")
            digest.update(f"{each.name}\0{inner.hexdigest()}\n".encode())
    except OSError as error:
        raise InputError(
            f"{field} {shorten(path, 200)} could not be read: {error.strerror}; "
            "expected the path of a file"
        ) from None
    return digest.hexdigest()


def _model_files(folder: Path) -> Iterator[Path]:
    """What a model or its tokenizer is read from."""
    kinds = {".json", ".safetensors", ".bin", ".txt", ".model"}
    for each in sorted(os.listdir(folder)):
        if Path(each).suffix in kinds and (folder / each).is_file():
            yield folder / each
