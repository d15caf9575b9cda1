# SPDX-License-Identifier: Apache-2.0
"""What holds for the methods of all message classes; each group has a file of its own."""
import copy
import enum
import inspect
import re
import types

import pytest

import horus

CLASSES = [cls for cls in map(vars(horus).get, horus.__all__)
           if isinstance(cls, type) and {"__match_args__", "from_bytes"} <= set(vars(cls))]
MEMBERS = [pytest.param(cls, member, id=f"{cls.__name__}.{name}") for cls in CLASSES
           for name, member in vars(cls).items()
           if isinstance(member, (types.FunctionType, staticmethod, property))]
each_member = pytest.mark.parametrize("cls, member", MEMBERS)
each_maker = pytest.mark.parametrize("cls, member", [
    case for case in MEMBERS if isinstance(case.values[1], staticmethod)])
ENUMS = [value for value in map(vars(horus).get, horus.__all__)
         if isinstance(value, type) and issubclass(value, enum.IntEnum)]


def empty(cls):
    return cls(*[0 for parameter in inspect.signature(cls).parameters.values()
                 if parameter.default is parameter.empty])


def name_of(member):
    return (member.fget if isinstance(member, property) else member).__name__


@each_member
def test_a_method_says_what_it_does(cls, member):
    assert member.__doc__ and member.__doc__.rstrip().endswith((".", '"'))


@pytest.mark.parametrize("cls, field", [
    pytest.param(cls, field, id=f"{cls.__name__}.{name}") for cls in CLASSES
    for name, field in vars(cls).items() if isinstance(field, types.GetSetDescriptorType)])
def test_a_field_says_what_it_means(cls, field):
    unit, meaning = re.fullmatch(r"(?:\[(.+?)\]: )?(.+)", field.__doc__).groups()
    assert meaning.endswith(".")
    name = field.__name__
    of_a_field = (f"\n{name} [{unit}]: " if unit else f"\n{name}: ") + meaning
    of_an_argument = hasattr(cls, re.match(r"\w*", meaning)[0])  # "pose.x [m]: ...": where it goes.
    of_a_message = meaning in type(getattr(empty(cls), name)).__doc__
    assert of_a_field in cls.__doc__ or of_an_argument or of_a_message


@each_maker
def test_what_makes_a_message_is_refused_on_one(cls, member):
    name = name_of(member)
    says = rf"{cls.__name__}.{name}\(\) makes a new object; call it on the class"
    with pytest.raises(AttributeError, match=says):
        getattr(empty(cls), name)
    assert callable(getattr(cls, name))


@each_maker
def test_what_makes_a_message_makes_one_of_its_class(cls, member):
    assert inspect.signature(member.__func__).return_annotation == cls.__name__


@pytest.mark.parametrize("chained, cls", [
    (lambda m: m.with_timeout(1).with_priority(2), horus.NavGoal),
    (lambda m: m.with_timeout(1), horus.ForceCommand),
    (lambda m: m.with_error("x"), horus.GoalResult),
    (lambda m: m.with_velocity(horus.Twist()).with_stop(), horus.Waypoint),
    (lambda m: m.with_speed(1), horus.ServoCommand),
    (lambda m: m.with_limits(1, 1), horus.PidConfig),
    (lambda m: m.with_source("x"), horus.EmergencyStop),
    (lambda m: m.with_component("x"), horus.DiagnosticStatus),
    (lambda m: m.with_class_id(1), horus.Detection),
    (lambda m: m.with_velocity(1, 2, 3), horus.Detection3D),
    (lambda m: m.with_distortion_model("plumb_bob"), horus.CameraInfo)])
def test_what_sets_a_part_gives_a_copy_that_chains(chained, cls):
    message = cls()
    before = copy.copy(message)
    changed = chained(message)
    assert message == before != changed and type(changed) is cls


@pytest.mark.parametrize("numbers", ENUMS)
def test_the_members_of_an_enumeration_are_what_a_field_gives(numbers):
    assert [int(member) for member in numbers] == list(range(len(numbers)))


def test_a_field_takes_and_equals_a_member():
    result = horus.GoalResult(1, horus.GoalStatus.TIMED_OUT)
    assert result.status == horus.GoalStatus.TIMED_OUT == 6
    assert horus.KeyboardInput(modifiers=horus.KeyModifier.CTRL | 4).modifier_flags == 5
