"""What the misbehaving server does wrong, by name."""

import time

from tests.fetching.answering import CLOSED_PORT, DATE, Answering

HTML = b"<!DOCTYPE html><html><body>Please log in to this network</body></html>"
_STILL_S = 30


class Manners(Answering):
    """`do_<manner>`; what a manner is not about is done right."""

    def do_good(self) -> None:
        self.whole_or_rest()

    # Connections that end

    def do_short(self) -> None:
        """Each answer ends before its time."""
        self.whole_or_rest(self.cut)

    def do_short_once(self) -> None:
        self.whole_or_rest(self.cut if self.is_first() else None)

    def do_short_untagged(self) -> None:
        """The first answer ends before its time, and has neither tag nor date."""
        self.whole_or_rest(self.cut if self.is_first() else None, ETag="")

    def do_short_dated(self) -> None:
        stop = self.cut if self.is_first() else None
        self.whole_or_rest(stop, ETag="", Last_Modified=DATE)

    def do_short_odd_tag(self) -> None:
        stop = self.cut if self.is_first() else None
        self.whole_or_rest(stop, ETag='"a\x01b"')

    def do_reset(self) -> None:
        self.reset()

    def do_reset_midway(self) -> None:
        self.whole_or_rest(self.cut)
        self.reset()

    def do_chunked_short(self) -> None:
        self.begin(200, Transfer_Encoding="chunked")
        self.chunk(self.site.content[: self.cut])

    def do_chunked_less(self) -> None:
        """With a right end after too little."""
        self.begin(200, Transfer_Encoding="chunked")
        self.chunk(self.site.content[: self.cut])
        self.wfile.write(b"0\r\n\r\n")

    def do_closing_short(self) -> None:
        """Tells no length, and ends before its time."""
        self.begin(200)
        self.wfile.write(self.site.content[: self.cut])

    def do_silent(self) -> None:
        self.site.over.wait(_STILL_S)

    def do_stall(self) -> None:
        self.whole_or_rest(self.cut if self.asked.start is None else 0)
        self.wfile.flush()
        self.site.over.wait(_STILL_S)

    def do_drip(self) -> None:
        self.begin(200, Content_Length=str(len(self.site.content)))
        for number in range(len(self.site.content)):
            self.wfile.write(self.site.content[number : number + 1])
            self.wfile.flush()
            time.sleep(0.02)

    # Other files

    def do_wrong(self) -> None:
        content = bytearray(self.site.content)
        content[-9] ^= 1
        self.answer(bytes(content))

    def do_wrong_short(self) -> None:
        """Another file of the same size, by pieces."""
        right = self.site.content
        self.site.content = right[:50] + bytes(len(right) - 50)
        try:
            self.whole_or_rest(self.cut)
        finally:
            self.site.content = right

    def do_other_size(self) -> None:
        self.answer(self.site.content + b"\0" * 10)

    def do_longer(self) -> None:
        """More than there should be, and no length told."""
        self.begin(200)
        self.wfile.write(self.site.content * 50)

    def do_endless(self) -> None:
        self.begin(200, Transfer_Encoding="chunked")
        while not self.site.over.is_set():
            self.chunk(self.site.content)

    def do_html(self) -> None:
        self.answer(HTML, Content_Type="text/html")

    def do_empty(self) -> None:
        self.answer(b"")

    # Statuses

    def do_403(self) -> None:
        self.answer(HTML, 403)

    def do_404(self) -> None:
        self.answer(HTML, 404)

    def do_503(self) -> None:
        self.answer(b"", 503)

    def do_503_once(self) -> None:
        if self.is_first():
            self.answer(b"", 503)
        else:
            self.whole_or_rest()

    def do_odd_reason(self) -> None:
        self.wfile.write(b"HTTP/1.1 500 \x1b[31mred" + b"x" * 9000 + b"\r\n\r\n")

    def do_garbage(self) -> None:
        self.wfile.write(b"220 this is another protocol\r\n")

    # Ranges

    def do_no_ranges(self) -> None:
        self.answer(self.site.content)

    def do_no_ranges_short(self) -> None:
        self.answer(
            self.site.content[: self.cut], Content_Length=str(len(self.site.content))
        )

    def do_bad_range(self) -> None:
        self.only_rest(self.site.content, Content_Range="bytes 0-9/10")

    def do_odd_total(self) -> None:
        rest = self.site.content[self.asked.start or 0 :]
        self.only_rest(rest, Content_Range=self.told(size=len(self.site.content) + 1))

    def do_fat_range(self) -> None:
        rest = self.site.content[self.asked.start or 0 :]
        self.only_rest(rest + b"more", Content_Range=self.told())

    def do_shifted_range(self) -> None:
        """From ten bytes before on, and says so."""
        start = (self.asked.start or 10) - 10
        rest = self.site.content[start:]
        self.only_rest(rest, Content_Range=self.told(start))

    def told(self, start: int | None = None, *, size: int | None = None) -> str:
        """A Content-Range for the rest of the file."""
        end = len(self.site.content)
        start = self.asked.start if start is None else start
        return f"bytes {start}-{end - 1}/{size or end}"

    def do_starred_range(self) -> None:
        """Less than was asked for, and not of how much."""
        start = self.asked.start or 0
        body = self.site.content[start:][: self.cut]
        where = f"bytes {start}-{start + len(body) - 1}/*"
        self.only_rest(body, Content_Range=where)

    def do_huge_range(self) -> None:
        self.only_rest(b"", Content_Range=f"bytes 0-9/{'9' * 5000}")

    def do_no_content_range(self) -> None:
        self.only_rest(self.site.content[self.asked.start or 0 :])

    def do_unasked_range(self) -> None:
        """Part of the file to who asked for all of it."""
        size = len(self.site.content)
        body = self.site.content[: self.cut]
        self.answer(body, 206, Content_Range=f"bytes 0-{len(body) - 1}/{size}")

    def do_small_ranges(self) -> None:
        """No more at a time, which is allowed."""
        start, size = self.asked.start or 0, len(self.site.content)
        body = self.site.content[start:][: self.cut]
        where = f"bytes {start}-{start + len(body) - 1}/{size}"
        self.only_rest(body, Content_Range=where)

    def do_wrong_rest(self) -> None:
        rest = bytes(len(self.site.content) - (self.asked.start or 0))
        self.only_rest(rest, Content_Range=self.told())

    def do_other_version(self) -> None:
        """Heeds Range, but not If-Range."""
        rest = bytes(len(self.site.content) - (self.asked.start or 0))
        self.only_rest(rest, Content_Range=self.told(), ETag='"2"')

    def do_never_satisfied(self) -> None:
        if self.asked.start is None:
            self.answer(self.site.content)
        else:
            self.answer(b"", 416)

    def only_rest(self, body: bytes, **headers: str) -> None:
        """All of the file, or `body` to who asked for a range."""
        if self.asked.start is None:
            self.answer(self.site.content)
        else:
            self.answer(body, 206, **headers)

    # Redirects

    def do_moved(self) -> None:
        self.answer(b"", 301, Location="/good/file.gz")

    def do_circle(self) -> None:
        self.answer(b"", 302, Location="/circle/file.gz")

    def do_elsewhere(self) -> None:
        self.answer(b"", 307, Location=self.site.target)

    def do_to_nowhere(self) -> None:
        self.answer(b"", 302, Location=f"http://127.0.0.1:{CLOSED_PORT}/file.gz")

    def do_to_ftp(self) -> None:
        self.answer(b"", 302, Location="ftp://127.0.0.1/file.gz")

    def do_to_no_address(self) -> None:
        self.answer(b"", 302, Location="http://[::1/file.gz")

    def do_fat_redirect(self) -> None:
        """Its body never ends."""
        self.begin(302, Location="/good/file.gz", Content_Encoding="gzip")
        while not self.site.over.is_set():
            self.wfile.write(self.site.content)

    # Encodings and lengths

    def do_labelled(self) -> None:
        """Calls the .gz file an encoding of something else."""
        self.whole_or_rest(Content_Encoding="gzip")

    def do_chunked(self) -> None:
        self.begin(200, Transfer_Encoding="chunked")
        for start in range(0, len(self.site.content), 1000):
            self.chunk(self.site.content[start : start + 1000])
        self.wfile.write(b"0\r\n\r\n")

    def do_closing(self) -> None:
        """The end of the connection is the end of the file."""
        self.begin(200)
        self.wfile.write(self.site.content)

    def do_huge_length(self) -> None:
        self.begin(200, Content_Length="9" * 5000)
        self.wfile.write(self.site.content)
