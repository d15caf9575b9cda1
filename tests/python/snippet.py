# SPDX-License-Identifier: Apache-2.0
"""Programs of a few lines that a test runs in a process and a shared-memory base of their own."""
import contextlib
import textwrap

from running import PYTHON, Running, own_base, punctual_lines, run


def texts(log):
    """Its lines without their time, and without those about lateness."""
    return [line.partition(" ")[2] for line in punctual_lines(log)]


def program(source):
    return [PYTHON, "-c", textwrap.dedent(source)]


def ended(source, *arguments):
    """The program's exit code, output and errors."""
    with own_base() as environment:
        return run([*program(source), *arguments], environment)


def prints(source, *arguments):
    """What the program prints, line by line; it ends with 0."""
    done = ended(source, *arguments)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout.splitlines()


@contextlib.contextmanager
def beside(source):
    """The program beside the test, and the environment for others that shall see it."""
    with own_base() as environment, Running(program(source), environment) as running:
        yield running, environment
