"""What CONTRIBUTING.md asks of the code, as far as a machine can see it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = {
    "style": ["ruff", "check"],
    "format": ["ruff", "format", "--check"],
    "types": ["mypy"],
    "arrows": ["lint-imports"],
}
MAX_LINES = 400
SOURCES = sorted(
    path
    for folder in ("shared", "services", "console", "cli", "deploy", "bench")
    for path in (ROOT / folder).rglob("*.py")
)


@pytest.mark.parametrize("rule", TOOLS)
def test_the_checkout_keeps_the_rules_of(rule: str) -> None:
    tool, *arguments = TOOLS[rule]
    command = [str(Path(sys.executable).with_name(tool)), *arguments]
    checked = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_opens_with_a_sentence_and_is_not_too_long(path: Path) -> None:
    text = path.read_text()
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring, "no opening sentence"
    assert len(text.splitlines()) <= MAX_LINES


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_has_hashes_and_names_no_index(lock: str) -> None:
    lines = (ROOT / lock).read_text().splitlines()
    assert any("--hash=sha256:" in line for line in lines)
    assert not [line for line in lines if "://" in line]
