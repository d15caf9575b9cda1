# SPDX-License-Identifier: Apache-2.0
"""The cache really fetches what a tick touches: a compiler may take such calls for needless."""
import re
import subprocess

import pytest

from running import BUILD

MODULE = next((BUILD / "python/horus").glob("_horus*.so"), None)


@pytest.mark.parametrize("file, function, least", [
    (BUILD / "lib/libhorus.so", "horus::RateGroup::", 10),
    (MODULE, "horus::py::PyNode::prefetch() const", 5)])
def test_the_compiler_has_kept_what_fetches(file, function, least):
    shown = subprocess.run(["objdump", "-d", "-C", "--no-show-raw-insn", str(file)], check=True,
                           capture_output=True, text=True).stdout
    bodies = re.findall(r"^[0-9a-f]+ <(.*)>:\n((?:.+\n)*)", shown, re.M)
    found = sum(len(re.findall(r"\t(?:prefetch\w*|prfm)\b", body))
                for name, body in bodies if name.startswith(function))
    assert found >= least, f"{found} in {function} of {file.name}"
