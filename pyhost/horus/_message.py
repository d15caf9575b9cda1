# SPDX-License-Identifier: Apache-2.0
"""Message types that a program defines itself."""
from __future__ import annotations

import inspect
import re
import sys
import types
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, get_origin, overload

from . import _horus

# Kind -> (what a schema calls it, bytes).
_NUMBERS = {
    "i1": ("i8", 1), "i2": ("i16", 2), "i4": ("i32", 4), "i8": ("i64", 8),
    "u1": ("u8", 1), "u2": ("u16", 2), "u4": ("u32", 4), "u8": ("u64", 8),
    "f4": ("f32", 4), "f8": ("f64", 8), "bool": ("bool", 1),
}
_PLAIN = {"float": "f8", "int": "i8"}
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_KIND = re.compile(r"(?P<element>\w+)(\[(?P<count>[1-9][0-9]{0,7})(:(?P<by>\w+))?\])?")
_MAX_FIELDS = 64
_MAX_SIZE = 1 << 22

Kind = str | type[Any]
# Any: a checker joins the kinds of a dict to object.
_Fields = Mapping[str, Any] | Iterable[tuple[str, Any]]


def _check_name(place: str, name: object) -> None:
    if not isinstance(name, str) or not _IDENTIFIER.fullmatch(name):
        raise ValueError(f"{place}: {name!r} is no name of 1 to 63 letters, digits and _")


def _end_of(schema: str) -> tuple[str, int, int]:
    size, align = schema[schema.rindex("}") + 1:].split("/")
    return schema, int(size), int(align)


def _element(place: str, kind: str | type[Any]) -> tuple[str, int, int]:
    """(schema, bytes, alignment) of one element."""
    if isinstance(kind, type):
        kind = _PLAIN.get(kind.__name__, kind.__name__) if kind in (float, int, bool) else kind
    if isinstance(kind, str) and kind in _NUMBERS:
        number, size = _NUMBERS[kind]
        return number, size, size
    if isinstance(kind, str) and re.fullmatch(r"s[1-9][0-9]{0,6}", kind):
        size = int(kind[1:])
        if size < 2:
            raise ValueError(f"{place}: a text has at least 2 bytes, one of them its end")
        return kind, size, 1
    schema = _horus._schema(kind)
    if schema is None:
        raise ValueError(f"{place}: {kind!r} is no kind of field: use {', '.join(_NUMBERS)}, s32 "
                         "(text of 31 bytes) or a message class, with [4] behind it for an array")
    return _end_of(schema)


def _row(place: str, kind: Kind) -> tuple[str, int, int]:
    """(schema without offset, bytes, alignment) of a field."""
    if not isinstance(kind, str):
        return _element(place, kind)
    match = _KIND.fullmatch(kind)
    if match is None:
        return _element(place, kind)
    schema, size, align = _element(place, match["element"])
    if match["count"] is None:
        return schema, size, align
    by = f":{match['by']}" if match["by"] else ""
    return f"{schema}[{match['count']}{by}]", size * int(match["count"]), align


def _schema_of(name: str, fields: Iterable[tuple[str, Kind]]) -> str:
    """The schema of a struct with these fields, laid out as C does."""
    rows: dict[str, str] = {}
    end, widest = 0, 1
    for field, kind in fields:
        place = f"{name}.{field}"
        _check_name(place, field)
        if field in rows:
            raise ValueError(f"{place}: there is such a field already")
        if field.startswith("__") or field == "from_bytes":
            raise ValueError(f"{place}: every message has this name already")
        schema, size, align = _row(place, kind)
        offset = -(-end // align) * align
        end, widest = offset + size, max(widest, align)
        if end > _MAX_SIZE or len(rows) == _MAX_FIELDS:
            raise ValueError(f"{place}: a message has at most {_MAX_FIELDS} fields and "
                             f"{_MAX_SIZE} bytes")
        rows[field] = f"{field}:{schema}@{offset}"
    if not rows:
        raise ValueError(f"{name}: a message has at least one field")
    return f"{name}{{{';'.join(rows.values())}}}{-(-end // widest) * widest}/{widest}"


def _evaluated(place: str, text: str, scope: dict[str, Any]) -> Kind:
    try:
        kind: Kind = eval(text, scope)  # The module's own text.
    except (NameError, AttributeError, SyntaxError, TypeError) as error:
        raise ValueError(f"{place}: {text!r} is no kind of field: {error}") from error
    return kind


def _annotated(cls: type[Any]) -> dict[str, Kind]:
    """The kinds of a class's fields; postponed annotations are their text."""
    scope = vars(sys.modules[cls.__module__])
    kinds: dict[str, Kind] = {}
    for field, kind in inspect.get_annotations(cls).items():
        if isinstance(kind, str):
            kind = kind.strip("'\"")
            match = _KIND.fullmatch(kind)
            named = match is not None and (match["count"] or match["element"] in _NUMBERS)
            if not named and (match is None or kind in scope):
                kind = _evaluated(f"{cls.__name__}.{field}", kind, scope)
            kind = _PLAIN.get(kind, kind) if isinstance(kind, str) else kind
        kinds[field] = kind.__metadata__[0] if get_origin(kind) is Annotated else kind
    return kinds


def _from_class(cls: type[Any]) -> type[Any]:
    if cls.__bases__ != (object,):
        raise TypeError(f"message {cls.__name__} may have no base class")
    kinds = _annotated(cls)
    methods = {}
    for name, value in vars(cls).items():
        if isinstance(value, (types.FunctionType, staticmethod, classmethod, property)):
            if name in ("__init__", "__new__", "__del__", "__eq__", "__hash__"):
                raise ValueError(f"{cls.__name__}.{name}: a message has its own")
            methods[name] = value
        elif name not in kinds and not name.startswith("__"):
            raise ValueError(f"{cls.__name__}.{name}: a field needs an annotation")
    defaults = {field: vars(cls)[field] for field in kinds if field in vars(cls)}
    made = _define(cls.__name__, kinds.items(), cls.__module__, defaults)
    made.__qualname__ = cls.__qualname__
    if cls.__doc__:
        made.__doc__ = cls.__doc__
    for name, value in methods.items():
        setattr(made, name, value)
    return made


def _define(name: str, fields: Iterable[tuple[str, Kind]], module: str,
            defaults: dict[str, Any]) -> type[Any]:
    _check_name("message", name)
    return _horus._define_message(_schema_of(name, fields), module, defaults)


@overload
def message(definition: str, fields: _Fields) -> type[Any]: ...
@overload
def message(definition: type[Any]) -> type[Any]: ...
def message(definition: str | type[Any], fields: _Fields | None = None) -> type[Any]:
    """Defines a message type with a fixed layout, as a C struct with the same fields has it.

    `message("Wheel", {"speed": "f4", "slip": "f4[4]"})`, or as a decorator of a class whose
    annotated names are the fields, in order, with their defaults:

        @horus.message
        class Wheel:
            speed: "f4"
            slip: "f4[4]"
            enabled: bool = True

    Kinds: i1 to i8, u1 to u8, f4 and f8 (bytes), bool, float (f8), int (i8), s32 (text of at most
    31 bytes), a message class or its name; "f4[4]" an array, "f4[4:used]" one of which the field
    `used` says how many are in use. Annotated[float, "f4"] is "f4" that type checkers understand.

    The same definition, here or in C++, is the same type; a second, different one under one name
    is a ValueError, as is what is no kind, no name, there twice, or too large.
    """
    if isinstance(definition, type):
        return _from_class(definition)
    if fields is None:
        raise TypeError("message() needs the fields: {'speed': 'f4'}")
    pairs = fields.items() if isinstance(fields, Mapping) else fields
    module = sys._getframe(1).f_globals.get("__name__", "__main__")
    return _define(definition, pairs, module, {})
