"""What mirrors do wrong, and what fetching does then: a table to test by and to print.

`python -m tests.fetching.faults` prints it as it stands in the documentation.
"""

from dataclasses import dataclass

_NEXT = "the next mirror"
_AGAIN = "asked once more, then the next mirror"
_GO_ON = "gone on with from there, as long as that gets further"
_REFUSED = "refused before it is read; the next mirror"
_ANEW = "asked for all of it"
_TAKEN = "taken as it is"


@dataclass(frozen=True, slots=True)
class Fault:
    """One manner of the misbehaving server.

    `says`: what the error then says, a pattern; None where the file is had from this
    mirror nonetheless. `asked`: how many requests it gets, if `tries` is 2. `has_part`:
    777 right bytes are there already. `is_wrong_file`: it is a `DigestError`. `is_slow`:
    it is only told by waiting. `is_encrypted`: it is one of https.
    """

    manner: str
    words: str
    does: str
    says: str | None = None
    asked: int = 1
    has_part: bool = False
    is_wrong_file: bool = False
    is_slow: bool = False
    is_encrypted: bool = False


FAULTS = (
    Fault("refused", "refuses the connection", _NEXT, "connection refused", 0),
    Fault("reset", "resets the connection", _AGAIN, "connection reset by peer", 2),
    Fault("reset_midway", "resets it in the middle", _GO_ON, asked=6),
    Fault("silent", "accepts, and sends nothing for 30 s", _AGAIN,
          "nothing came for", 2, is_slow=True),
    Fault("stall", "stops in the middle for 30 s", f"{_GO_ON}; then the next mirror",
          "nothing came for", 3, is_slow=True),
    Fault("drip", "sends fewer than 100 bytes a second", _NEXT,
          "hardly anything comes", is_slow=True),
    Fault("short", "ends before the length it told", _GO_ON, asked=6),
    Fault("short.0", "ends before the first byte", _AGAIN, "broke off", 2),
    Fault("chunked_short", "ends a chunked transfer early, and knows no ranges",
          "all of it twice more, then the next mirror", "broke off", 3),
    Fault("closing_short", "tells no length, and ends early", "the same",
          "broke off", 3),
    Fault("chunked_less", "ends a chunked transfer early as if it were whole",
          "the same", "broke off", 3),
    Fault("wrong", "sends another file of the same size",
          "told by its hash; the next mirror", "another sha256: ", is_wrong_file=True),
    Fault("wrong_short", "the same, in pieces",
          "once more from the start, then the next mirror", "another sha256: ", 12,
          is_wrong_file=True),
    Fault("other_size", "tells another size", _REFUSED,
          "a file of .* bytes, not ", is_wrong_file=True),
    Fault("longer", "tells no size, and sends too much",
          "refused at the first byte too many; the next mirror",
          "more than .* bytes", is_wrong_file=True),
    Fault("endless", "never ends", "the same", "more than .* bytes",
          is_wrong_file=True),
    Fault("html", "sends an HTML page with status 200",
          "told by its first bytes, and no more is read; the next mirror",
          "an HTML or XML page", is_wrong_file=True),
    Fault("empty", "sends an empty file", _NEXT, "sends nothing", is_wrong_file=True),
    Fault("403", "answers 403", _NEXT, "HTTP 403"),
    Fault("404", "answers 404", _NEXT, "HTTP 404"),
    Fault("503", "answers 408, 425, 429, 500, 502, 503, 504", _AGAIN, "HTTP 503", 2),
    Fault("503_once", "answers 503 once", "asked once more", asked=2),
    Fault("odd_reason", "puts control characters and 9,000 letters into its status",
          "quoted without the ones and cut", r"HTTP 500 \?\[31mredx*\.\.\.", 2),
    Fault("garbage", "speaks another protocol", _AGAIN,
          "an answer that is none: 220 this is another protocol", 2),
    Fault("circle", "redirects in a circle", "ended after 8; the next mirror",
          "redirects in a circle", 9),
    Fault("moved", "redirects", "followed"),
    Fault("fat_redirect", "redirects with a body that never ends",
          "followed; the body is not read"),
    Fault("to_nowhere", "redirects to where nobody is", _NEXT, "connection refused"),
    Fault("to_ftp", "redirects to ftp", _REFUSED, "redirects from http to ftp"),
    Fault("to_no_address", "redirects to what is no address", _REFUSED,
          "redirects to a bad address"),
    Fault("elsewhere", "redirects from https to http", _REFUSED,
          "redirects from https to http", is_encrypted=True),
    Fault("short", "ends before the length it told, over https", _GO_ON, asked=6,
          is_encrypted=True),
    Fault("closing_short", "the same without a length, and knows no ranges",
          "all of it twice more, then the next mirror", "broke off", 3,
          is_encrypted=True),
    Fault("labelled", "calls the .gz file an encoding (Content-Encoding: gzip)",
          "stored as it lies there, not unpacked"),
    Fault("chunked", "tells no length", _TAKEN),
    Fault("closing", "tells no length, and closes", _TAKEN),
    Fault("huge_length", "tells a length of 5,000 digits", "not heeded"),
    Fault("unasked_range", "sends a part to who asked for all", _REFUSED,
          "asked for bytes from 0 on, sends 'bytes 0-2999/"),
    Fault("no_ranges", "ignores Range (200)", "taken from the start", has_part=True),
    Fault("bad_range", "sends another range than was asked for", _ANEW, None, 2, True),
    Fault("odd_total", "tells another size with the range", _ANEW, None, 2, True),
    Fault("fat_range", "sends more than the range it tells", _ANEW, None, 2, True),
    Fault("huge_range", "sends a Content-Range of 5,000 digits", _ANEW, None, 2, True),
    Fault("no_content_range", "does not tell which range it sends", _ANEW, None, 2,
          True),
    Fault("small_ranges", "sends less of the range than was asked for", _GO_ON, None,
          6, True),
    Fault("starred_range", "the same, and does not tell of how much", _GO_ON, None,
          6, True),
    Fault("never_satisfied", "answers 416", _ANEW, None, 2, True),
    Fault("wrong_rest", "goes on with other bytes",
          "told by the hash; once more from the start", None, 2, True),
    Fault("other_version", "has another version, and heeds Range but not If-Range",
          "the same", None, 2, True),
)  # fmt: skip


def as_table() -> str:
    lines = ["| The mirror | What is done |", "| --- | --- |"]
    lines += [f"| {fault.words} | {fault.does} |" for fault in FAULTS]
    return "\n".join(lines)


if __name__ == "__main__":
    print(as_table())
