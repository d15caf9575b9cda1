# SPDX-License-Identifier: Apache-2.0
"""Prints the public surface of whichever `horus` Python finds, and what helpers return, as JSON."""
import inspect
import json
import re
import sys
import types

import helpers

# Modules of others, and typing's names, that a package shows for having imported them.
FOREIGN = {"Any", "Callable", "Dict", "Iterable", "List", "Optional", "Union", "annotations",
           "asyncio", "enum", "time"}
# What a message or array has by protocol and a program relies on.
PROTOCOL = {"__len__", "__getitem__", "__setitem__", "__iter__", "__contains__", "__call__",
            "__enter__", "__exit__"}


def parameters(function):
    """Names of the arguments, self apart; None where neither signature nor doc say."""
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        doc = re.match(r"\w+\((.*?)\)(?: ->|\n|$)", function.__doc__ or "", re.S)
        if doc is None:
            return None
        names = re.findall(r"(?:^|,)\s*\*{0,2}(\w+)", doc[1])
    return [name for name in names if name != "self"]


def members(cls):
    return {name: parameters(getattr(cls, name)) if callable(getattr(cls, name, None)) else None
            for name in dir(cls)
            if name in PROTOCOL or not (name.startswith("_") or hasattr(str, name))}


def surface(module):
    found = {}
    for name in sorted(set(dir(module)) - FOREIGN):
        value = getattr(module, name)
        if name.startswith("_"):
            continue
        if isinstance(value, type):
            found[name] = {"parameters": parameters(value), "members": members(value)}
        elif isinstance(value, types.ModuleType):
            found[name] = {"parameters": None,
                           "members": {one: None for one in dir(value) if not one.startswith("_")}}
        else:
            found[name] = {"parameters": parameters(value) if callable(value) else None,
                           "members": {}}
    return found


def results(module, expressions):
    """What each expression gives, where it may use the words of helpers.py; the kind of an
    exception by its bases' names."""
    found = []
    for expression in expressions:
        try:
            value = eval(expression, {"horus": module, **helpers.WORDS})  # noqa: S307
            found.append(json.loads(json.dumps(helpers.plain(value))))
        except Exception as error:
            kinds = {kind.__name__ for kind in type(error).__mro__}
            found.append({"raises": sorted(kinds & {"IndexError", "OverflowError", "TypeError",
                                                    "ValueError", "RuntimeError", "KeyError"})})
    return found


if __name__ == "__main__":
    import horus
    import horus.perception

    print(json.dumps({"surface": surface(horus),
                      "results": results(horus, json.loads(sys.stdin.read()))}))
