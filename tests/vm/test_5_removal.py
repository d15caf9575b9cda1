# SPDX-License-Identifier: Apache-2.0
"""The packages go as they came."""
PACKAGES = "horus horusctl libhorus1 python3-horus"
# The rover's configuration, the records of apt and dpkg, a kernel module called horus3a.
NOT_OURS = ("/opt", "/etc/systemd/system", "/var/lib/dpkg", "/var/lib/apt", "/var/cache",
            "/var/log", "/usr/lib/modules")


def test_removal_stops_everything_and_purging_leaves_nothing(rover):
    vm = rover
    conffiles = set(vm.output("dpkg-query --show --showformat='${Conffiles}\\n' " + PACKAGES +
                              " | awk 'NF { print $1 }'").split())
    ours = vm.output(f"for file in $(dpkg-query --listfiles {PACKAGES}); do "
                     "[ -d $file ] || echo $file; done").split()
    vm.output(f"apt-get remove -y {PACKAGES}", timeout=120)
    assert vm.run("pgrep --list-full --euid horus,horus-py")[1] == ""
    assert vm.output("ls -A /dev/shm") == ""
    left = vm.output("ls -d " + " ".join(ours) + " 2>/dev/null || true").split()
    assert set(left) == conffiles
    vm.output(f"apt-get purge -y {PACKAGES}", timeout=120)
    assert vm.output("dpkg --audit") == ""
    pruned = " ".join(f"-path {folder} -prune -o" for folder in NOT_OURS)
    assert vm.output(f"find / -xdev {pruned} -iname '*horus*' -print") == ""
    for folder in ("/run", "/dev/shm", "/run/systemd/generator", "/sys/fs/cgroup"):
        assert vm.output(f"find {folder} -maxdepth 2 -iname '*horus*'") == "", folder
