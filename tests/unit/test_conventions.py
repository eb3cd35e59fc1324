"""What CONTRIBUTING.md asks of the code, as far as a machine can see it."""

import ast
import json
import re
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
    for folder in ("shared", "services", "console", "cli", "deploy", "bench", "tests")
    for path in (ROOT / folder).rglob("*.py")
)


PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
# `path` `Name`, on one line or two.
NAMED = re.compile(r"`([\w/]+\.py)`\s+`([\w.]+)`")
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    targets = [target.partition("#")[0] for target in LINK.findall(page.read_text())]
    assert [each for each in targets if each and "://" not in each and not (page.parent / each).exists()] == []


def test_what_the_architecture_names_stands_where_it_says() -> None:
    pairs = NAMED.findall((ROOT / "ARCHITECTURE.md").read_text())
    assert len(pairs) > 10, "the pattern finds what is there"
    assert [(path, name) for path, name in pairs if name not in names_in(ROOT / path)] == []


def names_in(path: Path) -> set[str]:
    """What a module defines: functions and classes, and a class's methods as `Class.method`."""
    body = ast.parse(path.read_text()).body
    found = {each.name: each for each in body if isinstance(each, DEFINITIONS)}
    methods = {
        f"{owner}.{each.name}"
        for owner, definition in found.items()
        for each in definition.body
        if isinstance(each, DEFINITIONS)
    }
    return {*found, *methods}


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_has_hashes_and_names_no_index(lock: str) -> None:
    lines = (ROOT / lock).read_text().splitlines()
    assert any("--hash=sha256:" in line for line in lines)
    assert not [line for line in lines if "://" in line]


def test_the_packages_that_badges_are_exchanged_with_have_exact_versions_and_hashes_and_name_no_registry() -> None:
    folder = ROOT / "tests" / "interop"
    named = json.loads((folder / "package.json").read_text())["dependencies"]
    packages = json.loads((folder / "package-lock.json").read_text())["packages"]
    locked = {name: package for name, package in packages.items() if name}
    assert [name for name, version in named.items() if locked[f"node_modules/{name}"]["version"] != version] == []
    assert [name for name, package in locked.items() if not package["integrity"].startswith("sha512-")] == []
    assert [name for name, package in locked.items() if "resolved" in package] == []


def test_the_go_modules_that_the_log_is_checked_with_have_exact_versions_and_hashes_and_name_no_proxy() -> None:
    folder = ROOT / "tests" / "interop_log"
    named = re.findall(r"^\t(\S+ v\S+)", (folder / "go.mod").read_text(), re.MULTILINE)
    hashed = (folder / "go.sum").read_text()
    assert len(named) > 3
    assert [module for module in named if f"{module} h1:" not in hashed] == []
    assert [name for name in ("go.mod", "go.sum") if "://" in (folder / name).read_text()] == []
