"""The pages on the house, its words and its sources say what is so."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("symbind_theory", "numerics", "proofs_check")
PAGES = ("README.md", "CONTRIBUTING.md", "docs", "examples", "benchmarks", *PACKAGES)

# Name & Name 1999, Name et al. 1999, or an arXiv number; "ICLR 1999" is a conference.
AUTHOR = r"[A-Z][a-zćéšä']+(?:(?:, [A-Z][a-z]+)*,? & [A-Z][a-z]+| et al\.)?"
CITATION = re.compile(rf"arXiv \d{{4}}\.\d{{5}}|{AUTHOR} (?:18|19|20)\d\d\b")


def tracked(*places):
    """The text of each file under version control, by its path."""
    done = subprocess.run(
        ["git", "ls-files", "--", *places],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [ROOT / line for line in done.stdout.splitlines()]
    return {
        path.relative_to(ROOT).as_posix(): path.read_text()
        for path in paths
        if path.suffix in (".py", ".md", ".jinja", ".toml") and path.exists()
    }


def table(page, heading):
    """The rows of the first table after a heading, without its two lines of head."""
    after = (ROOT / "docs" / page).read_text().partition(heading)[2]
    rows = [line for line in after.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def citations(text):
    flat = re.sub(r"[\s()]+", " ", text)
    return set(CITATION.findall(flat))


# They list the words, hold them, or quote titles.
WORDS_QUOTED = (
    "docs/glossary.md",
    "docs/references.md",
    "tests/repository/test_documents.py",
)


def dropped_words(text, dropped):
    """Which of the words occur, in the plural too, or as a part of a name in code."""
    flat = re.sub(r"\s+", " ", text)
    return [
        word
        for word in dropped
        if re.search(rf"(?<![A-Za-z]){re.escape(word)}s?(?![A-Za-z])", flat, re.I)
    ]


def drawn_rooms(page):
    """The rooms of each package in the drawing, one floor a line."""
    drawing = page.partition("```text\n")[2].partition("```")[0]
    floors, package = {}, ""
    for line in drawing.splitlines():
        if line[:1].strip():
            package = line.split()[0]
            floors[package] = []
        elif line.strip():
            floors[package].append(re.split(r"\s{2,}", line.strip())[0])
    return floors


def contracted_rooms():
    """The rooms of each package in the contracts, one floor an entry."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    rooms = [c for c in contracts if c["id"].startswith("rooms-of-")]
    return {c["containers"][0]: c["layers"] for c in rooms}


def test_the_drawing_shows_the_rooms():
    page = (ROOT / "docs" / "architecture.md").read_text()
    assert drawn_rooms(page) == contracted_rooms()


def test_citations_and_references_are_one_set():
    """Each citation is in the list, and each work of the list is cited."""
    cited = {
        citation: path
        for path, text in tracked(*PACKAGES, "docs", "README.md").items()
        if path != "docs/references.md"
        for citation in citations(text)
    }
    listed = [row[0] for row in table("references.md", "# References")]
    assert sorted(cited) == sorted(listed), cited


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("as in Nobody & Somebody\n1999", {"Nobody & Somebody 1999"}),
        ("Knuth (1968) and arXiv 1234.56789.", {"Knuth 1968", "arXiv 1234.56789"}),
        ("A, B & C 1966; Lee et al. 2018", {"Lee et al. 2018"}),
        ("One, Two & Three 1966", {"One, Two & Three 1966"}),
    ],
)
def test_citations_are_noticed(text, found):
    assert citations(text) >= found


def dropped():
    rows = table("glossary.md", "## Words that are not used")
    return [word for row in rows for word in row[0].split(", ")]


def test_dropped_words_are_not_used():
    found = {
        path: words
        for path, text in tracked(*PAGES, "tests").items()
        if path not in WORDS_QUOTED and (words := dropped_words(text, dropped()))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("x.half_width = 1", "half_width"),
        ("relative_half_width", "half_width"),
        ("test_half_width_is", "half_width"),
        ("Half-widths stay below", "half-width"),
        ("many more samples.", "samples"),
        ("fresh_samples(task)", "samples"),
        ("a sample size", "sample size"),
        ("of sample\nsizes", "sample size"),
        ("test_no_sample_size_is", "sample_size"),
    ],
)
def test_a_dropped_word_is_noticed(text, word):
    assert dropped_words(text, dropped()) == [word]


def test_glossary_names_code_that_exists():
    """Names of modules and attributes in the second column occur in the packages."""
    code = "\n".join(tracked(*PACKAGES).values())
    page = (ROOT / "docs" / "glossary.md").read_text()
    page = page.partition("## Words that are not used")[0]
    cells = [line.split("|")[2] for line in page.splitlines() if line.startswith("| ")]
    names = {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}
    parts = {part for name in names for part in re.findall(r"[A-Za-z_]{3,}", name)}
    assert {part for part in parts if part not in code} <= {"python"}
