# SPDX-License-Identifier: Apache-2.0
"""What an installation below another prefix than the packages' puts where."""
import concurrent.futures
import os
import re
import subprocess
import sys
import textwrap

import pytest

from running import BUILD, files_below, run

CACHE = (BUILD / "CMakeCache.txt").read_text() if (BUILD / "CMakeCache.txt").exists() else ""
PREFIX = "".join(re.findall(r"^CMAKE_INSTALL_PREFIX:PATH=(.*)$", CACHE, re.M))

VERSION = "".join(re.findall(r"^CMAKE_PROJECT_VERSION:STATIC=(.*)$", CACHE, re.M))

pytestmark = pytest.mark.skipif(PREFIX in ("", "/usr"), reason="no build for another prefix")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed")
    environment = dict(os.environ) | {"DESTDIR": str(folder)}
    done = run(["cmake", "--install", str(BUILD)], environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_nothing_is_installed_outside_of_the_prefix(installed):
    inside = f"{installed}{PREFIX}/"
    files = files_below(installed)
    assert [file for file in files if not file.startswith(inside)] == []
    names = {file.removeprefix(inside) for file in files}
    folder = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/dist-packages/horus"
    for name in ("bin/horusctl", "sbin/horusd", "etc/horus/horus.toml", f"{folder}/__init__.py",
                 "lib/systemd/system/horus.service", "include/horus/recording.hpp",
                 "include/horus/msg/sensors.hpp", "lib/libhorus-recording.so",
                 "lib/systemd/system/horus-recorder.service", "lib/udev/rules.d/60-horus.rules",
                 "lib/sysusers.d/horus.conf", "lib/tmpfiles.d/horus.conf"):
        assert name in names, sorted(names)
    unit = (installed / PREFIX[1:] / "lib/systemd/system/horus.service").read_text()
    assert f"{PREFIX}/sbin/horusd --config {PREFIX}/etc/horus" in unit


def test_what_is_installed_there_finds_its_library(installed):
    shown = subprocess.run(["readelf", "-d", f"{installed}{PREFIX}/sbin/horusd"],
                           capture_output=True, text=True, check=True).stdout
    assert f"[{PREFIX}/lib" in shown, shown


# A project of somebody else, whose folders have the names of ours.
PROJECT = {
    "CMakeLists.txt": """
        cmake_minimum_required(VERSION 3.25)
        project(robot LANGUAGES CXX)
        find_package(horus REQUIRED)
        add_library(nodes MODULE nodes.cpp)
        target_include_directories(nodes PRIVATE ${CMAKE_SOURCE_DIR})
        target_link_libraries(nodes PRIVATE horus::horus)
        target_compile_options(nodes PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Werror)
        set_target_properties(nodes PROPERTIES CXX_VISIBILITY_PRESET hidden)
        add_executable(report report.cpp)
        target_link_libraries(report PRIVATE horus::recording)""",
    "rt/node.hpp": "#error this is not the node of horus",
    "shm/message.hpp": "#error this is not the message of horus",
    "service/params.hpp": "#define GAIN 0.5",
    "nodes.cpp": """
        #include "service/params.hpp"
        {all_headers}
        class Motor final : public horus::Node {{
         public:
          explicit Motor(horus::PluginContext& context)
              : orders_{{horus::or_throw(
                    context.topics().subscriber<horus::msg::CmdVel>("cmd_vel"))}},
                frames_{{horus::or_throw(context.topics().publisher<horus::shm::Image>("camera"))}},
                gain_{{context.params().get("gain", GAIN)}} {{
            context.wake_on(orders_);
          }}
          void tick(const horus::Tick&) override {{
            if (const auto order = orders_.take()) speed_ = gain_ * order->linear;
            if (horus::now() > last_ + std::chrono::seconds{{1}})
              horus::log(horus::LogLevel::kInfo, "a second");
            last_ = horus::now();
          }}

         private:
          horus::shm::Subscriber<horus::msg::CmdVel> orders_;
          horus::shm::Image::Publisher frames_;
          double gain_;
          double speed_ = 0.0;
          horus::TimePoint last_{{}};
        }};
        HORUS_PLUGIN(HORUS_NODE(Motor))""",
    "report.cpp": """
        #include <horus/recording.hpp>
        #include <horus/scheduler.hpp>
        int main(int, char** words) {
          auto recording = horus::Recording::open(words[1]);
          return recording && recording.value().next() ? 0 : 1;
        }""",
}


def headers_of(installed):
    folder = installed / PREFIX[1:] / "include"
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_what_is_installed_of_headers_is_little_and_has_one_name(installed):
    headers = headers_of(installed)
    assert 0 < len(headers) <= 20
    assert all(name.startswith("horus/") for name in headers)


def test_each_header_compiles_alone(installed, tmp_path):
    include = installed / PREFIX[1:] / "include"

    def errors(name):
        source = tmp_path / name.replace("/", "_").replace(".hpp", ".cpp")
        source.write_text(f"#include <{name}>\n")
        return run(["g++", "-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion",
                    "-Wshadow", "-Werror", "-fsyntax-only", f"-I{include}", str(source)],
                   dict(os.environ)).stderr

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        assert "".join(pool.map(errors, headers_of(installed))) == ""


def versions(library):
    """The version of each symbol that a library or program defines, and of each it needs."""
    shown = subprocess.run(["nm", "-D", "--with-symbol-versions", str(library)], check=True,
                           capture_output=True, text=True).stdout
    defined, needed = {}, {}
    for line in shown.splitlines():
        kind, name = line.split()[-2:]
        name, _, version = name.replace("@@", "@").partition("@")
        (needed if kind in "Uwv" else defined)[name] = version
    return defined, needed


@pytest.fixture(scope="module")
def project(installed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("robot")
    include = "\n".join(f"#include <{name}>" for name in headers_of(installed))
    for name, text in PROJECT.items():
        (folder / name).parent.mkdir(exist_ok=True)
        text = textwrap.dedent(text)
        if name == "nodes.cpp":
            text = text.format(all_headers=include)
        (folder / name).write_text(text)
    where = f"-DCMAKE_PREFIX_PATH={installed}{PREFIX}"
    for command in (["cmake", "-S", str(folder), "-B", str(folder / "build"), where],
                    ["cmake", "--build", str(folder / "build")]):
        done = run(command, dict(os.environ))
        assert done.returncode == 0, done.stdout + done.stderr
    return folder / "build"


def test_a_project_with_folders_of_the_same_names_builds_and_needs_nothing_private(project):
    for built in ("libnodes.so", "report"):
        _, needed = versions(project / built)
        ours = {name: version for name, version in needed.items() if "5horus" in name}
        assert ours and set(ours.values()) == {"HORUS_1"}, ours


@pytest.mark.parametrize("library, allowed", [
    ("libhorus.so", {"HORUS_1", f"HORUS_PRIVATE_{VERSION}"}),
    ("libhorus-recording.so", {"HORUS_1"})])
def test_a_library_exports_its_own_and_nothing_else(installed, library, allowed):
    defined, _ = versions(installed / PREFIX[1:] / "lib" / library)
    assert set(defined.values()) - {""} == allowed
    for name, version in defined.items():
        assert version or name in allowed, name
        assert name in allowed or "5horus" in name, name
