"""Options of train: their defaults are those of the experiment."""

import argparse

from numerics.gpt2.command.train_options import add_options
from numerics.gpt2.language_settings import LanguageModel


def test_defaults_are_the_settings_own(tmp_path):
    """Who gives no option has the point that a sweep file without fields has."""
    parser = argparse.ArgumentParser()
    add_options(parser)
    options = vars(parser.parse_args(["--text", "x"]))
    path = tmp_path / "x"
    path.write_text("a\nb\n")
    settings = LanguageModel(text=str(path)).model_dump()
    settings |= {"device": LanguageModel(text=str(path)).device}
    shared = (options.keys() & settings.keys()) - {"identity", "config"}
    assert len(shared) >= 8
    assert {name: options[name] for name in shared} == {n: settings[n] for n in shared}
    assert options["identity"] == [settings["identity"]]
    assert options["seeds"] == [settings["seed"]]
