from __future__ import annotations

import gc
import io
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from rembg_plugins.core.content import BytesContent, EncodedContent, PathContent, share, spool
from rembg_plugins.core.errors import ValidationError
from rembg_plugins.core.limits import MAX_BYTES


def test_encoding_happens_once_however_many_ask():
    start, made = threading.Barrier(6), []

    def encode():
        made.append(1)
        return b"encoded"

    content = EncodedContent(encode)

    def read(_):
        start.wait()
        return content.open().read()

    assert made == []
    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(read, range(6))) == {b"encoded"}
    assert (made, content.length) == ([1], 7)


def test_a_failed_encoding_is_tried_again():
    answers = [b"second"]

    def encode():
        if len(answers) == 1:
            answers.append(b"")
            raise ValidationError
        return answers[0]

    content = EncodedContent(encode)
    with pytest.raises(ValidationError):
        content.open()
    assert content.open().read() == b"second"


def test_unbuffered_readers_take_no_more_than_they_are_asked_for(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(100))
    with PathContent(str(path), 100).open(buffered=False) as file:
        file.read(1)
        assert isinstance(file, io.RawIOBase)
    with share(io.BytesIO(bytes(100))).open(buffered=False) as file:
        assert isinstance(file, io.RawIOBase)


def test_readers_of_memory_are_independent():
    content = BytesContent(b"abc")
    first, second = content.open(), content.open()
    assert (first.read(1), second.read(2), first.read(1)) == (b"a", b"ab", b"b")


def test_the_copy_of_a_stream_lives_as_long_as_a_reader_of_it():
    content = spool(io.BytesIO(bytes(3_000_000)))
    reader = content.open()
    del content
    gc.collect()
    assert len(reader.read()) == 3_000_000
    del reader
    gc.collect()  # an unclosed temporary file would warn here


def test_a_stream_that_breaks_off_is_unreadable():
    class Breaking(io.RawIOBase):
        def read(self, _=-1):
            raise ConnectionResetError(104, "Connection reset by peer")

    with pytest.raises(ValidationError, match="Connection reset by peer"):
        spool(Breaking())


def test_a_file_that_breaks_while_it_is_measured_is_copied():
    class NoEnd(io.BytesIO):
        def seek(self, offset, whence=0):
            if whence == 2:
                raise ValueError(whence)
            return super().seek(offset, whence)

    file = NoEnd(b"abcdef")
    file.read(2)
    content = share(file)
    assert content.open().read() == b"abcdef"
    assert file.tell() == 2


def test_a_file_whose_seek_tells_nothing_is_measured_all_the_same():
    class Silent(io.BytesIO):
        def seek(self, offset, whence=0):
            super().seek(offset, whence)

    assert share(Silent(b"abc")).length == 3


def test_a_file_that_gives_more_than_asked_for_is_cut_to_measure():
    class Generous(io.BytesIO):
        def read(self, _=-1):
            return super().read()

    assert share(Generous(b"abcdef")).open(buffered=False).read(2) == b"ab"


def test_a_file_that_breaks_in_the_middle_of_it_is_unreadable():
    class Broken(io.BytesIO):
        def seek(self, offset, whence=0):
            if whence == 2:
                raise RuntimeError
            return super().seek(offset, whence)

    with pytest.raises(ValidationError, match="RuntimeError"):
        share(Broken(b"abc"))


def test_a_stream_too_long_is_refused_even_if_only_its_end_cannot_be_sought():
    class NoEnd(io.BytesIO):
        def seek(self, offset, whence=0):
            if whence == 2:
                raise ValueError(whence)
            return super().seek(offset, whence)

    file = NoEnd(bytes(MAX_BYTES + 1))
    with pytest.raises(ValidationError, match="50 MB"):
        share(file)
    assert file.tell() == 0
