"""An export is the log, file for file: it can be audited, is gone on from, and nothing false comes into it."""

from pathlib import Path

import pytest

from shared.transparency.tiles import Bundle, Tile, bundles_of, parse_path, tiles_of, write_bundle
from tests.support.log_folders import LogFolder, some_entries
from tests.unit.cli.answering import Services


def export(answers: Services, log: LogFolder, folder: Path, *options: str) -> tuple[int, str]:
    done = answers.run("log", "export", str(folder), "--log", str(log.path), *options)
    return done.exit_code, done.stdout + done.stderr


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


@pytest.mark.parametrize("sizes", [(0,), (1,), (256,), (600,), (3, 255, 256, 300, 900)])
def test_an_export_has_every_file_of_the_log_and_no_other(
    answers: Services, tmp_path: Path, sizes: tuple[int, ...]
) -> None:
    log, folder, wanted = LogFolder(tmp_path / "log"), tmp_path / "export", {"checkpoint", "vkey"}
    for size in sizes:
        log.append(*some_entries(size)[log.size :])
        code, said = export(answers, log, folder)
        assert (code, f"{size} leaves" in said) == (0, True), said
        wanted |= {each.path for each in (*tiles_of(size), *bundles_of(size))}
        files = files_in(folder)
        assert files.keys() == wanted
        assert all(files[path] == (log.path / path).read_bytes() for path in files)
        assert answers.run("log", "audit", str(folder), "--vkey", log.vkey).exit_code == 0


def test_every_name_in_it_is_canonical(answers: Services, tmp_path: Path) -> None:
    export(answers, LogFolder(tmp_path / "log", some_entries(700)), tmp_path / "export")
    for path in files_in(tmp_path / "export").keys() - {"checkpoint", "vkey"}:
        assert parse_path(path).path == path


def test_a_second_export_reads_what_is_new_alone(answers: Services, tmp_path: Path) -> None:
    log = LogFolder(tmp_path / "log", some_entries(600))
    export(answers, log, tmp_path / "export")
    log.append(*some_entries(10, "more"))
    for old in (Bundle(0), Bundle(1), Tile(0, 0), Tile(0, 1)):
        (log.path / old.path).unlink()
    code, said = export(answers, log, tmp_path / "export")
    assert (code, "610 leaves" in said, "10 of them new" in said) == (0, True, True), said


def test_where_a_full_file_took_a_partial_ones_place_the_export_has_the_partial_one(
    answers: Services, tmp_path: Path
) -> None:
    log, longer = LogFolder(tmp_path / "log", some_entries(600)), LogFolder(tmp_path / "longer", some_entries(768))
    for partial, full in ((Bundle(2, 88), Bundle(2)), (Tile(0, 2, 88), Tile(0, 2))):
        (log.path / partial.path).unlink()
        log.write(full, (longer.path / full.path).read_bytes())
    code, said = export(answers, log, tmp_path / "export")
    assert code == 0, said
    wanted = {each.path for each in (*tiles_of(600), *bundles_of(600))}
    assert files_in(tmp_path / "export").keys() == wanted | {"checkpoint", "vkey"}


def test_nothing_false_comes_into_an_export(answers: Services, tmp_path: Path) -> None:
    log, folder = LogFolder(tmp_path / "log", some_entries(600)), tmp_path / "export"
    export(answers, log, folder)
    before = files_in(folder)
    log.append(*some_entries(300, "more"))
    log.write(Bundle(3, 132), write_bundle([b"other"] * 132))
    code, said = export(answers, log, folder)
    assert (code, "FOUND" in said) == (1, True)
    assert files_in(folder) == before
    log.write(Tile(0, 0), bytes(256 * 32))
    assert export(answers, log, folder)[0] == 1
    assert files_in(folder) == before, "what was there stays"
    log.entries[3] = bytes(32)
    log.publish()
    code, said = export(answers, log, folder)
    assert (code, "do not begin with the 600" in said) == (1, True), said
    assert files_in(folder) == before


def test_a_folder_that_is_another_logs_or_damaged_is_left_as_it_is(answers: Services, tmp_path: Path) -> None:
    log, folder = LogFolder(tmp_path / "log", some_entries(600)), tmp_path / "export"
    export(answers, LogFolder(tmp_path / "other", some_entries(5)), folder)
    before = files_in(folder)
    assert export(answers, log, folder)[0] == 1
    assert files_in(folder) == before
    (folder / Tile(0, 0, 5).path).write_bytes(bytes(160))
    code, said = export(answers, log, folder)
    assert (code, "holds no whole log" in said) == (2, True), said
