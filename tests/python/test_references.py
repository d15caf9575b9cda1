# SPDX-License-Identifier: Apache-2.0
"""No entry of the module keeps, or gives away, a reference too many."""
import pytest

from snippet import prints

CALLS = 10_000

START = f"""
import copy, gc, sys
import numpy as np
import horus
odd = "\\udcff"
wheel = horus.message("Wheel", {{"speed": "f4", "name": "s16"}})
typed, values = horus.Topic(horus.CmdVel), horus.Topic("values")
images, tensors = horus.Topic(horus.Image), horus.Topic(horus.Tensor, endpoint="tensors")
order = horus.CmdVel(1.0, 0.5)
value = {{"a": [1, 2.5, "text", b"bytes", None, True], "b": {{"c": 1}}}}
pixels = np.zeros((8, 8, 3), dtype=np.uint8)
image, tensor = horus.Image.from_numpy(pixels), horus.Tensor.from_numpy(np.zeros((3, 4)))
node = horus.Node("arm", lambda n: None, pubs=["out"], subs=["out"])
scheduler = horus.Scheduler().add(horus.Node("idle", lambda n: None))
class Silent:
    def __str__(self): raise RuntimeError
    __repr__ = __str__
silent = Silent()
def refused(call, *arguments, **named):
    try:
        call(*arguments, **named)
    except Exception:
        return
    raise AssertionError(f"{{call}} took {{arguments}}")
def grown(call, calls={CALLS}):
    # The interpreter's caches grow once; whoever forgets a reference keeps it in every round.
    def once():
        before = count()
        for _ in range(calls):
            call()
        gc.collect()
        return [now - then for now, then in zip(count(), before)]
    gc.collect()
    return max((min(kept, key=abs) for kept in zip(once(), once(), once())), key=abs)
lasting = {{id(thing): thing for thing in gc.get_objects()}}
for thing in list(lasting.values()):
    lasting.update((id(inner), inner) for inner in gc.get_referents(thing))
lasting = list(lasting.values())
def count():
    # What is new has memory; of what was there before, None and classes among it, the references
    # count. sys.gettotalrefcount() of a debug build does not: it is wrong wherever an object is
    # used again, as messages are.
    return sys.getallocatedblocks(), sum(map(sys.getrefcount, lasting))
"""

ENTRIES = """
typed.send(order) and typed.recv()
values.send(value) and values.recv()
values.send(value) and values.recv_all()
typed.send(order) and typed.read_latest()
images.send(image) and images.recv()
tensors.send(tensor) and tensors.recv()
typed.has_msg(), typed.pending_count(), typed.stats(), typed.name, typed.is_generic, repr(typed)
typed.loan(2.0, 1.0)
refused(typed.loan)
refused(typed.send, "text")
refused(values.send, silent)
refused(values.send, {"deep": object()})
refused(values.send, odd)
refused(typed.wait, -1)
refused(horus.Topic, odd)
refused(horus.Topic, 5)
refused(horus.Topic, "a", policy="never")
node.send("out", value) and node.recv("out")
node.send(topic="out", data=1) and node.recv_all("out")
node.has_msg("out"), node.publishers(), node.subscribers(), node.name, node.rate, node.tick
refused(node.send, "out")
refused(node.send, odd, 1)
refused(node.recv, nothing=1)
horus.Node("a", print, pubs={"x": {"type": horus.CmdVel}}, subs=[horus.Twist, "y"], budget=1e-3)
refused(horus.Node, "a", print, rate=silent)
refused(horus.Node, "a", print, order=1000)
refused(horus.Node, "a", print, on_miss=odd)
refused(horus.Node, "a", print, pubs=[5])
horus.Scheduler().add(node)
scheduler.get_node_stats("idle"), scheduler.safety_stats(), scheduler.status()
refused(scheduler.get_node_stats, odd)
horus.CmdVel(1.0, angular=2.0), horus.Twist()
refused(horus.CmdVel, "fast")
refused(horus.CmdVel, wrong=1)
setattr(order, "linear", 2.0), order.linear, repr(order), order == order
refused(setattr, order, "linear", silent)
copy.copy(order), copy.deepcopy(order), bytes(order), horus.CmdVel.from_bytes(bytes(order))
refused(horus.CmdVel.from_bytes, b"short")
wheel(speed=1.0, name="left"), repr(wheel())
refused(wheel, name=odd)
refused(wheel, name="far too long a name")
np.asarray(image), image.height, image.encoding, repr(image), memoryview(image)
horus.Image.from_numpy(pixels)
refused(horus.Image.from_numpy, "text")
np.from_dlpack(tensor), np.asarray(tensor), tensor.shape, repr(tensor)
tensor + 1, tensor[1:], tensor == tensor
refused(horus.Tensor, (2, 3), odd)
horus.now(), horus.dt(), horus.tick(), horus.elapsed(), horus.rng_float(), horus.timestamp_ns()
""".strip().splitlines()


def test_ten_thousand_calls_keep_nothing():
    done = prints(START + "".join(f"print(grown(lambda: ({entry})))\n" for entry in ENTRIES))
    # Whoever forgets one reference a call keeps thousands.
    kept = [(entry, grown) for entry, grown in zip(ENTRIES, done, strict=True)
            if abs(int(grown)) > CALLS / 100]
    assert not kept


@pytest.mark.parametrize("kept", ["object()", "None", "horus.CmdVel"])
def test_the_count_sees_a_reference_that_is_kept(kept):
    done = prints(START + f"kept = []\nprint(grown(lambda: kept.append({kept})))")
    assert int(done[0]) > 0.9 * CALLS


def test_the_count_sees_a_reference_that_is_given_away():
    done = prints(START + "import ctypes\ngive = ctypes.pythonapi.Py_DecRef\n"
                  "give.argtypes = [ctypes.py_object]\n"
                  "held = [odd] * 100000\nprint(grown(lambda: give(odd)))\n"
                  "import os; sys.stdout.flush(); os._exit(0)")
    assert int(done[0]) < -0.9 * CALLS
