# SPDX-License-Identifier: Apache-2.0
"""Every message against messages.txt: the C++ tables by the page made from them, the Python
classes by what they are."""
import copy
import inspect
import math
import pathlib
import pickle
import re

import numpy as np
import pytest

import horus
from running import ROOT

CONTRACT = (pathlib.Path(__file__).parent / "messages.txt").read_text()
LAYOUT = re.compile(r"^layout (\w+) (\d+)/(\d+) (\S+): (.*)$", re.M)
CLASS = re.compile(r"^class (\w+) \((.*?)\) \|(.*?)\|(.*)$", re.M)
LAYOUTS = {name: (int(size), int(align), topic.strip("-"), [
    (field, kind, int(offset))
    for field, kind, offset in re.findall(r"(\w+) ([\w\[\]]+) @(\d+)", fields)])
    for name, size, align, topic, fields in LAYOUT.findall(CONTRACT)}
VARYING = {name: (int(size), int(align), [
    (field, int(offset)) for field, offset in re.findall(r"(\w+) [\w\[\]]+ @(\d+)", fields)],
    dict(re.findall(r"(\w+) (\w+\[[\w*]+\])", tails)))
    for name, size, align, fields, tails in re.findall(
        r"^varying (\w+) (\d+)/(\d+): (.*) \+ (.*)$", CONTRACT, re.M)}
CLASSES = {name: arguments for name, arguments, _, _ in CLASS.findall(CONTRACT)}


def names_in(column):
    return re.findall(r"\w+", column)


ATTRIBUTES = [(name, attribute) for name, _, attributes, _ in CLASS.findall(CONTRACT)
              for attribute in names_in(attributes)]
METHODS = [(name, method) for name, _, _, methods in CLASS.findall(CONTRACT)
           for method in names_in(methods)]
NUMBERS = {"u8": "u1", "u16": "<u2", "u32": "<u4", "u64": "<u8", "i64": "<i8", "f32": "<f4",
           "f64": "<f8"}


def example(name):
    """A message of the class with its required arguments 0."""
    cls = getattr(horus, name)
    required = [parameter for parameter in inspect.signature(cls).parameters.values()
                if parameter.default is parameter.empty]
    return cls(*[0] * len(required))


def bytes_of(kind):
    element, *counts = re.findall(r"\w+", kind)
    size = np.dtype(NUMBERS[element]).itemsize if element in NUMBERS else LAYOUTS[element][0]
    return size * math.prod(map(int, counts))


def is_padding(field):
    return field.startswith("_pad")


def test_the_contract_is_read_whole():
    assert len(LAYOUTS) == 73 and len(CLASSES) == 75 and len(VARYING) == 4
    assert len(LAYOUTS) == CONTRACT.count("\nlayout ")
    assert len(CLASSES) == CONTRACT.count("\nclass ")
    assert set(CLASSES) <= set(LAYOUTS) | set(VARYING)


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_memory_of_a_message_is_as_the_contract_lays_it_out(name):
    size, _, _, fields = LAYOUTS[name]
    dtype = np.asarray(example(name)).dtype
    assert dtype.itemsize == size
    assert list(dtype.names) == [field for field, _, _ in fields if not is_padding(field)]
    for field, kind, offset in fields:
        if is_padding(field):
            continue
        found, at = dtype.fields[field][:2]
        assert (at, found.itemsize) == (offset, bytes_of(kind)), field
        element = re.match(r"\w+", kind)[0]
        if element in LAYOUTS:
            assert found.base == np.asarray(example(element)).dtype, field
        elif found.base.kind not in "bS":  # A flag, or text, of bytes.
            assert found.base == np.dtype(NUMBERS[element]), field
        else:
            assert element == "u8", field


PAGE = (ROOT / "shm/msg/README.md").read_text()


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_table_in_cpp_says_what_the_contract_says(name):
    size, align, topic, fields = LAYOUTS[name]
    section = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)[1]
    assert f"\n{size} bytes, alignment {align}" in section
    said = re.search(r", topic `(.*?)`", section)
    assert (said[1] if said else "") == topic
    rows = re.findall(r"^\| (\d+) \| (\w+) \|", section, re.M)
    assert [(field, offset) for offset, field in rows] == [
        (field, str(offset)) for field, _, offset in fields]


@pytest.mark.parametrize("name", VARYING)
def test_the_table_of_a_varying_message_says_what_the_contract_says(name):
    size, align, fields, tails = VARYING[name]
    section = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)[1]
    assert f"\n{size} bytes, alignment {align}, and arrays" in section
    rows = re.findall(r"^\| (\d+) \| (\w+) \|", section, re.M)
    assert [(field, int(offset)) for offset, field in rows] == fields
    assert dict(re.findall(r"^\| \| (\w+) \| `(.*?)` \|", section, re.M)) == {
        tail: kind.replace("[", "[*:") for tail, kind in tails.items()}
    message = example(name)
    for tail, kind in tails.items():
        dtype = {"i8": "i1", **NUMBERS}[kind[:kind.index("[")]]
        assert getattr(message, tail).dtype == np.dtype(dtype), tail


@pytest.mark.parametrize("name", CLASSES)
def test_a_constructor_takes_the_arguments_of_the_contract(name):
    scope = {"inf": math.inf, "CameraInfo": lambda: None, "OccupancyGrid": lambda: None}
    expected = inspect.signature(eval(f"lambda {CLASSES[name]}: 0", scope)).parameters
    found = inspect.signature(getattr(horus, name)).parameters
    assert list(found) == list(expected)
    for argument, parameter in expected.items():
        default = found[argument].default
        assert default == parameter.default and type(default) is type(parameter.default), argument


@pytest.mark.parametrize("name", CLASSES)
def test_every_argument_and_every_field_is_an_attribute(name):
    message = example(name)
    for argument, parameter in inspect.signature(type(message)).parameters.items():
        value = getattr(message, argument)
        if parameter.default is None or parameter.default is parameter.empty:
            continue
        if f"{argument} is when it was made" in type(message).__doc__:
            continue
        if isinstance(value, np.ndarray):
            value = bytes(value)
        assert type(value) is type(parameter.default)
        assert value == pytest.approx(parameter.default)  # Some are 32 bits wide.
    fields = LAYOUTS[name][3] if name in LAYOUTS else VARYING[name][2]
    for field, *_ in fields:
        assert is_padding(field) or hasattr(message, field)


@pytest.mark.parametrize("name, attribute", ATTRIBUTES)
def test_the_attributes_of_the_contract_are_there(name, attribute):
    assert hasattr(example(name), attribute)


@pytest.mark.parametrize("name, method", METHODS)
def test_the_methods_of_the_contract_are_there_and_documented(name, method):
    found = getattr(getattr(horus, name), method)
    assert callable(found) and found.__doc__


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_message_of_any_bytes_copies_pickles_compares_and_prints(name):
    cls = getattr(horus, name)
    message = cls.from_bytes(bytes(1 + i % 100 for i in range(LAYOUTS[name][0])))
    for twin in (copy.copy(message), copy.deepcopy(message), pickle.loads(pickle.dumps(message))):
        assert type(twin) is cls and twin == message and bytes(twin) == bytes(message)
    assert message != example(name)
    assert repr(message).startswith(f"{name}(")


def test_every_declaration_is_in_the_table_of_all_types():
    declared = set()
    for path in (ROOT / "shm/include/horus/msg").glob("*.hpp"):
        declared |= set(re.findall(r"type_info\(shm::Tag<(\w+)>\)", path.read_text()))
    assert set(re.findall(r"^## (\w+)$", PAGE, re.M)) == declared


def test_a_list_may_change_while_it_is_read():
    class Clears(float):
        def __float__(self):
            values.clear()
            return 1.5

        def __index__(self):
            values.clear()
            return 2

    class Number:
        __float__ = Clears.__float__
        __index__ = Clears.__index__

    values = [Number(), *(float(i) for i in range(1000, 1004))]
    assert list(horus.JointState(positions=values).positions) == [1.5, 1000, 1001, 1002, 1003]
    values = [Number(), *range(3, 5)]
    assert tuple(horus.Tensor.zeros(values).shape) == (2, 3, 4)
