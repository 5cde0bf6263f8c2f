"""Going on with what is there: on the same mirror, the next, and in the next process."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from idxdata import DigestError, FetchError
from idxdata.fetching import transfer
from idxdata.fetching.failures import Failure
from idxdata.fetching.remote import Remote
from tests.fetching.answering import DATE, Site
from tests.fetching.fetched import (
    NAME,
    PART,
    SIDECAR,
    SLOW_S,
    get,
    leave_a_part,
    remote,
    unknown,
)


@pytest.mark.parametrize("manner", ["short", "reset_midway"])
def test_the_same_mirror_as_long_as_it_gets_further(
    manner: str, site: Site, tmp_path: Path
) -> None:
    assert get(remote(site, manner), tmp_path) == site.content
    count = -(-len(site.content) // site.cut)
    assert site.starts == [None, *(site.cut * n for n in range(1, count))]
    assert all(asked.headers["if-range"] == site.etag for asked in site.requests[1:])


def test_small_steps_are_no_steps(site: Site, tmp_path: Path) -> None:
    """A byte at a time a mirror would be asked 16,000 times; 160 are a hundredth."""
    with pytest.raises(FetchError, match="broke off"):
        get(remote(site, "short.79"), tmp_path / "few", tries=2)
    assert len(site.requests) == 2
    # Small ones add up.
    site.requests.clear()
    assert get(remote(site, "short.79"), tmp_path / "many", tries=3) == site.content
    assert len(site.requests) == -(-len(site.content) // 79)


def test_how_often_is_said(site: Site, tmp_path: Path) -> None:
    with pytest.raises(FetchError):
        get(remote(site, "reset"), tmp_path, tries=5)
    assert site.manners == ["reset"] * 5


def test_the_next_mirror_goes_on(site: Site, tmp_path: Path) -> None:
    made = remote(site, "stall", "good", "good.1", "good.2")
    assert get(made, tmp_path, tries=1, timeout_s=SLOW_S) == site.content
    assert site.manners[-1].startswith("good")
    assert site.starts[-1] == site.cut
    # A tag of another address says nothing about this one.
    assert "if-range" not in site.requests[-1].headers


@pytest.mark.parametrize("between", ["html", "other_size", "404", "empty", "to_ftp"])
def test_what_is_there_outlives_mirrors_that_have_nothing(
    between: str, site: Site, tmp_path: Path
) -> None:
    """A login page is no reason to throw away what another mirror sent."""
    made = remote(site, between, "good")
    leave_a_part(site, tmp_path, made, site.content[:777])
    assert get(made, tmp_path) == site.content
    assert site.manners == [between, "good"]
    assert site.starts[-1] == 777


def test_what_is_there_outlives_what_is_too_long(site: Site, tmp_path: Path) -> None:
    made = remote(site, "longer")
    leave_a_part(site, tmp_path, made, site.content[:777])
    with pytest.raises(DigestError, match="more than"):
        get(made, tmp_path)
    # This server sent all anew, so that nothing is left of what was there.
    assert (tmp_path / PART).read_bytes() == b""
    assert get(remote(site, "good"), tmp_path) == site.content


def test_bytes_of_several_mirrors_that_do_not_fit(site: Site, tmp_path: Path) -> None:
    """The good mirror is asked again from the start: what came before was wrong."""
    with pytest.raises(FetchError, match="another sha256"):
        get(remote(site, "wrong_short.9000"), tmp_path / "alone")
    site.requests.clear()
    made = remote(site, "good")
    wrong = site.content[:50] + bytes(8950)
    leave_a_part(site, tmp_path / "both", made, wrong)
    assert get(made, tmp_path / "both") == site.content
    assert site.starts == [9000, None]


def test_a_mirror_that_is_wrong_in_pieces_ends(site: Site, tmp_path: Path) -> None:
    made = remote(site, "wrong_short", "good")
    assert get(made, tmp_path) == site.content
    pieces = -(-len(site.content) // site.cut)
    assert site.manners == ["wrong_short"] * 2 * pieces + ["good"]


def test_a_mirror_without_ranges_that_breaks_off(site: Site, tmp_path: Path) -> None:
    made = remote(site, "no_ranges_short", "good")
    assert get(made, tmp_path) == site.content
    assert site.manners == ["no_ranges_short"] * 3 + ["good"]
    assert site.starts[-1] == site.cut


# Parts that other processes left


def test_a_part_is_gone_on_with(site: Site, tmp_path: Path) -> None:
    made = remote(site, "good")
    leave_a_part(site, tmp_path, made, site.content[:777])
    assert get(made, tmp_path) == site.content
    assert site.starts == [777]
    assert site.requests[0].headers["if-range"] == site.etag


def test_a_part_that_is_whole_needs_no_mirror(site: Site, tmp_path: Path) -> None:
    made = remote(site, "refused")
    leave_a_part(site, tmp_path, made, site.content)
    assert get(made, tmp_path) == site.content


def test_a_part_that_is_whole_and_wrong(site: Site, tmp_path: Path) -> None:
    made = remote(site, "good")
    leave_a_part(site, tmp_path, made, site.content[:-1] + b"\xff")
    assert get(made, tmp_path) == site.content
    assert site.starts == [None]


def test_a_part_that_is_whole_of_a_size_that_nobody_published(
    site: Site, tmp_path: Path
) -> None:
    """The server says that it is whole (416), the hash that it is right."""
    made = remote(site, "good", nbytes=None)
    leave_a_part(site, tmp_path / "right", made, site.content)
    assert get(made, tmp_path / "right") == site.content
    assert site.starts == [len(site.content)]
    leave_a_part(site, tmp_path / "wrong", made, site.content[:-1] + b"\xff")
    assert get(made, tmp_path / "wrong") == site.content
    assert site.starts[1:] == [len(site.content), None]


def test_a_part_of_another_file_is_not_used(site: Site, tmp_path: Path) -> None:
    other = remote(site, "good", sha256="0" * 64)
    leave_a_part(site, tmp_path, other, site.content[:777])
    assert get(remote(site, "good"), tmp_path) == site.content
    assert site.starts == [None]


def test_a_part_of_another_version_is_not_used(site: Site, tmp_path: Path) -> None:
    """The server sends all of the file, as If-Range asks it to."""
    made = remote(site, "good")
    leave_a_part(site, tmp_path, made, b"\x1f\x8b" + bytes(700), validator='"0"')
    assert get(made, tmp_path) == site.content
    assert site.starts == [702]


@pytest.mark.parametrize("manner", ["good", "wrong_rest", "never_satisfied"])
def test_a_part_of_wrong_bytes_does_no_harm(
    manner: str, site: Site, tmp_path: Path
) -> None:
    made = remote(site, manner)
    leave_a_part(site, tmp_path, made, b"\x1f\x8b" + bytes(5000))
    assert get(made, tmp_path) == site.content
    assert site.starts == [5002, None]


def test_a_part_that_is_too_long(site: Site, tmp_path: Path) -> None:
    made = remote(site, "good")
    leave_a_part(site, tmp_path, made, site.content + b"more")
    assert get(made, tmp_path) == site.content
    assert site.starts == [None]


def test_a_part_that_is_too_long_of_a_size_that_nobody_published(
    site: Site, tmp_path: Path
) -> None:
    """416; what is then asked for anew may break off, and is gone on with as ever."""
    made = remote(site, "short.6000", nbytes=None)
    leave_a_part(site, tmp_path, made, site.content + b"more")
    assert get(made, tmp_path, tries=3) == site.content
    assert site.starts == [len(site.content) + 4, None, 6000, 12000]


def test_the_origin_of_a_part_is_its_last_mirror(site: Site, tmp_path: Path) -> None:
    made = remote(site, "404", "short.79")
    leave_a_part(site, tmp_path, made, site.content[:777])
    with pytest.raises(FetchError):
        get(made, tmp_path)
    assert (tmp_path / PART).stat().st_size == 777 + 2 * 79
    assert json.loads((tmp_path / SIDECAR).read_bytes()) == {
        "key": made.key,
        "url": site.url("short.79"),
        "validator": site.etag,
    }


@pytest.mark.parametrize("sidecar", [b"", b"{}", b"[1]", b'{"key": 1}', b"\xff", None])
def test_a_sidecar_of_any_content(
    sidecar: bytes | None, site: Site, tmp_path: Path
) -> None:
    made = remote(site, "good")
    leave_a_part(site, tmp_path, made, site.content[:777], validator=5)
    if sidecar is None:
        (tmp_path / SIDECAR).unlink()
    elif sidecar:
        (tmp_path / SIDECAR).write_bytes(sidecar)
    assert get(made, tmp_path) == site.content
    assert site.starts == [None]


@pytest.mark.parametrize("validator", ["a\nb", "\u2603", "", None])
def test_a_validator_that_cannot_be_asked_with(
    validator: object, site: Site, tmp_path: Path
) -> None:
    made = remote(site, "good")
    leave_a_part(site, tmp_path, made, site.content[:777], validator=validator)
    assert get(made, tmp_path) == site.content
    assert site.starts == [777]
    assert "if-range" not in site.requests[0].headers


# What vouches for the bytes that are there


def test_a_date_does_where_there_is_a_hash(site: Site, tmp_path: Path) -> None:
    assert get(remote(site, "short_dated"), tmp_path) == site.content
    assert site.starts == [None, site.cut]
    assert site.requests[1].headers["if-range"] == DATE


def test_a_tag_that_cannot_be_sent_back_is_none(site: Site, tmp_path: Path) -> None:
    assert get(remote(site, "short_odd_tag"), tmp_path) == site.content
    assert "if-range" not in site.requests[1].headers


def test_without_a_hash_only_the_same_version_is_gone_on_with(
    site: Site, tmp_path: Path
) -> None:
    made = unknown(site, "short_once")
    assert get(made, tmp_path / "same") == site.content
    assert site.starts == [None, site.cut]
    # Changed since: the server sends all of it, and all of it is taken.
    leave_a_part(site, tmp_path / "changed", made, b"\x1f\x8b" + bytes(2000))
    site.etag = '"2"'
    assert get(made, tmp_path / "changed") == site.content


@pytest.mark.parametrize(
    "manner", ["other_version", "shifted_range", "fat_range", "starred_range"]
)
def test_without_a_hash_servers_are_not_believed_to_send_what_is_asked_for(
    manner: str, site: Site, tmp_path: Path
) -> None:
    made = unknown(site, manner)
    leave_a_part(site, tmp_path, made, site.content[:777])
    assert get(made, tmp_path) == site.content
    assert site.starts == [777, None]


@pytest.mark.parametrize(
    ("told", "length", "expected"),
    [
        ("bytes 5-9/10", "5", (5, 10, 10)),
        (" bytes 5-9/10 ", None, (5, 10, 10)),
        ("bytes 5-7/10", "3", (5, 8, 10)),
        ("bytes 5-9/*", "5", (5, 10, None)),
        ("bytes 4-9/10", "6", None),
        ("bytes 6-9/10", "4", None),
        ("bytes 5-10/10", "6", None),
        ("bytes 5-4/10", "0", None),
        ("bytes 5-9/11", "5", None),
        ("bytes 5-9/10", "4", None),
        ("bytes 5-9/10", "6", None),
        ("bytes */10", "5", None),
        ("bytes 5-/10", "5", None),
        ("bytes -5-9/10", "5", None),
        ("items 5-9/10", "5", None),
        ("bytes 5-9/" + "9" * 19, "5", None),
        ("bytes \u0665-9/10", "5", None),
        ("", "5", None),
    ],
)
def test_ranges_that_are_believed(
    told: str, length: str | None, expected: tuple[int, int, int | None] | None
) -> None:
    headers = {"Content-Range": told} | ({"Content-Length": length} if length else {})
    response = SimpleNamespace(headers=headers)
    made = Remote(NAME, (), nbytes=10)
    if expected is None:
        with pytest.raises(Failure, match="asked for bytes from 5 on") as caught:
            transfer._part_told(response, made, 5)
        assert caught.value.cannot_resume
    else:
        span = transfer._part_told(response, made, 5)
        assert (span.start, span.stop, span.total) == expected


def test_chunks_go_before_a_length() -> None:
    """As RFC 9112 has it (6.3)."""
    headers = {"Content-Length": "5", "Transfer-Encoding": "Chunked"}
    assert transfer._length_told(SimpleNamespace(headers=headers)) is None


@pytest.mark.parametrize("manner", ["short_untagged", "short_dated", "short_odd_tag"])
def test_without_hash_and_strong_tag_nothing_is_gone_on_with(
    manner: str, site: Site, tmp_path: Path
) -> None:
    assert get(unknown(site, manner), tmp_path) == site.content
    assert site.starts == [None, None]


def test_a_weak_tag_is_none(site: Site, tmp_path: Path) -> None:
    site.etag = 'W/"1"'
    assert get(unknown(site, "short_once"), tmp_path) == site.content
    assert site.starts == [None, None]


def test_without_a_hash_another_mirror_starts_anew(site: Site, tmp_path: Path) -> None:
    made = unknown(site, "short.2000", "good")
    made = replace(made, urls=(site.url("short.2000"), site.url("good")))
    assert get(made, tmp_path, tries=1) == site.content
    assert site.manners == ["short.2000", "good"]
    assert site.starts == [None, None]


def test_without_a_hash_a_whole_part_is_not_believed(
    site: Site, tmp_path: Path
) -> None:
    """416 comes without a tag: who knows of which version."""
    made = unknown(site, "good")
    leave_a_part(site, tmp_path, made, b"\x1f\x8b" + bytes(len(site.content) - 2))
    assert get(made, tmp_path) == site.content
    assert site.starts == [len(site.content), None]


@pytest.mark.parametrize("manner", ["unasked_range", "closing_short"])
def test_without_hash_and_size_an_end_must_be_told(
    manner: str, site: Site, tmp_path: Path
) -> None:
    """Else a file that is cut short would be taken for whole."""
    with pytest.raises(FetchError, match=r"asked for bytes from 0|may be cut short"):
        get(unknown(site, manner), tmp_path)
