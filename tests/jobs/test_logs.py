"""A job's log: read by offset, bounded in size, never in the way of the job."""

from pathlib import Path

import pytest

from jobs import logfiles
from jobs.log_reading import readable
from jobs.logfiles import JobLog


@pytest.fixture
def log(tmp_path: Path) -> JobLog:
    return JobLog(tmp_path / "log")


def test_a_log_that_was_never_written_is_empty(log):
    assert log.tail().text == ""
    assert log.read(after=5).next_offset == 5


def test_parts_join_to_the_whole(log):
    for number in range(1000):
        log.line(f"line {number} äöü 猫")
    text, after = "", 0
    while after < log.size():
        part = log.read(after=after, limit=777)
        text, after = text + part.text, part.next_offset
    assert text == "".join(f"line {number} äöü 猫\n" for number in range(1000))


def test_a_part_never_ends_inside_a_character(log):
    log.append("猫".encode() * 10)
    for limit in range(3, 12):
        assert set(log.read(limit=limit).text) == {"猫"}


def test_bytes_that_are_no_text_do_not_stop_the_reader(log):
    log.append(b"\xff\xfe\x80 broken \xe7\n")
    part = log.read()
    assert part.next_offset == log.size()
    assert "broken" in part.text


def test_the_oldest_text_goes_and_offsets_stay(log, monkeypatch):
    monkeypatch.setattr(logfiles, "SEGMENT_BYTES", 1000)
    monkeypatch.setattr(logfiles, "SEGMENTS_KEPT", 3)
    for number in range(1000):
        log.line(f"{number:09d}")
    assert log.size() == 10_000
    part = log.read(after=0)
    assert part.start >= 7000
    assert part.text.startswith(f"{part.start // 10:09d}\n")
    assert part.text.endswith("000000999\n")


def test_the_tail_starts_with_a_whole_line(log):
    for number in range(100):
        log.line(f"{number:09d}")
    assert log.tail(limit=105).text.splitlines() == [f"{number:09d}" for number in range(90, 100)]


def test_a_log_that_cannot_be_written_costs_lines_only(tmp_path):
    (tmp_path / "log").write_text("a file where the directory should be")
    JobLog(tmp_path / "log").line("lost")


def test_a_log_is_read_without_drawn_bars_and_quotes():
    drawn = (
        "--- attempt 1 of 3 ---\n"
        "\rLoading weights:   0%|          | 0/38 [00:00<?, ?it/s]"
        "\rLoading weights: 100%|██████████| 38/38 [00:00<00:00, 26274.90it/s]\n"
        "  5%|▌         | 3/60 [00:01<00:19,  2.9it/s]\n"
        "{'loss': '0.5965', 'grad_norm': 0.25, 'epoch': '2.304'}\n"
        "{'loss': {'a': 'b'}} fell by 30 %|\r\n"
    )
    assert readable(drawn) == (
        "--- attempt 1 of 3 ---\nLoading weights: 38/38\n3/60\n"
        "loss 0.5965, grad_norm 0.25, epoch 2.304\n{'loss': {'a': 'b'}} fell by 30 %|\n"
    )
