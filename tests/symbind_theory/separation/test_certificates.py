"""Certificates: round trip, the verifier on its own, and ten thousand mutations."""

import ast
import copy
import json
import os
import random
import shutil
import subprocess
import sys
from fractions import Fraction
from functools import cache
from itertools import combinations, cycle, product
from pathlib import Path

import pytest
from symbind_testing.oracles.series_coefficients import coefficient_in
from symbind_testing.tasks import SAME_DIFFERENT

from symbind_theory import InputError, Template, certificate_verifier
from symbind_theory.separation.certificates import reason_to_reject, write_certificate
from symbind_theory.separation.incidence import READOUTS
from symbind_theory.separation.leading_gaps import certify, verify
from symbind_theory.separation.series import feature_series

# All four orders occur, and every template agrees with another one for a while.
TEMPLATES = (
    "?a ?a ?b ?b",
    "?a ?b ?a ?b",
    "?a ?a ?a ?b",
    "X ?a ?a X",
    "X ?a ?b X",
    "X X ?a ?b",
)
CERTIFICATES = [certify(TEMPLATES, readout) for readout in READOUTS]
VERIFIER = Path(certificate_verifier.__file__)


def run_verifier(folder, *arguments):
    """The verifier copied away from the package, in an isolated interpreter."""
    copied = shutil.copy(VERIFIER, folder)
    return subprocess.run(
        [sys.executable, "-I", "-S", copied, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )


@pytest.mark.parametrize("certificate", CERTIFICATES, ids=READOUTS)
def test_a_certificate_is_verified_before_and_after_the_file(certificate, tmp_path):
    assert verify(certificate)
    assert verify(json.dumps(certificate))
    write_certificate(certificate, tmp_path / "c.json")
    text = (tmp_path / "c.json").read_text(encoding="ascii")
    assert json.loads(text) == certificate
    assert [p.name for p in tmp_path.iterdir()] == ["c.json"]


@pytest.mark.parametrize("certificate", CERTIFICATES, ids=READOUTS)
def test_all_orders_occur_in_these_certificates(certificate):
    assert {pair["order"] for pair in certificate["pairs"]} == {0, 1, 2, 3}
    assert certificate["agreement"]["2"] == [[0, 1]]


FACTORS = {0: {0: 1}, 1: {2: 1}, 2: {1: 1, 3: 1}, 3: {3: 1, 5: 1}}


@pytest.mark.parametrize("readout", READOUTS)
def test_a_witness_is_a_number_times_a_factor_without_zeros(readout):
    """1, γ², γ + γ³ or γ³ + γ⁵: what regular tokens add to both sides drops out.

    On all templates of length 4 with one regular token, up to renaming.
    """
    words = product(["X", "?a", "?b", "?c", "?d"], repeat=4)
    some = list(dict.fromkeys(Template(word).canonical() for word in words))
    certificate = certify(some, readout)
    assert {pair["order"] for pair in certificate["pairs"]} == {0, 1, 2, 3}
    for pair in certificate["pairs"]:
        first, second = pair["values"]
        apart = {int(m): Fraction(first[m]) - Fraction(second[m]) for m in first}
        number = next(iter(apart.values()))
        factor = FACTORS[pair["order"]]
        assert number != 0
        assert apart == {m: number * c for m, c in factor.items()}


def test_the_verifier_runs_on_its_own(tmp_path):
    write_certificate(CERTIFICATES[0], tmp_path / "c.json")
    done = run_verifier(tmp_path, "c.json")
    assert (done.returncode, done.stderr) == (0, "")
    statement = CERTIFICATES[0]["statement"]
    assert done.stdout == f"VERIFIED (templates: 6, pairs: 15): {statement}\n"


def test_the_verifier_rejects_and_says_where(tmp_path):
    wrong = copy.deepcopy(CERTIFICATES[0])
    wrong["pairs"][0]["order"] = 2
    write_certificate(wrong, tmp_path / "c.json")
    done = run_verifier(tmp_path, "c.json")
    assert done.returncode == 1
    assert done.stdout == "REJECTED: pair (0, 1): order is not 3\n"


@pytest.mark.parametrize("arguments", [[], ["missing.json"], ["a", "b"], ["--help"]])
def test_the_verifier_says_what_it_cannot_read(tmp_path, arguments):
    done = run_verifier(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("status", [0, 1])
def test_an_output_that_cannot_be_written_is_not_a_verdict(tmp_path, status):
    document = copy.deepcopy(CERTIFICATES[0])
    document["format_version"] = 2 + status
    write_certificate(document, tmp_path / "c.json")
    shutil.copy(VERIFIER, tmp_path)
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-I", "-S", VERIFIER.name, "c.json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            check=False,
        )
    assert (done.returncode, done.stderr) == (2, "")


def test_rejections_are_ascii_whatever_the_file_says(tmp_path):
    document = certify(["?a é", "é ?a"])
    document["agreement"]["0"] = [[0, 1, "é" * 100]]
    (tmp_path / "c.json").write_text(json.dumps(document))
    done = run_verifier(tmp_path, "c.json")
    assert done.returncode == 1
    assert done.stdout.isascii()


def test_the_verifier_imports_the_standard_library_only():
    tree = ast.parse(VERIFIER.read_text(encoding="utf-8"))
    roots = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            roots.add(str(node.module).split(".")[0])
    assert roots <= sys.stdlib_module_names


def test_a_task_is_certified_by_its_templates():
    assert certify(SAME_DIFFERENT) == certify(SAME_DIFFERENT.templates)


def test_one_template_needs_no_pairs():
    assert verify(certify(["?a X"]))


def test_what_the_verifier_would_refuse_is_not_certified():
    """Its limit is known, so nobody waits for a file that proves nothing."""
    templates = [" ".join(["X"] * 4999 + [end]) for end in ("X", "?a")]
    with pytest.raises(InputError, match=r"^2 templates of 4999 tokens are more than"):
        certify([t.partition(" ")[2] for t in templates])


def test_equivalent_templates_have_no_certificate():
    with pytest.raises(InputError, match=r"^templates 2 and 3, .* are equivalent;"):
        certify(["?a ?a", "?a ?b", "?x ?y"])


@pytest.mark.parametrize(
    "path", ["", "missing/c.json", "c.json/inside", "loop", "x" * 300, "nul\0"]
)
def test_a_file_that_cannot_be_written(tmp_path, path):
    kept = ["c.json", "c.json.partial", "loop"]
    for name in kept[:2]:
        (tmp_path / name).write_text("kept")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(InputError, match=r"^the certificate could not be written to"):
        write_certificate(CERTIFICATES[0], tmp_path / path)
    assert sorted(p.name for p in tmp_path.iterdir()) == kept
    for name in kept[:2]:
        assert (tmp_path / name).read_text() == "kept"


def test_a_file_is_replaced_with_its_permissions_and_nothing_else(tmp_path):
    path, other = tmp_path / "c.json", tmp_path / "c.json.partial"
    path.write_text("old")
    path.chmod(0o640)
    other.write_text("kept")
    write_certificate(CERTIFICATES[0], path)
    assert verify(path.read_text())
    assert path.stat().st_mode & 0o777 == 0o640
    assert other.read_text() == "kept"
    assert len(list(tmp_path.iterdir())) == 2
    write_certificate(CERTIFICATES[0], tmp_path / "new.json")
    assert (tmp_path / "new.json").stat().st_mode & 0o777 == 0o644


def test_a_device_takes_the_text_itself():
    write_certificate(CERTIFICATES[0], os.devnull)
    assert not Path(os.devnull).is_file()


def test_a_file_that_cannot_be_replaced_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(InputError, match=r"No space left on device"):
        write_certificate(CERTIFICATES[0], tmp_path / "c.json")
    assert list(tmp_path.iterdir()) == []


REJECTED_TEXTS = {
    "not JSON": ("{", "not a JSON document"),
    "no object": ("[]", "certificate does not have exactly the fields"),
    "deep": ("[" * 100_000, "not a JSON document"),
    "a number of 5000 digits": ("1" * 5000, "not a JSON document"),
    "NaN": ("NaN", "NaN is not JSON"),
    "a field twice": ('{"format": 1, "format": 2}', "a field is written twice"),
}


@pytest.mark.parametrize(
    ("text", "reason"), REJECTED_TEXTS.values(), ids=REJECTED_TEXTS
)
def test_texts_that_are_no_certificate(text, reason):
    assert str(reason_to_reject(text)).startswith(reason)


def edited(path, value):
    """The first certificate with one field replaced."""
    document = copy.deepcopy(CERTIFICATES[0])
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return document


REJECTED_EDITS = {
    "another format": (["format"], "x", "format is not"),
    "a later format": (["format_version"], 3, "format_version is not 1 or 2"),
    "a version that is true": (["format_version"], True, "format_version is not 1"),
    "a version that is 1.0": (["format_version"], 1.0, "format_version is not 1"),
    "no version": (["package_version"], "", "package_version is not a version"),
    "another readout": (["readout"], "last", "statement is not"),
    "an unknown readout": (["readout"], "first", "readout is not one of"),
    "a stronger statement": (["statement"], "P = NP", "statement is not"),
    "no template": (["templates"], [], "templates is not a list of"),
    "a wildcard merged": (["templates", 4], "X ?a ?a X", "agreement is not"),
    "an earlier format": (["format_version"], 1, "statement is not"),
    "a shorter template": (["templates", 0], "?a", "agreement is not"),
    "the reserved token": (["templates", 0], "?a [CLS] a b", "a template contains"),
    "a control character": (
        ["templates", 0],
        "?a ?a ?b ?b\0",
        "a template contains a control",
    ),
    "too long": (
        ["templates"],
        ["?a " * 4999 + "X", "X" + " ?a" * 4999],
        "the templates are too many or too long",
    ),
    "two spaces": (["templates", 0], "?a  ?a ?b ?b", "a template is not tokens"),
    "agreement left out": (["agreement", "2"], [], "agreement is not"),
    "a pair left out": (["pairs"], CERTIFICATES[0]["pairs"][1:], "pairs does not list"),
    "order too low": (["pairs", 0, "order"], 2, "pair (0, 1): order is not 3"),
    "position outside": (
        ["pairs", 0, "coordinate"],
        {"position": 5},
        "pair (0, 1): coordinate is not a position",
    ),
    "position below": (
        ["pairs", 0, "coordinate"],
        {"position": -1},
        "pair (0, 1): coordinate is not a position",
    ),
    "a false value": (
        ["pairs", 0, "values", 0, "3"],
        "1/625",
        "pair (0, 1): values is not",
    ),
}


@pytest.mark.parametrize(
    ("path", "value", "reason"), REJECTED_EDITS.values(), ids=REJECTED_EDITS
)
def test_edits_that_are_rejected(path, value, reason):
    assert str(reason_to_reject(edited(path, value))).startswith(reason)


@pytest.mark.parametrize(
    ("templates", "order", "position", "variable"),
    [
        (("?a ?a ?b ?c", "?a ?b ?a ?c"), 2, 3, None),
        (("?a ?a ?b ?b", "?a ?b ?a ?b"), 3, 0, ("position", 0)),
    ],
)
def test_a_witness_where_the_two_agree_is_rejected(
    templates, order, position, variable
):
    """True values, at a place where they do not differ, prove nothing."""
    document = certify(templates)
    (pair,) = document["pairs"]
    assert pair["order"] == order
    series = series_of(templates, "cls")
    place = ("position", position)
    values = [coefficient_in(series, i, order, place, variable) for i in range(2)]
    assert values[0] == values[1] != {}
    pair["coordinate"] = dict([place])
    pair["variable"] = variable and dict([variable])
    pair["values"] = [{str(p): n for p, n in v.items()} for v in values]
    assert "do not differ" in str(reason_to_reject(document))


@cache
def series_of(templates, readout):
    return feature_series(templates, 3, readout)


def is_true(document):
    """Whether everything that a certificate says is so, by the brute-force series."""
    series = series_of(tuple(document["templates"]), document["readout"])
    count = len(document["templates"])
    for pair, (i, j) in zip(
        document["pairs"], combinations(range(count), 2), strict=True
    ):
        order = series.leading_order(i, j)
        if (pair["i"], pair["j"], pair["order"]) != (i, j, order):
            return False
        ((kind, place),) = pair["coordinate"].items()
        variable = pair["variable"] and next(iter(pair["variable"].items()))
        direct = [
            coefficient_in(series, index, order, (kind, place), variable)
            for index in (i, j)
        ]
        stated = [
            {int(power): n for power, n in value.items() if n != "0"}
            for value in pair["values"]
        ]
        if direct != stated or direct[0] == direct[1]:
            return False
    for order in range(3):
        together = {
            pair
            for group in document["agreement"][str(order)]
            for pair in combinations(group, 2)
        }
        agreeing = {(p["i"], p["j"]) for p in document["pairs"] if p["order"] > order}
        if together != agreeing:
            return False
    return True


def every_path(value, path=()):
    """The places of all values in a document, containers included."""
    yield path
    items = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, inner in items:
        yield from every_path(inner, (*path, key))


def at(document, path):
    for key in path:
        document = document[key]
    return document


def mutated_value(value, rng, elsewhere):
    """Something else of the same kind, of another kind, or from elsewhere."""
    kind = rng.randrange(4)
    if kind == 0:
        return copy.deepcopy(elsewhere)
    if kind == 1:
        return rng.choice([None, True, False, 0, 1, 1.0, -1, "", "0", [], {}, 10**30])
    if isinstance(value, bool) or value is None:
        return {"position": rng.randrange(5)}
    if isinstance(value, int):
        return value + rng.choice([-2, -1, 1, 2])
    if isinstance(value, str):
        letters = list(value) or [""]
        place = rng.randrange(len(letters))
        letters[place] = rng.choice(["", " ", "?", "a", "b", "X", "0", "1", "-", "/"])
        return "".join(letters)
    if isinstance(value, list):
        shuffled = copy.deepcopy(value)
        rng.shuffle(shuffled)
        return rng.choice([shuffled, value[1:], [*value, elsewhere]])
    if isinstance(value, dict):
        renamed = {rng.choice([k, "position", "token"]): v for k, v in value.items()}
        return rng.choice([renamed, dict(list(value.items())[1:])])
    return value


def mutate(document, paths, path, rng):
    """One change at `path`; for a witness sometimes its place and values together."""
    changed = json.loads(json.dumps(document))
    if "pairs" in path and len(path) > 1 and rng.random() < 0.3:
        # A place that need not differ, with the values that are true there.
        pair = changed["pairs"][path[1]]
        place = {"position": rng.randrange(5)}
        pair["coordinate"] = place if pair["order"] else {"token": rng.choice("XY")}
        if pair["order"] == 3:
            pair["variable"] = {"position": rng.randrange(5)}
        series = series_of(tuple(document["templates"]), document["readout"])
        variable = pair["variable"] and next(iter(pair["variable"].items()))
        ((kind, where),) = pair["coordinate"].items()
        pair["values"] = [
            {
                power: found.get(int(power), "0")
                for power in value
                for found in [
                    coefficient_in(
                        series, index, pair["order"], (kind, where), variable
                    )
                ]
            }
            for index, value in zip((pair["i"], pair["j"]), pair["values"], strict=True)
        ]
        return changed
    value = mutated_value(
        at(document, path), rng, at(document, paths[rng.randrange(len(paths))])
    )
    if not path:
        return value
    at(changed, path[:-1])[path[-1]] = value
    return changed


@pytest.mark.parametrize("certificate", CERTIFICATES, ids=READOUTS)
def test_mutated_certificates_are_rejected_or_true(certificate):
    """2000 real changes for each readout, 6000 in all, every field in turn."""
    rng = random.Random(20231009)
    paths = list(every_path(certificate))
    # As text, for in Python 1, 1.0 and True are equal.
    original = json.dumps(certificate)
    accepted = rejected = 0
    changed_fields = set()
    for path in cycle(paths):
        if accepted + rejected == 2000:
            break
        document = mutate(certificate, paths, path, rng)
        if json.dumps(document) == original:
            continue
        if verify(document):
            assert is_true(document), (path, document)
            accepted += 1
        else:
            rejected += 1
            changed_fields.add(path[0] if path else None)
    assert changed_fields >= set(certificate) - {"package_version"}
    assert rejected > 1200
    # Other places of a witness, wildcards renamed, another version: true as well.
    assert accepted > 50
    # Each place was changed at least twice.
    assert len(paths) <= 1000
