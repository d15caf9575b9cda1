# SPDX-License-Identifier: Apache-2.0
"""What type checkers see is what there is: the stub against the built module, and mypy's word."""
import ast
import inspect
import os
import pathlib
import re
import subprocess

import pytest

import horus
from horus import _family, _horus
from running import BUILD, PYTHON, ROOT

# _horus.pyi and the parts of it.
STUB = [node for name in ("_horus.pyi", "_payloads.pyi")
        for node in ast.parse((BUILD / "python/horus" / name).read_text()).body]
SHARED = {}  # Members of the stub's own base classes, which the module does not have.


def is_private(name):
    return name.startswith("_") and not name.endswith("__")


def members_of(node):
    """Name -> definition of a class in the stub, with those of the stub's private bases."""
    members = {}
    for base in node.bases:
        members |= SHARED.get(ast.unparse(base), {})
    for item in node.body:
        if isinstance(item, (ast.FunctionDef, ast.ClassDef)):
            members[item.name] = item
        elif isinstance(item, ast.AnnAssign):
            members[item.target.id] = item
    return members


for _node in STUB:
    if isinstance(_node, ast.ClassDef) and _node.name.startswith("_"):
        SHARED[_node.name] = members_of(_node)

CLASSES = {node.name: node for node in STUB
           if isinstance(node, ast.ClassDef) and not node.name.startswith("_")}
FUNCTIONS = {node.name: node for node in STUB
             if isinstance(node, ast.FunctionDef) and not is_private(node.name)}
MEMBERS = [(name, member, definition) for name, node in CLASSES.items()
           for member, definition in members_of(node).items()]


def parameters(function):
    """(name, kind, default as text or None) of each parameter in the stub, self apart."""
    arguments = function.args
    positional = arguments.posonlyargs + arguments.args
    defaults = [None] * (len(positional) - len(arguments.defaults)) + arguments.defaults
    static = any(ast.unparse(decorator) == "staticmethod" for decorator in function.decorator_list)
    found = [(argument.arg, default) for argument, default in zip(positional, defaults)]
    found += [(arguments.vararg.arg, None)] if arguments.vararg else []
    found += list(zip([argument.arg for argument in arguments.kwonlyargs], arguments.kw_defaults))
    found += [(arguments.kwarg.arg, None)] if arguments.kwarg else []
    own = found if static or function in FUNCTIONS.values() else found[1:]
    return [(name, None if default is None else ast.literal_eval(default))
            for name, default in own]


def real_parameters(callable_object):
    """The same of the module; None where it does not say."""
    text = getattr(callable_object, "__text_signature__", None)
    if text is None and not inspect.isfunction(inspect.unwrap(callable_object)):
        return None
    signature = inspect.signature(callable_object)
    return [(parameter.name, None if parameter.default is parameter.empty else parameter.default)
            for parameter in signature.parameters.values() if parameter.name != "self"]


def test_the_stub_and_the_module_have_the_same_public_names():
    public = {name for name in dir(_horus) if not name.startswith("_")}
    assert set(CLASSES) | set(FUNCTIONS) == public - set(_family.ALSO_NATIVE)
    assert set(horus.__all__) >= public


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_has_every_member_that_the_stub_promises_and_no_other(name):
    inherited = set(dir(object)) | {"__module__", "__dict__", "__weakref__", "__hash__"}
    # Of every exception, and of pybind11's classes.
    inherited |= set(dir(Exception)) | {"_pybind11_conduit_v1_"}
    # Python 3.12 and later show the buffer of a class as a method.
    inherited |= {"__buffer__"}
    real = set(dir(getattr(_horus, name))) - inherited - {"__match_args__", "__array__"}
    promised = set(members_of(CLASSES[name])) - inherited - {"__match_args__", "__array__"}
    assert promised == real


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_takes_what_the_stub_says(name):
    function = getattr(_horus, name)
    real = real_parameters(function)
    if real is None:
        real = documented_parameters(function.__doc__.replace("(", "(self, ", 1))
    assert parameters(FUNCTIONS[name]) == real


@pytest.mark.parametrize("name, member, definition", [
    pytest.param(*entry, id=f"{entry[0]}.{entry[1]}") for entry in MEMBERS
    if isinstance(entry[2], ast.FunctionDef) and not entry[1].startswith("__")
    and "property" not in map(ast.unparse, entry[2].decorator_list)])
def test_a_method_takes_what_the_stub_says(name, member, definition):
    real = real_parameters(getattr(getattr(_horus, name), member))
    if real is None:
        real = documented_parameters(getattr(getattr(_horus, name), member).__doc__)
    expected = parameters(definition)
    if definition.args.posonlyargs:  # Their names are the stub's own affair.
        assert len(expected) == len(real)
    else:
        assert expected == real


def documented_parameters(doc):
    """Those of a method of pybind11's, whose first line of documentation is its signature."""
    return parameters(ast.parse(f"def {doc.splitlines()[0].split(' -> ')[0]}: ...").body[0])


@pytest.mark.parametrize("name", [name for name in CLASSES if not issubclass(
    getattr(_horus, name), Exception)])
def test_a_constructor_takes_what_the_stub_says(name):
    expected = parameters(members_of(CLASSES[name])["__init__"])
    real = getattr(_horus, name)
    found = real_parameters(real)
    if found is None and name == "Node":
        call = ast.parse("def " + " ".join(real.__doc__.split("\n\n")[0].split()) + ": ...").body[0]
        call.args.args.insert(0, ast.arg("self"))
        found = parameters(call)
    if found is None:
        found = documented_parameters(real.__init__.__doc__)
    assert expected == found


NUMBERS = "_Field[npt.NDArray[np.{}], npt.ArrayLike]"


@pytest.mark.parametrize("attribute, annotation", [
    ("CmdVel.linear", "float"), ("NavGoal.goal_id", "int"), ("MotorCommand.enable", "bool"),
    ("Odometry.frame_id", "str"), ("Odometry.pose", "_Field[Pose2D, Pose2D | dict[str, Any]]"),
    ("Imu.orientation", NUMBERS.format("float64")), ("LaserScan.ranges", NUMBERS.format("float32")),
    ("JointCommand.modes", NUMBERS.format("uint8")),
    ("JointState.names", "_Field[list[str], Sequence[str]]"),
    ("NavPath.waypoints", "_Field[list[Waypoint], Sequence[Waypoint | dict[str, Any]]]"),
    ("DiagnosticValue.value_type", "builtins.int")])
def test_an_attribute_of_a_message_has_the_type_that_it_gives_and_takes(attribute, annotation):
    name, member = attribute.split(".")
    assert ast.unparse(members_of(CLASSES[name])[member].annotation) == annotation


def mypy(*arguments, cwd):
    environment = os.environ | {"MYPYPATH": str(BUILD / "python"), "MYPY_CACHE_DIR": str(cwd)}
    done = subprocess.run([PYTHON, "-m", "mypy", "--strict", *arguments], cwd=cwd,
                          env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_mypy_finds_nothing_in_the_package(tmp_path):
    mypy("-p", "horus", cwd=tmp_path)


def readme_programs():
    for path in [ROOT / "README.md", *ROOT.glob("*/README.md"), *ROOT.glob("tests/**/README.md")]:
        yield from re.findall(r"^```python run\n(.*?)^```$", path.read_text(), re.M | re.S)


def test_mypy_finds_nothing_in_the_examples(tmp_path):
    programs = [*(path.read_text() for folder in ("python", "rover")
                  for path in sorted((ROOT / "tests/examples" / folder).glob("*.py"))),
                *readme_programs()]
    for number, program in enumerate(programs):
        pathlib.Path(tmp_path / f"program_{number}.py").write_text(program)
    # Examples are written as one writes a first program: without annotations of one's own.
    mypy("--allow-untyped-defs", "--allow-untyped-calls", "--scripts-are-modules",
         *(f"program_{number}.py" for number in range(len(programs))), cwd=tmp_path)
