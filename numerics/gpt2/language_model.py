"""The experiment "language-model": GPT-2 on a text, with or without two scalars a head.

One model a point, from scratch or from local files, trained on the first part of a text
and measured on the rest, which chose nothing. Points of one seed and different
`identity` begin with the same weights and see the same blocks in the same order, so
that their losses are compared in pairs.

Source: arXiv 2310.09753, on GPT-2 with trainable identity perturbations.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from numerics.devices import resolve_device
from numerics.gpt2.language_settings import (
    LanguageModel,
    checkpoint_of,
    run_folder,
    steps_file,
    trained_model_of,
)
from numerics.gpt2.local_models import (
    check_memory,
    load_config,
    load_model,
    load_tokenizer,
    parameter_count,
    quiet_transformers,
    require_transformers,
)
from numerics.gpt2.perplexity import text_loss
from numerics.gpt2.pretraining import Diverged, Trained, train_model
from numerics.gpt2.training_text import (
    TextBlocks,
    read_training_text,
    split_text,
    text_blocks,
    trained_tokenizer,
)
from numerics.sweeps.experiment import Axes, Measured, PointFailed, Presets
from symbind_theory.validation import InputError

__all__ = ["EXPERIMENT", "check_inputs", "language_model_row", "training_memory"]

# Bytes that a token has, for estimates of time alone.
_BYTES_A_TOKEN = 4
# The logits of a token, their gradient and what the loss keeps of them; a layer's
# activations in units of its width; weights, gradients and two moments.
_LOGITS, _ACTIVATIONS, _STATES = 4, 40, 4
# What a layer keeps for each head and pair of positions: fused attention nothing, its
# bias three matrices, eager attention five.
_PAIRS = {"none": 0, "kq": 3, "vo": 5, "both": 8}
_FLOAT = 4
# Tokenised at once to see whether it has enough: about a second.
_SHORT_TEXT = 2**20


def language_model_row(settings: LanguageModel) -> Measured:
    """Train one model; its loss and perplexity on the text that was held out.

    Args:
        settings: the point.

    Raises:
        InputError: files that do not go together, or too little memory.
        PointFailed: a loss that is not finite.
    """
    # A run that was killed after its end has nothing left to do.
    if (kept := _kept_row(settings)) is not None:
        return kept
    check_memory(training_memory(settings), "training")
    blocks, held_out, tokenizer = _blocks(settings)
    model = _model(settings, tokenizer)
    run_folder(settings).mkdir(parents=True, exist_ok=True)
    model.to(resolve_device(settings.device))
    trained = _trained(model, settings, blocks)
    row = {
        **_losses(model, settings, held_out),
        "train_loss": trained.losses[-1] if trained.losses else None,
        "steps": trained.steps,
        "tokens": blocks.count + held_out.count,
        "parameters": sum(p.numel() for p in model.parameters()),
        **_scalars(model),
    }
    _save(model, tokenizer, trained_model_of(settings))
    _written(_row_file(settings), row)
    checkpoint_of(settings).unlink(missing_ok=True)
    return row


def check_inputs(settings: LanguageModel) -> None:
    """Refuse files that do not go together, before anything is written.

    A text of more than a megabyte is taken to have blocks enough.

    Args:
        settings: the point.

    Raises:
        InputError: no model, no tokenizer, or too short a text.
    """
    size = _configuration(settings).vocab_size
    if os.path.getsize(settings.text) <= _SHORT_TEXT:
        tokenizer = _blocks(settings)[2]
    elif settings.tokenizer or settings.model:
        tokenizer = load_tokenizer(settings.tokenizer or settings.model)
    else:
        return
    _check_tokenizer(tokenizer, size)


def training_memory(settings: LanguageModel) -> int:
    """About how many bytes training takes.

    Args:
        settings: the point.

    Raises:
        InputError: a configuration that is none of GPT-2.
    """
    config = _configuration(settings)
    layers, width, heads = config.n_layer, config.n_embd, config.n_head
    a_layer = (
        _ACTIVATIONS * width + _PAIRS[settings.identity] * heads * config.n_positions
    )
    a_token = _LOGITS * config.vocab_size + layers * a_layer
    tokens = settings.batch * config.n_positions
    return _FLOAT * (_STATES * parameter_count(config) + tokens * a_token)


def _trained(model: Any, settings: LanguageModel, blocks: TextBlocks) -> Trained:
    """Train a model; one of which nothing is to be trained stays as it is."""
    if settings.scalars_only and settings.identity == "none":
        return Trained(0, ())
    steps = steps_file(settings)
    try:
        return train_model(
            model,
            blocks.tokens,
            settings.recipe,
            checkpoint_of(settings),
            settings.run,
            lambda done, total: _written(steps, [done, total]),
        )
    except Diverged as error:
        raise PointFailed(f"{error}: lower learning_rate") from None


def _written(path: Path, document: Any) -> None:
    """Write JSON that is there whole or as it was, for whoever reads it meanwhile."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(document), encoding="ascii")
    os.replace(partial, path)


def _row_file(settings: LanguageModel) -> Path:
    return run_folder(settings) / "row.json"


def _kept_row(settings: LanguageModel) -> Measured | None:
    """The row of a run that is over, whose model is there too."""
    if not (_row_file(settings).is_file() and trained_model_of(settings).is_dir()):
        return None
    return json.loads(_row_file(settings).read_text(encoding="ascii"))


def _blocks(settings: LanguageModel) -> tuple[TextBlocks, TextBlocks, Any]:
    """The blocks to train on, those held out, and their tokenizer."""
    training, later, tokenizer = _texts(settings)
    positions = _configuration(settings).n_positions
    blocks, held_out = (
        text_blocks(part, tokenizer, positions) for part in (training, later)
    )
    return blocks, held_out, tokenizer


def _texts(settings: LanguageModel) -> tuple[str, str, Any]:
    """The training part, the part that is held out, and the tokenizer of both."""
    training, later = split_text(read_training_text(settings.text), settings.held_out)
    if settings.tokenizer or settings.model:
        tokenizer = load_tokenizer(settings.tokenizer or settings.model)
    else:
        tokenizer = trained_tokenizer(training, _configuration(settings).vocab_size)
    return training, later, tokenizer


def _model(settings: LanguageModel, tokenizer: Any) -> Any:
    """The model before its first step, with its scalars."""
    from numerics.gpt2.identity_model import (
        add_identity_scalars,
        freeze_all_but_scalars,
    )

    if settings.model:
        model: Any = load_model(settings.model).model
    else:
        model = _drawn(settings, tokenizer)
    _check_tokenizer(tokenizer, model.config.vocab_size)
    if settings.identity != "none":
        add_identity_scalars(
            model, which=settings.identity, mask_diagonal=settings.mask_diagonal
        )
    # b needs the attention weights, which fused attention does not make.
    eager = settings.identity in ("vo", "both")
    model.set_attn_implementation("eager" if eager else "sdpa")
    if settings.scalars_only and settings.identity != "none":
        freeze_all_but_scalars(model)
    return model


def _check_tokenizer(tokenizer: Any, size: int) -> None:
    if len(tokenizer) > size:
        raise InputError(
            f"the tokenizer has {len(tokenizer)} tokens, the model {size}; expected a "
            "tokenizer of at most as many, or a larger vocab_size"
        )


def _drawn(settings: LanguageModel, tokenizer: Any) -> Any:
    """A model from scratch; its weights follow from the seed."""
    config = _configuration(settings)
    config.bos_token_id = tokenizer.bos_token_id
    config.eos_token_id = tokenizer.eos_token_id
    with quiet_transformers(), torch.random.fork_rng([]):
        torch.manual_seed(settings.seed)
        return require_transformers().GPT2LMHeadModel(config)


def _configuration(settings: LanguageModel) -> Any:
    """The configuration of the model that a point begins with, of GPT-2's kinds."""
    if settings.model:
        config: Any = load_config(settings.model)
        if config.model_type != "gpt2":
            raise InputError(
                f"the model {settings.model} is of the family {config.model_type}; "
                "expected gpt2, the one that scalars are added to"
            )
        return config
    transformers = require_transformers()
    with quiet_transformers():
        try:
            config = transformers.GPT2Config(**settings.config)
            parameter_count(config)
        except Exception as error:
            # Transformers raises what its checks of fields and torch's shapes raise.
            reason = " ".join(str(error).split())
            raise InputError(
                f"config is no configuration of GPT-2: {reason}; expected fields that "
                "go together"
            ) from None
    return config


def _losses(
    model: Any, settings: LanguageModel, held_out: TextBlocks
) -> dict[str, float | int | None]:
    measured = text_loss(model, held_out.tokens, settings.batch)
    loss, perplexity = measured.loss, measured.perplexity.value
    if not math.isfinite(perplexity):
        raise PointFailed("the perplexity is not finite: lower learning_rate")
    bytes_a_token = held_out.bytes / held_out.count
    return {
        "loss": loss.value,
        # Of a single block there is no spread.
        "loss_halfwidth": loss.halfwidth if math.isfinite(loss.halfwidth) else None,
        "perplexity": perplexity,
        "bits_per_byte": loss.value / math.log(2) / bytes_a_token,
        "held_out_tokens": measured.tokens,
    }


def _scalars(model: Any) -> dict[str, float | int | None]:
    """What the scalars came to, over all heads; None where there are none."""
    from numerics.gpt2.identity_model import identity_scalars

    values = identity_scalars(model)
    row: dict[str, float | int | None] = {}
    for name, scalars in (("a", values.kq), ("b", values.vo)):
        for what, over in (("mean", np.mean), ("lowest", np.min), ("highest", np.max)):
            row[f"{name}_{what}"] = None if scalars is None else float(over(scalars))
    return row


def _save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write model and tokenizer as one folder, which is there whole or not at all."""
    partial = folder.with_name(folder.name + ".partial")
    for stale in (partial, folder):
        shutil.rmtree(stale, ignore_errors=True)
    with quiet_transformers():
        model.save_pretrained(partial)
        tokenizer.save_pretrained(partial)
    os.replace(partial, folder)


@dataclass(frozen=True)
class _LanguageModels:
    name: str = "language-model"
    settings: type[LanguageModel] = LanguageModel
    axes: Axes = ("epochs", "perplexity", "identity")

    @property
    def presets(self) -> Presets:
        return {}

    def measure(self, settings: Any) -> Measured:
        return language_model_row(settings)

    def operations(self, settings: Any) -> float:
        count = parameter_count(_configuration(settings))
        tokens = os.path.getsize(settings.text) / _BYTES_A_TOKEN
        # Forwards, and twice as much backwards.
        return 6.0 * count * tokens * settings.epochs

    def check_machine(self, settings: Any) -> None:
        """Refuse what this machine does not have: an accelerator, transformers."""
        require_transformers()
        resolve_device(settings.device)


EXPERIMENT = _LanguageModels()
"""What sweep files call "language-model"."""
