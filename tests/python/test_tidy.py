# SPDX-License-Identifier: Apache-2.0
"""The rules of the tree refuse what they are there to refuse."""
import importlib.util
import pathlib

import pytest

_PATH = pathlib.Path(__file__).resolve().parent.parent / "tidy.py"
_SPEC = importlib.util.spec_from_file_location("tidy", _PATH)
tidy = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(tidy)


@pytest.mark.parametrize("name, line", [
    ("rt/executor.cpp", '#include "shm/ring.hpp"'),
    ("rt/base/seqlock.hpp", '#include "rt/budget.hpp"'),
    ("rt/include/horus/node.hpp", '#include "rt/budget.hpp"'),
    ("rt/include/horus/node.hpp", "#include <horus/topic.hpp>"),
    ("rt/executor.cpp", "#include <horus/topic.hpp>"),
    ("shm/include/horus/topic.hpp", '#include "rt/base/tick_stats.hpp"'),
    ("shm/include/horus/topic.hpp", "#include <boost/version.hpp>"),
    ("shm/ring.cpp", "#include <horus/plugin.hpp>"),
    ("shm/ring.cpp", "#include <horus/nowhere.hpp>"),
    ("shm/ring.cpp", '#include "rt/executor.hpp"'),
    ("service/daemon.cpp", '#include "pyhost/gil.hpp"'),
    ("tools/cli/main.cpp", "#include <systemd/sd-daemon.h>"),
    ("service/wire/codec.cpp", '#include "shm/ring.hpp"'),
    ("pyhost/module.cpp", '#include "message_types.hpp"'),
])
def test_an_include_against_the_floors_is_refused(name, line):
    assert list(tidy.check_includes(name, [line]))


@pytest.mark.parametrize("name, line", [
    ("rt/executor.cpp", '#include "rt/base/seqlock.hpp"'),
    ("rt/executor.cpp", "#include <horus/time.hpp>"),
    ("rt/include/horus/node.hpp", "#include <horus/time.hpp>"),
    ("shm/include/horus/topic.hpp", "#include <horus/result.hpp>"),
    ("service/node_loader.cpp", "#include <horus/plugin.hpp>"),
    ("service/daemon.cpp", '#include "service/wire/varlink.hpp"'),
    ("pyhost/module.cpp", "#include <pybind11/pybind11.h>"),
    ("tests/rt/release_test.cpp", '#include "rt/release.hpp"'),
])
def test_an_include_along_the_floors_passes(name, line):
    assert not list(tidy.check_includes(name, [line]))


@pytest.mark.parametrize("name, line", [
    ("pyhost/cpython/gil.cpp", '#include "pyhost/message/type.hpp"'),
    ("pyhost/topic/port_calls.cpp", '#include "pyhost/node/py_node.hpp"'),
    ("pyhost/node/bind_node.cpp", '#include "pyhost/run/run.hpp"'),
    ("pyhost/run/run.cpp", '#include "pyhost/module.hpp"'),
    ("pyhost/gil.hpp", "#pragma once"),
])
def test_an_include_against_the_rooms_is_refused(name, line):
    assert list(tidy.check_rooms(name, [line]))


@pytest.mark.parametrize("name, line", [
    ("pyhost/module.cpp", '#include "pyhost/run/run.hpp"'),
    ("pyhost/run/run.cpp", '#include "pyhost/cpython/gil.hpp"'),
    ("pyhost/topic/port.cpp", '#include "pyhost/topic/port.hpp"'),
    ("pyhost/node/py_node.cpp", '#include "rt/group_hook.hpp"'),
    ("tests/pyhost/gil_arbiter_test.cpp", '#include "pyhost/cpython/gil_arbiter.hpp"'),
])
def test_an_include_along_the_rooms_passes(name, line):
    assert not list(tidy.check_rooms(name, [line]))


@pytest.mark.parametrize("line", [
    "std::mutex mutex_;", "throw 1;", "std::function<void()> f;", "std::cout << 1;",
    "std::this_thread::sleep_for(1ms);", "std::atomic_thread_fence(order);"])
def test_banned_names_are_refused_on_the_real_time_path(line):
    assert list(tidy.check_banned("rt/executor.cpp", [line]))
    assert not list(tidy.check_banned("service/daemon.cpp", [line]))


def test_a_long_file_a_long_line_and_a_missing_licence_are_refused():
    assert list(tidy.check_shape("rt/a.cpp", ["// SPDX-License-Identifier: Apache-2.0"] * 601))
    assert list(tidy.check_shape("rt/a.cpp", ["// SPDX-License-Identifier: Apache-2.0", "x" * 101]))
    assert list(tidy.check_shape("rt/a.cpp", ["int x;"]))



def test_a_public_header_too_many_is_refused():
    headers = [tidy.ROOT / f"shm/include/horus/{number}.hpp" for number in range(21)]
    assert not list(tidy.check_public(headers[1:]))
    assert [path for path, *_ in tidy.check_public(headers)] == headers[20:]
