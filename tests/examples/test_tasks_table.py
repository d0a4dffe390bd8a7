"""The command that writes the table of built-in tasks."""

from examples import tasks


def test_the_command_rewrites_the_table_alone(tmp_path, monkeypatch, capsys):
    text = tasks.PAGE.read_text()
    page = tmp_path / "tasks.md"
    page.write_text(
        text.replace("| `same-different` | 2 |", "| `same-different` | 3 |")
    )
    assert page.read_text() != text
    monkeypatch.setattr(tasks, "PAGE", page)
    tasks.main()
    assert page.read_text() == text
    assert str(page) in capsys.readouterr().out
