# SPDX-License-Identifier: Apache-2.0
"""What was sent is others': its sender cannot change it any more."""
from __future__ import annotations

import contextlib
import gc
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import horus
from snippet import prints

WAYS = {
    "fill": lambda image: image.fill(9),
    "copy_from": lambda image: image.copy_from(np.full((4, 6, 3), 9, np.uint8)),
    "set_pixel": lambda image: image.set_pixel(0, 0, 9),
    "item": lambda image: image.__setitem__((0, 0), 9),
    "to_numpy": lambda image: image.to_numpy().__setitem__((0, 0), 9),
    "roi": lambda image: image.roi(0, 0, 1, 1).__setitem__(..., 9),
    "buffer": lambda image: memoryview(image).cast("B").__setitem__(0, 9),
    "dlpack": lambda image: np.from_dlpack(image),
    "tensor": lambda image: image.as_tensor().fill(9),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_write_after_the_send_changes_the_next_frame_only(way: str) -> None:
    topic = horus.Topic("camera", msg_type=horus.Image)
    image = horus.Image(4, 6)
    image.fill(1)
    assert topic.send(image)
    held = topic.recv()
    WAYS[way](image)
    assert (held.to_numpy() == 1).all()
    assert topic.send(image)
    again = topic.recv()
    assert (held.to_numpy() == 1).all()
    assert (again.to_numpy() == image.to_numpy()).all()


EXPORTS = {
    "array": lambda image: image.to_numpy(),
    "slice": lambda image: image.to_numpy()[1:],
    "buffer": lambda image: np.asarray(memoryview(image)),
    "interface": lambda image: np.asarray(image),
    "frombuffer": lambda image: np.frombuffer(image, np.uint8).reshape(4, 6, 3),
    "roi": lambda image: image.roi(0, 0, 6, 4),
    "tensor": lambda image: image.as_tensor().numpy(),
    "slice of a tensor": lambda image: image.as_tensor()[1:].numpy(),
}


@pytest.mark.parametrize("export", EXPORTS)
def test_a_view_that_is_kept_keeps_its_own_block(export: str) -> None:
    topic = horus.Topic("camera", msg_type=horus.Image)
    image = horus.Image(4, 6)
    image.fill(1)
    view = EXPORTS[export](image)
    assert topic.send(image)
    assert topic.stats()["copied"] == 1
    view[...] = 9
    assert (topic.recv().to_numpy() == 1).all()
    assert image.pixel(0, 3) == [9, 9, 9], "the view is still one of the image"
    del view
    gc.collect()
    assert topic.send(image)
    assert topic.stats()["copied"] == 1, "without a view the block itself is sent"


def test_an_array_interface_is_never_trusted_again() -> None:
    topic = horus.Topic("camera", msg_type=horus.Image)
    image = horus.Image(4, 6)
    address = image.__array_interface__["data"][0]
    assert address != 0
    assert topic.send(image)
    assert topic.stats()["copied"] == 1


def test_an_array_made_over_an_image_keeps_its_own_block() -> None:
    topic = horus.Topic("camera", msg_type=horus.Image)
    image = horus.Image(4, 6)
    image.fill(1)
    view: np.ndarray[Any, Any] = np.ndarray((4, 6, 3), np.uint8, image)
    assert topic.send(image)
    assert topic.stats()["copied"] == 1
    view[...] = 9
    assert (topic.recv().to_numpy() == 1).all()


def test_a_file_that_is_read_into_an_image_leaves_no_view_behind(tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(bytes([7]) * 72)
    topic = horus.Topic("camera", msg_type=horus.Image)
    image = horus.Image(4, 6)
    with open(tmp_path / "raw", "rb", buffering=0) as raw:
        assert raw.readinto(image) == 72
    assert topic.send(image)
    assert topic.stats()["copied"] == 0
    assert (topic.recv().to_numpy() == 7).all()


def test_a_frame_sent_twice_unchanged_is_one_block() -> None:
    topic = horus.Topic("camera", msg_type=horus.Image)
    image = horus.Image(4, 6)
    image.fill(5)
    for _ in range(3):
        assert topic.send(image)
        image.timestamp_ns += 1
    frames = topic.recv_all()
    assert [frame.timestamp_ns for frame in frames] == [0, 1, 2]
    assert len({frame.__array_interface__["data"][0] for frame in frames}) == 1
    assert topic.stats()["copied"] == 0


def test_one_image_filled_and_sent_for_ever_changes_no_frame_that_is_held() -> None:
    topic = horus.Topic("camera", msg_type=horus.Image)
    image = horus.Image(48, 64)
    held = []
    for n in range(1000):
        image.fill(n % 251)
        assert topic.send(image), n
        held.append((n % 251, topic.recv()))
        held = held[-6:]
        for value, frame in held:
            assert (frame.to_numpy() == value).all()


def test_two_blocks_turn_between_topics_that_keep_up() -> None:
    out, back = (horus.Topic("camera", msg_type=horus.Image) for _ in range(2))
    assert back.recv() is None
    image = horus.Image(48, 64)
    places = set()
    for n in range(40):
        image.fill(n)
        assert out.send(image)
        frame = back.recv()
        assert frame is not None
        assert frame.pixel(0, 0)[0] == n
        places.add(frame.__array_interface__["data"][0])
    assert len(places) == 2


def test_a_loan_whose_view_is_kept_is_copied() -> None:
    topic = horus.Topic("t", msg_type=horus.Tensor)
    tensor = topic.loan((4,))
    view = tensor.numpy()
    view[:] = 1
    assert topic.send(tensor)
    view[:] = 9
    assert topic.recv().tolist() == [1, 1, 1, 1]


MAKERS = {
    "image": (horus.Image, lambda size: horus.Image(1 + size // 3000, 1000)),
    "cloud": (horus.PointCloud, lambda size: horus.PointCloud(size // 12)),
    "depth": (horus.DepthImage, lambda size: horus.DepthImage(1 + size // 4000, 1000)),
    "tensor": (horus.Tensor, lambda size: horus.Tensor.empty((size // 4,))),
}
SENDS = 10_000
ORDERS = {
    "growing": lambda n, _: n * 150,
    "shrinking": lambda n, _: (SENDS - n) * 150,
    "random": lambda _, source: source.randrange(1_500_000),
}


def size_of_pools() -> int:
    size = 0
    for pool in Path(os.environ["HORUS_BASE"], "pools").glob("*.pool"):
        # It may be removed just now: that is what pools are bounded by.
        with contextlib.suppress(FileNotFoundError):
            size += pool.stat().st_size
    return size


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", MAKERS)
def test_payloads_of_any_size_never_fail(kind: str, order: str) -> None:
    python, make = MAKERS[kind]
    topic = horus.Topic(f"{kind}/{order}", msg_type=python)
    source = random.Random(3)
    held = []
    most = 0
    for n in range(SENDS):
        assert topic.send(make(ORDERS[order](n, source))), n
        frame = topic.recv()
        if frame is not None:
            held = [*held, frame][-5:]
        if n % 500 == 0:
            most = max(most, size_of_pools())
    assert len(held) == 5
    assert 0 < most < 256 << 20


def test_a_declared_size_is_reserved_at_once_and_no_room_is_an_error() -> None:
    topic = horus.Topic("camera", msg_type=horus.Image, capacity=2, size=(48, 64, "rgb8"))
    assert topic.send(horus.Image(48, 64))
    with pytest.raises((MemoryError, OSError)):
        horus.Topic("huge", msg_type=horus.Tensor, capacity=4096, size=1 << 30)
    for wrong in ("big", (48, 64), (48, 64, "rgb9"), (0, 64, "rgb8"), 0, -1):
        with pytest.raises((TypeError, ValueError)):
            horus.Topic("wrong", msg_type=horus.Image, size=wrong)
    assert horus.Pub("camera", horus.Image, size=100).size == 100


@pytest.mark.parametrize("wrong", ["x", [1, 2, 3], None])
def test_a_fill_that_fails_changes_nothing_of_what_was_sent(wrong: Any) -> None:
    topic = horus.Topic("camera", msg_type=horus.Image)
    image = horus.Image(2, 2, "mono8")
    image.fill(7)
    assert topic.send(image)
    another = horus.Image(2, 2, "mono8")
    another.fill(9)
    del another  # Its block is the next to be taken.
    with pytest.raises((TypeError, ValueError)):
        image.fill(wrong)
    assert image.to_numpy().tolist() == [[7, 7], [7, 7]]


def test_an_arrays_base_is_copied_while_the_array_lives():
    topic, reader = horus.Topic("base"), horus.Topic("base")
    reader.recv()

    def frame() -> np.ndarray[Any, Any]:
        return horus.Image(4, 4, "mono8").to_numpy()

    array = frame()
    array[:] = 1
    topic.send(array.base)
    assert reader.wait(60)
    got = reader.recv()
    array[:] = 99
    assert (got.to_numpy() == 1).all() and topic.stats()["copied"] == 1


def test_a_frame_may_be_released_while_another_thread_copies_it():
    assert prints("""
        import threading, horus
        for _ in range(20):
            image = horus.Image(1000, 1000, "mono8")
            kept = []
            begun = threading.Event()
            def copy():
                try:
                    while len(kept) < 30:
                        kept.append(image.copy())
                        begun.set()
                except horus.HorusError:
                    pass  # It was released.
            threading.Thread(target=copy).start()
            begun.wait()
            image.release()
        print("ok")
    """) == ["ok"]
