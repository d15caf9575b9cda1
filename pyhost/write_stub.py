#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes _horus.pyi: the stub that is written by hand, then every message class as it is built.

usage: write_stub.py FOLDER_OF_THE_PACKAGE STUB_BY_HAND OUTPUT

A message class has its fields from its declaration in C++ and its methods from horus/_methods;
both are read from the class itself, so neither is written a second time.
"""
from __future__ import annotations

import inspect
import pathlib
import re
import sys
import textwrap
import types

SCALARS = (bool, int, float, str)


def is_message(candidate: object) -> bool:
    return isinstance(candidate, type) and {"__match_args__", "from_bytes"} <= set(vars(candidate))


def sample_of(cls: type) -> object:
    """A message of which every list has an element, where the layout allows it."""
    parameters = inspect.signature(cls).parameters.values()
    empty = cls(*[0 for parameter in parameters if parameter.default is parameter.empty])
    try:
        return cls.from_bytes(b"\1" * memoryview(empty).nbytes)
    except (TypeError, ValueError):
        return empty


def settable(message: object, name: str) -> bool:
    try:
        setattr(message, name, getattr(message, name))
    except AttributeError:
        return False
    except ValueError:  # The sample's texts leave no room for their end.
        pass
    return True


def types_of(value: object) -> tuple[str, str]:
    """What an attribute of this value gives, and what it takes."""
    if isinstance(value, SCALARS):
        return type(value).__name__, type(value).__name__
    if isinstance(value, list):
        gives, takes = types_of(value[0])
        return f"list[{gives}]", f"Sequence[{takes}]"
    if is_message(type(value)):
        name = type(value).__name__
        return name, f"{name} | dict[str, Any]"
    return f"npt.NDArray[np.{value.dtype.name}]", "npt.ArrayLike"


class Class:
    """One message class, as lines of the stub."""

    def __init__(self, cls: type) -> None:
        self.cls = cls
        self.sample = sample_of(cls)
        members = vars(cls)
        self.fields = [name for name, member in members.items()
                       if isinstance(member, types.GetSetDescriptorType)]
        self.methods = {name: member for name, member in members.items()
                        if isinstance(member, (types.FunctionType, staticmethod, property))}

    def text(self) -> str:
        base = "_Varying" if hasattr(self.cls, "__bytes__") else "_Message"
        lines = ["@final", f"class {self.cls.__name__}({base}):"]
        lines += [f"    {line}" for line in self.field_lines()]
        lines.append(f"    def __init__({self.parameters()}) -> None: ...")
        for name, member in self.methods.items():
            lines += [f"    {line}" for line in self.method_lines(name, member)]
        return "\n".join(lines) + "\n"

    def plain(self, annotation: str) -> str:
        """The annotation, where a method of this class has the name of a builtin type."""
        for scalar in SCALARS:
            if scalar.__name__ in self.methods:
                annotation = re.sub(rf"(?<![\w.]){scalar.__name__}\b",
                                    f"builtins.{scalar.__name__}", annotation)
        return annotation

    def field_lines(self) -> list[str]:
        lines = []
        for name in self.fields:
            gives, takes = map(self.plain, types_of(getattr(self.sample, name)))
            if not settable(self.sample, name):
                lines += ["@property", f"def {name}(self) -> {gives}: ..."]
            elif gives == takes:
                lines.append(f"{name}: {gives}")
            else:
                lines.append(f"{name}: _Field[{gives}, {takes}]")
            if vars(self.cls)[name].__doc__:
                lines.append(f'"""{vars(self.cls)[name].__doc__}"""')
        return lines

    def parameters(self) -> str:
        found = ["self"]
        for name, parameter in inspect.signature(self.cls).parameters.items():
            takes = self.plain(types_of(getattr(self.sample, name))[1])
            if parameter.default is parameter.empty:
                found.append(f"{name}: {takes}")
            elif parameter.default is None:
                found.append(f"{name}: {takes} | None = None")
            else:
                default = repr(parameter.default).replace("inf", "1e999")  # A literal, as it must.
                found.append(f"{name}: {takes} = {default}")
        return ", ".join(found)

    def method_lines(self, name: str, member: object) -> list[str]:
        function = member
        lines = []
        if isinstance(member, property) and member.fset is not None:
            return [f"{name}: {inspect.signature(member.fget).return_annotation}",
                    f'"""{inspect.cleandoc(member.__doc__)}"""']
        if isinstance(member, property):
            lines.append("@property")
            function = member.fget
        elif isinstance(member, staticmethod):
            lines.append("@staticmethod")
            function = member.__func__
        signature = inspect.signature(function)
        parameters = [parameter.replace(annotation=parameter.empty) if at == "self" else parameter
                      for at, parameter in signature.parameters.items()]
        # Annotations are texts: every module of methods postpones their evaluation.
        text = re.sub(r": '(.*?)'(?=[,) ])", r": \1", str(signature.replace(
            parameters=parameters, return_annotation=signature.empty)))
        lines.append(f"def {name}{text} -> {signature.return_annotation}:")
        doc = textwrap.indent(f'"""{inspect.cleandoc(function.__doc__)}"""', "    ")
        lines += doc.splitlines()
        return lines


def main(folder: str, by_hand: str, output: str) -> None:
    sys.path.insert(0, folder)
    import horus

    classes = [cls for name, cls in sorted(vars(horus).items()) if is_message(cls)]
    parts = [pathlib.Path(by_hand).read_text(), *(Class(cls).text() for cls in classes)]
    pathlib.Path(output).write_text("\n".join(parts))


if __name__ == "__main__":
    main(*sys.argv[1:])
