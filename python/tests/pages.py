#!/usr/bin/env python3
"""Pages of the book as programs: their Python snippets in order, and what these print below each.

    python pages.py           runs the pages, and fails where something else is printed
    python pages.py --write   writes what is printed
"""

import contextlib
import io
import os
import pathlib
import re
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [
    *(ROOT / "docs" / "src" / f"{name}.md" for name in ["python", "python_diabetes", "python_section_1", "python_networks"]),
    ROOT / "python" / "README.md",
]

# A snippet, and the output below it if there is one.
SNIPPET = re.compile(r"^```python\n(?P<code>.*?)^```\n(?P<between>\s*)(?P<output>^```text\n(?P<text>.*?)^```\n)?", re.DOTALL | re.MULTILINE)


def run(page):
    """The page with the outputs that its snippets have now, and those that differ. It runs in a folder of its own, which
    has the files of the repository that pages name."""
    names, faults = {}, []

    def again(found):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(found["code"], str(page), "exec"), names)
        text = "\n".join(line.rstrip() for line in printed.getvalue().rstrip().splitlines()) + "\n"
        if found["output"] is None:
            return found[0]
        if text != found["text"]:
            faults.append(f"{page.name} has\n{found['text']}and prints\n{text}")
        return f"```python\n{found['code']}```\n{found['between']}```text\n{text}```\n"

    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(ROOT / "examples", pathlib.Path(folder) / "examples")
        os.chdir(folder)
        try:
            return SNIPPET.sub(again, page.read_text()), faults
        finally:
            os.chdir(before)


def main():
    wrong = []
    for page in PAGES:
        text, faults = run(page)
        if "--write" in sys.argv:
            page.write_text(text)
        else:
            wrong += faults
    print("\n".join(wrong), end="")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
