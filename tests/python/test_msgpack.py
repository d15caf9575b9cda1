# SPDX-License-Identifier: Apache-2.0
"""The MessagePack of topics against another implementation of it, in both directions.

The bytes are those of a topic's ring: what `send` wrote is found there, and what is to be received
is written over it.
"""
import glob
import itertools
import math
import os
import random
import struct

import msgpack
import numpy as np
import pytest

import horus

MARK = b"\x00horus-mark\xff"
_numbers = itertools.count()


class Wire:
    """A generic topic whose latest message can be read and replaced in its ring."""

    def __init__(self):
        name = f"wire{next(_numbers)}"
        self.topic = horus.Topic(dict, endpoint=name)
        self.topic.send(None)
        assert self.topic.wait(60) and self.topic.recv() is None
        (self.ring,) = glob.glob(f"{os.environ['HORUS_BASE']}/topics/*/{name}.*.ring")

    def place_of(self, size):
        """Where a message that is MARK and `size - len(MARK)` more bytes lies in the file."""
        filler = MARK + random.Random(next(_numbers)).randbytes(size)
        assert self.topic.send(filler)
        packed = msgpack.packb(filler)
        with open(self.ring, "rb") as file:
            at = file.read().rindex(packed)
        return at, len(packed)

    def encode(self, value):
        """The bytes that `value` is sent as."""
        self.topic.send(value)
        expected = msgpack.packb(value)
        with open(self.ring, "rb") as file:
            found = expected in file.read()
        self.topic.recv_all()
        return expected if found else None

    def decode(self, data):
        """What is received where `data` was sent."""
        # bin 8: two bytes of head; so the message's length is as wanted.
        at, length = self.place_of(max(len(data) - len(MARK) - (2 if len(data) < 258 else 3), 0))
        assert length >= len(data)
        padded = data + b"\xc0" * (length - len(data)) if length > len(data) else data
        with open(self.ring, "r+b") as file:
            file.seek(at)
            file.write(padded)
        return self.topic.recv()


@pytest.fixture(scope="module")
def wire():
    return Wire()


def random_value(random_, depth=0):
    kind = random_.randrange(7 if depth > 3 else 10)
    if kind == 0:
        return random_.choice([None, True, False])
    if kind <= 2:
        bits = random_.randrange(65)
        value = random_.getrandbits(bits) if bits else 0
        return -(value >> 1) if random_.random() < 0.5 else value
    if kind == 3:
        return random_.choice([0.0, 1.5, -math.inf, random_.gauss(0, 1e9), 5e-324])
    if kind <= 5:
        return "".join(random_.choices("abcäß€😀\0 ", k=random_.choice([0, 3, 31, 32, 70])))
    if kind == 6:
        return random_.randbytes(random_.choice([0, 1, 40, 300]))
    length = random_.choice([0, 1, 3, 15, 16])
    if kind <= 8:
        return [random_value(random_, depth + 1) for _ in range(length // (depth + 1))]
    return {random_.choice([str, int])(number): random_value(random_, depth + 1)
            for number in range(length // (depth + 1))}


def values(count):
    random_ = random.Random(20260101)
    found = 0
    while found < count:
        value = random_value(random_)
        if len(msgpack.packb(value)) <= 4000:
            found += 1
            yield value


def test_what_is_sent_is_the_shortest_messagepack(wire):
    for value in values(400):
        assert wire.encode(value) is not None, value


def test_what_another_library_packs_is_received_as_it_was(wire):
    for value in values(400):
        packed = msgpack.packb(value)
        if len(packed) >= 20:
            assert wire.decode(packed) == value


@pytest.mark.parametrize("packed, value", [
    (b"\xca" + struct.pack(">f", 1.5), 1.5), (b"\xd9\x01a", "a"), (b"\xda\x00\x01a", "a"),
    (b"\xdb\x00\x00\x00\x01a", "a"), (b"\xcf" + bytes(7) + b"\x05", 5), (b"\xd3" + b"\xff" * 8, -1),
    (b"\xdc\x00\x01\xc0", [None]), (b"\xdd\x00\x00\x00\x01\xc3", [True]),
    (b"\xde\x00\x01\xa1a\x01", {"a": 1}), (b"\xdf\x00\x00\x00\x01\xa1a\x01", {"a": 1}),
    (b"\xc5\x00\x01x", b"x"), (b"\xc6\x00\x00\x00\x01x", b"x")])
def test_longer_forms_than_needed_are_understood(wire, packed, value):
    assert wire.decode(inside(packed)) == [value, FILL]


FILL = "f" * 20


def inside(packed):
    """A message long enough to stand in the ring: [packed, FILL]."""
    return b"\x92" + packed + msgpack.packb(FILL)


def test_an_array_is_extension_1_with_dtype_dimensions_and_shape(wire):
    array = np.arange(6, dtype=np.uint16).reshape(2, 3)
    body = bytes([9, 2]) + struct.pack("<II", 2, 3) + array.tobytes()
    received = wire.decode(inside(msgpack.packb(msgpack.ExtType(1, body))))[0]
    np.testing.assert_array_equal(received, array)
    assert received.dtype == np.uint16


@pytest.mark.parametrize("body", [
    b"", b"\x09", b"\x09\x09", b"\x63\x00", b"\x09\x01", b"\x09\x01\x02\x00\x00\x00\x00",
    b"\x09\x02" + b"\xff" * 8, b"\x01\x08" + b"\xff" * 32, b"\x0d\x01\x01\x00\x00\x00\x00\x00",
    b"\x09\x01\x00\x00\x00\x00\x00",
    b"\x09\x03" + struct.pack("<III", 1 << 31, 1 << 31, 4)], ids=repr)  # 2**64 elements: 0.
def test_an_array_that_lies_about_itself_is_a_value_error(wire, body):
    with pytest.raises(ValueError):
        wire.decode(inside(msgpack.packb(msgpack.ExtType(1, body))))


@pytest.mark.parametrize("packed", [
    b"\xc1", msgpack.packb(msgpack.ExtType(5, b"x")),
    b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff",
    b"\xdb\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xa2\xff\xfe", b"\x91" * 70 + b"\xc0",
    b"\x81\x90\xc0", b"\xc9\xff\xff\xff\xff\x01"], ids=lambda p: p.hex()[:12])
def test_malformed_bytes_are_an_error_and_the_next_message_arrives(wire, packed):
    with pytest.raises((ValueError, TypeError)):
        wire.decode(inside(packed))
    wire.topic.recv_all()
    assert wire.topic.send("next") and wire.topic.recv() == "next"


def test_what_follows_a_message_is_an_error(wire):
    with pytest.raises(ValueError):
        wire.decode(inside(b"\x01") + b"\xc0")


def test_keys_that_differ_in_one_letter_are_two(wire):
    value = {f"a{letter}b_c": letter for letter in "xyz"}
    for _ in range(3):
        assert wire.decode(inside(msgpack.packb(value)))[0] == value


def test_cut_and_flipped_bytes_never_crash(wire):
    random_ = random.Random(7)
    for value in values(150):
        packed = bytearray(msgpack.packb([value, FILL]))
        for _ in range(4):
            cut = random_.randrange(20, len(packed)) if random_.random() < 0.5 else len(packed)
            broken = packed[:cut]
            for _ in range(random_.randrange(1, 4)):
                broken[random_.randrange(len(broken))] = random_.randrange(256)
            try:
                wire.decode(bytes(broken))
            except (ValueError, TypeError):
                pass
