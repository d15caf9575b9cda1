# SPDX-License-Identifier: Apache-2.0
"""Message types that a program defines: layouts, kinds, errors, and that they are as built-in."""
import copy
import os
import pickle
import struct
import subprocess
from typing import Annotated

import numpy as np
import pytest

import horus
from horus import _horus
from running import BUILD, PYTHON

ENVIRONMENT = os.environ | {"PYTHONPATH": str(BUILD / "python")}
Wheel = horus.message("Wheel", {"speed": "f4", "slip": "f4[4]"})


@horus.message
class Gripper:
    """What a gripper holds."""

    name: "s16"
    place: horus.Point3
    forces: "f8[8:used]"
    used: "u1"
    closed: bool = True
    width: float = 0.25
    serial: int = -1

    def total(self):
        """Newtons."""
        return float(self.forces.sum())

    @staticmethod
    def opened():
        return Gripper(closed=False)

    @property
    def known(self):
        return self.serial >= 0


EXAMPLES = [Wheel(1.5, [1, 2, 3, 4]), Gripper("left", horus.Point3(1, 2, 3), [1.0, 2.0])]
each_example = pytest.mark.parametrize("message", EXAMPLES, ids=lambda m: type(m).__name__)


@horus.message
class BigEndian:
    a: "u4"
    b: "u4"

    def __bytes__(self):
        return struct.pack(">II", self.a, self.b)


def test_bytes_of_a_class_s_own_are_for_its_user_and_not_for_copies():
    message = BigEndian(1, 2)
    assert bytes(message) == b"\0\0\0\1\0\0\0\2"
    for twin in (copy.copy(message), pickle.loads(pickle.dumps(message))):
        assert twin == message


def test_the_schema_of_a_message_is_its_layout_in_c():
    assert _horus._schema(Wheel) == "Wheel{speed:f32@0;slip:f32[4]@4}20/4"
    assert _horus._schema("Gripper") == (
        "Gripper{name:s16@0;place:Point3{x:f64@0;y:f64@8;z:f64@16}24/8@16;"
        "forces:f64[8:used]@40;used:u8@104;closed:bool@105;width:f64@112;serial:i64@120}128/8")
    assert struct.unpack("<5f", EXAMPLES[0]) == (1.5, 1, 2, 3, 4)


@pytest.mark.parametrize("kind, native", [
    ("i1", "b"), ("i2", "h"), ("i4", "i"), ("i8", "q"), ("u1", "B"), ("u2", "H"), ("u4", "I"),
    ("u8", "Q"), ("f4", "f"), ("f8", "d"), ("bool", "?"), (float, "d"), (int, "q"), (bool, "?")])
def test_a_number_lies_where_a_c_compiler_puts_it(kind, native):
    name = f"Padded{native if native.islower() else 'U' + native.lower()}".replace("?", "Flag")
    made = horus.message(name, [("first", "u1"), ("number", kind), ("last", "u1")])
    message = made(1, True if native == "?" else 1, 2)
    assert len(bytes(message)) == struct.calcsize(f"@B{native}B0{native}")
    assert struct.unpack_from(f"@B{native}B", bytes(message)) == (1, 1, 2)


@each_example
def test_copies_are_equal_and_independent(message):
    for twin in (copy.copy(message), copy.deepcopy(message), pickle.loads(pickle.dumps(message)),
                 type(message).from_bytes(bytes(message))):
        assert twin == message and type(twin) is type(message)
    changed = copy.copy(message)
    record = np.asarray(changed)
    record[record.dtype.names[-1]] = 77
    assert changed != message


@each_example
def test_a_message_can_be_read_back_from_its_repr(message):
    assert eval(repr(message), {"Wheel": Wheel, "Gripper": Gripper, **vars(horus)}) == message


def test_defaults_are_zero_or_what_the_class_says():
    assert Wheel() == Wheel(speed=0, slip=[0, 0, 0, 0])
    gripper = Gripper()
    assert (gripper.name, gripper.closed, gripper.width, gripper.serial) == ("", True, 0.25, -1)
    assert gripper.forces.size == 0 and gripper.place == horus.Point3()


def test_a_nested_message_has_its_own_defaults():
    made = horus.message("Pair", {"turn": horus.Quaternion, "grippers": "Gripper[2]"})()
    assert made.turn == horus.Quaternion() and made.turn.w == 1.0
    assert made.grippers == [Gripper(), Gripper()]


def test_kinds_can_be_written_for_type_checkers():
    class Noted:
        speed: Annotated[float, "f4"] = 2.0
        names: Annotated[list[str], "s8[2]"]
        wheel: "Wheel"
        wheels: "Wheel[2]"

    made = horus.message(Noted)
    wheel = _horus._schema(Wheel)
    assert _horus._schema(made) == (
        f"Noted{{speed:f32@0;names:s8[2]@4;wheel:{wheel}@20;wheels:{wheel}[2]@40}}80/4")
    assert made(names=["a"]).names == ["a", ""] and made().speed == 2.0


def test_arrays_and_nested_messages_are_views():
    wheel, gripper = Wheel(), Gripper(forces=[1.0, 2.0])
    wheel.slip[2] = 5
    assert wheel.slip.tolist() == [0, 0, 5, 0]
    gripper.place.y = 4.0
    assert gripper.place == horus.Point3(0, 4.0, 0) and gripper.used == 2


def test_methods_of_the_class_are_the_messages_own():
    assert EXAMPLES[1].total() == 3.0 and not EXAMPLES[1].known
    assert Gripper.opened().closed is False
    assert Gripper.__doc__ == "What a gripper holds."
    assert (Gripper.__module__, Gripper.__qualname__) == (__name__, "Gripper")


def test_a_message_of_ones_own_travels():
    topic = horus.Topic(Wheel, endpoint="own.wheel")
    assert topic.send(EXAMPLES[0]) and topic.send({"speed": 2.0})
    assert topic.wait(5)
    assert topic.recv() == EXAMPLES[0] and topic.recv() == Wheel(2.0)
    with pytest.raises(TypeError, match="carries Wheel, not Gripper"):
        topic.send(EXAMPLES[1])


def test_two_programs_with_the_same_definition_share_a_topic():
    topic = horus.Topic(Wheel, endpoint="own.shared")
    program = ("import horus\n"
               "Wheel = horus.message('Wheel', {{'speed': '{}', 'slip': 'f4[4]'}})\n"
               "topic = horus.Topic(Wheel, endpoint='own.shared')\n"
               "topic.send(Wheel(3.0))\n"
               "input()\n")  # What a publisher sent goes with it: it stays until it is told.
    pipe = subprocess.PIPE
    with subprocess.Popen([PYTHON, "-c", program.format("f4")], env=ENVIRONMENT, stdin=pipe,
                          text=True) as publisher:
        assert topic.wait(30) and topic.recv() == Wheel(3.0)
        publisher.communicate("\n")
    assert publisher.returncode == 0
    other = subprocess.run([PYTHON, "-c", program.format("f8")], env=ENVIRONMENT, input="\n",
                           capture_output=True, text=True)
    assert "carries Wheel, asked for Wheel of another layout" in other.stderr


def test_the_same_definition_is_the_same_class():
    assert horus.message("Wheel", [("speed", "f4"), ("slip", "f4[4]")]) is Wheel
    assert horus.message("Point3", {"x": "f8", "y": "f8", "z": float}) is horus.Point3


@pytest.mark.parametrize("name, fields, says", [
    ("Wheel", {"speed": "f8"}, "Wheel has another definition in this program: Wheel{speed:f32@0"),
    ("Point3", {"x": "f4"}, "Point3 has another definition"),
    ("Image", {"x": "f4"}, "may not be named Image"),
    ("generic", {"x": "f4"}, "may not be named generic"),
    ("no name", {"x": "f4"}, "message: 'no name' is no name"),
    ("Bad", {}, "Bad: a message has at least one field"),
    ("Bad", {"x": "f3"}, "Bad.x: 'f3' is no kind of field"),
    ("Bad", {"x": "f4[0]"}, r"Bad.x: 'f4\[0\]' is no kind of field"),
    ("Bad", {"x": "s1"}, "Bad.x: a text has at least 2 bytes"),
    ("Bad", {"x": dict}, "Bad.x: <class 'dict'> is no kind of field"),
    ("Bad", {"x": 3}, "Bad.x: 3 is no kind of field"),
    ("Bad", {"x y": "f4"}, "Bad.x y: 'x y' is no name"),
    ("Bad", {"ä": "f4"}, "Bad.ä: 'ä' is no name"),
    ("Bad", {3: "f4"}, "Bad.3: 3 is no name"),
    ("Bad", {"from_bytes": "f4"}, "Bad.from_bytes: every message has this name"),
    ("Bad", [("x", "f4"), ("x", "f4")], "Bad.x: there is such a field already"),
    ("Bad", {"x": "f4[4:n]"}, "field x"),
    ("Bad", {"x": "u1", "y": "u1[4194304]"}, "Bad.y: a message has at most 64 fields and 4194304"),
    ("Bad", {f"f{i}": "u1" for i in range(65)}, "Bad.f64: a message has at most 64 fields"),
])
def test_what_is_no_definition_is_a_value_error_that_names_the_field(name, fields, says):
    with pytest.raises(ValueError, match=says):
        horus.message(name, fields)


def test_a_class_that_is_no_definition_is_refused():
    with pytest.raises(ValueError, match="NoKind.x: a field needs an annotation"):
        horus.message(type("NoKind", (), {"x": 3.0}))
    with pytest.raises(ValueError, match="Unknown.x: .*colour.* is no kind of field"):
        horus.message(type("Unknown", (), {"__annotations__": {"x": "colour.Red"},
                                           "__module__": __name__}))
    with pytest.raises(ValueError, match="Own.__init__: a message has its own"):
        horus.message(type("Own", (), {"__annotations__": {"x": "f4"},
                                       "__init__": lambda self: None}))
    with pytest.raises(TypeError, match="may have no base class"):
        horus.message(type("Sub", (dict,), {"__annotations__": {"x": "f4"}}))
    with pytest.raises(TypeError, match="Late.x must be a number, not str"):
        horus.message(type("Late", (), {"__annotations__": {"x": "f4"}, "x": "soon"}))


def test_a_program_has_a_limited_number_of_message_classes():
    program = ("import horus\n"
               "for i in range(300): horus.message(f'Made{i}', {'x': 'f4'})\n")
    done = subprocess.run([PYTHON, "-c", program], env=ENVIRONMENT, capture_output=True,
                          text=True)
    assert "ValueError: message Made" in done.stderr
    assert "a program has at most 256 message classes" in done.stderr


def test_an_array_without_a_count_is_given_whole():
    topic = horus.Topic(Wheel, endpoint="own/whole")
    for give in (lambda: Wheel(1.0, [1, 2]), lambda: topic.send({"speed": 1.0, "slip": (1, 2)}),
                 lambda: Wheel(slip=np.ones(2)), lambda: setattr(Wheel(), "slip", [1, 2])):
        with pytest.raises(ValueError, match="Wheel.slip: 2 values, it takes 4"):
            give()
