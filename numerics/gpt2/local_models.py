"""Causal language models from local files: a folder of Hugging Face's, or a GGUF file.

Nothing is ever fetched: a name that is no path is refused. Before weights are read,
their size is compared with the memory that is free.
"""

from __future__ import annotations

import importlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from symbind_theory.validation import InputError, shorten

if TYPE_CHECKING:
    from transformers import (
        PreTrainedConfig,
        PreTrainedModel,
        PreTrainedTokenizerBase,
    )

__all__ = [
    "FAMILIES",
    "LocalModel",
    "check_memory",
    "free_memory",
    "load_config",
    "load_model",
    "load_tokenizer",
    "parameter_count",
    "quiet_transformers",
    "require_transformers",
]

FAMILIES: dict[str, str] = {
    "gpt2": "gpt2",
    "gpt2-identity": "gpt2",
    "llama": "llama",
    "mistral": "llama",
    "qwen2": "llama",
}
"""Transformers' name of a kind of model → the family whose weights it lays out."""

# Weights once in the file's state and once in the model, while they are copied.
_COPIES = 2


@dataclass(frozen=True)
class LocalModel:
    """A causal language model with its tokenizer, from local files.

    Attributes:
        model: the model, in evaluation mode.
        tokenizer: what turns text into its tokens; None where the files have none.
        family: "gpt2" or "llama", the layout of its weights.
        path: where it was read from.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase | None
    family: str
    path: str


def load_model(
    path: str | os.PathLike[str], *, dtype: torch.dtype = torch.float32
) -> LocalModel:
    """Read a causal language model and, where there is one, its tokenizer.

    Args:
        path: a folder that `save_pretrained` wrote, or a GGUF file.
        dtype: the type of its weights. Choose float64 to compare rounding.

    Raises:
        InputError: no such folder or file, files that are no model, a family that is
            not supported, a tokenizer with more tokens than the model has, or too
            little free memory.
    """
    transformers = require_transformers()
    where = _place(path)
    with quiet_transformers():
        config = load_config(path)
        family = _family(path, config)
        count = parameter_count(config)
        check_memory(count * dtype.itemsize * _COPIES, f"the model {_shown(path)}")
        model = _read(
            path,
            lambda: transformers.AutoModelForCausalLM.from_pretrained(
                **where, dtype=dtype
            ),
        )
    if "gguf_file" in where:
        _forget_quantisation(model)
    return LocalModel(model.eval(), _tokenizer(path, config), family, os.fspath(path))


def load_config(path: str | os.PathLike[str]) -> PreTrainedConfig:
    """Read a model's configuration alone.

    Raises:
        InputError: no such folder or file, or files that are no model.
    """
    transformers = require_transformers()
    # It makes models with scalars known to transformers.
    importlib.import_module("numerics.gpt2.identity_model")

    where = _place(path)
    with quiet_transformers():
        return _read(path, lambda: transformers.AutoConfig.from_pretrained(**where))


def load_tokenizer(path: str | os.PathLike[str]) -> PreTrainedTokenizerBase:
    """Read the tokenizer of a model's folder, of a GGUF file, or of tokenizer.json.

    Raises:
        InputError: no such file, or files that hold no tokenizer.
    """
    transformers = require_transformers()
    place, what = Path(path), "the tokenizer"
    if place.is_file() and place.suffix == ".json":
        fast = transformers.PreTrainedTokenizerFast
        return _read(path, lambda: fast(tokenizer_file=os.fspath(path)), what)
    has_own = place.is_dir() and any(place.glob("tokenizer*"))
    where = _folder(place) if has_own else _place(path, what)
    auto = transformers.AutoTokenizer
    with quiet_transformers():
        return _read(path, lambda: auto.from_pretrained(**where), what)


def parameter_count(config: Any) -> int:
    """How many parameters a model of this configuration has; it is not built.

    Args:
        config: a configuration of transformers.
    """
    transformers = require_transformers()
    with torch.device("meta"), quiet_transformers():
        model = transformers.AutoModelForCausalLM.from_config(config)
    return sum(parameter.numel() for parameter in model.parameters())


def free_memory() -> int | None:
    """Bytes of memory that programs can still take; None where nobody says."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    sizes = dict(line.split(":", 1) for line in lines)
    available = sizes.get("MemAvailable", "").split()
    return int(available[0]) * 1024 if available else None


def check_memory(needed: int, what: str) -> None:
    """See that the machine has the memory for something, before it is begun.

    Args:
        needed: bytes.
        what: what takes them, for the message.

    Raises:
        InputError: less is free.
    """
    free = free_memory()
    if free is not None and needed > free:
        raise InputError(
            f"{what} needs about {needed / 2**30:.1f} GiB of memory, and "
            f"{free / 2**30:.1f} GiB are free; expected a smaller one or more memory"
        )


def require_transformers() -> Any:
    """The package transformers.

    Raises:
        InputError: it is not installed.
    """
    try:
        import transformers
    except ImportError:
        raise InputError(
            "language models need transformers; expected the extra symbind[gpt2] to "
            "be installed"
        ) from None
    return transformers


def _shown(path: str | os.PathLike[str]) -> str:
    return shorten(os.fspath(path), 200)


def _folder(place: Path) -> dict[str, Any]:
    return {
        "pretrained_model_name_or_path": os.fspath(place),
        "local_files_only": True,
        # Without it, the user would be asked whether a folder's code is to be run.
        "trust_remote_code": False,
    }


def _place(path: str | os.PathLike[str], what: str = "the model") -> dict[str, Any]:
    """Where transformers finds the files, as arguments of its `from_pretrained`."""
    place = Path(path)
    if place.is_dir():
        if not (place / "config.json").is_file():
            raise InputError(
                f"{what} {_shown(path)} has no config.json; expected a folder that "
                "save_pretrained wrote"
            )
        return _folder(place)
    if place.is_file() and place.suffix == ".gguf":
        return {
            "pretrained_model_name_or_path": os.fspath(place.parent),
            "gguf_file": place.name,
            "local_files_only": True,
        }
    raise InputError(
        f"{what} is {_shown(path)}; expected the path of a local folder that "
        "save_pretrained wrote or of a .gguf file: nothing is fetched from a hub"
    )


def _family(path: str | os.PathLike[str], config: Any) -> str:
    kind = config.model_type
    if kind not in FAMILIES:
        raise InputError(
            f"the model {_shown(path)} is of the family {shorten(kind)}; expected one "
            f"of {', '.join(FAMILIES)}"
        )
    return FAMILIES[kind]


def _tokenizer(
    path: str | os.PathLike[str], config: Any
) -> PreTrainedTokenizerBase | None:
    """The tokenizer beside a model; None where there is none."""
    if Path(path).is_dir() and not any(Path(path).glob("tokenizer*")):
        return None
    tokenizer = load_tokenizer(path)
    if len(tokenizer) > config.vocab_size:
        raise InputError(
            f"the tokenizer of {_shown(path)} has {len(tokenizer)} tokens, the model "
            f"{config.vocab_size}; expected the tokenizer that it was trained with"
        )
    return tokenizer


def _read(path: str | os.PathLike[str], read: Any, what: str = "the model") -> Any:
    """What `read` returns; its complaint in one line."""
    try:
        return read()
    except InputError:
        raise
    except Exception as error:
        # Transformers raises whatever its readers of JSON, GGUF and weights raise.
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(
            f"{what} {_shown(path)} cannot be read: {shorten(reason, 200)}; expected "
            "files that transformers can read"
        ) from None


def _forget_quantisation(model: Any) -> None:
    """Weights of a GGUF file are numbers like others once they are read.

    Transformers would refuse to save the model: it still takes them for quantised.
    """
    for name in ("hf_quantizer", "is_quantized", "quantization_method"):
        if hasattr(model, name):
            delattr(model, name)
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Without the progress bars and warnings of transformers.

    Its bar for GGUF files knows no switch, so the standard error is held back too.
    """
    logging = require_transformers().utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
