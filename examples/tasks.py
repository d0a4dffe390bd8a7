"""The table of docs/tasks.md: the built-in tasks.

python -m examples.tasks
"""

from __future__ import annotations

from examples.pages import DOCS, rewritten
from symbind_theory import builtin_task, builtin_tasks
from symbind_theory.report import markdown_table

__all__ = ["PAGE", "main"]

PAGE = DOCS / "tasks.md"


def main() -> None:
    """Rewrite the table."""
    table = markdown_table(map(builtin_task, builtin_tasks()))
    lines = table.rstrip("\n").splitlines()
    PAGE.write_text(rewritten(PAGE.read_text(), "built-in tasks", lines))
    print(f"wrote the table of {PAGE}")


if __name__ == "__main__":
    main()
