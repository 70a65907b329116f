"""Where one file system is measured: fresh directories, a private sshd on loopback, and beside it a line with a delay."""
import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]
SSHD = TOP / "tests/support/sshd.sh"
ADDRESS = "127.0.0.9"


class Failed(Exception):
    """A tool failed, or the trees differ: nothing of that run counts."""


def free_port(address=ADDRESS):
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def base_directory(fs):
    if fs == "tmpfs":
        kind = subprocess.run(["stat", "-f", "-c", "%T", "/dev/shm"], capture_output=True, text=True, check=True).stdout.strip()
        if kind != "tmpfs":
            raise Failed(f"/dev/shm is {kind}, not tmpfs")
        return "/dev/shm"
    return os.environ.get("BENCH_DIR", "/var/tmp")


@contextlib.contextmanager
def full_page_cache():
    """As on a server that has been up for a while. Else the first runs take memory that nobody ever used, which in a
    virtual machine is given by its host page by page: five times as slow as a copy, and whom it hits is chance."""
    with open("/proc/meminfo", encoding="ascii") as lines:
        free = next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemFree:"))
    with tempfile.TemporaryFile(dir=base_directory("disk")) as sparse:
        sparse.truncate(free)
        while sparse.read(1 << 20):
            pass
        yield


class Bed:
    """Nothing is deleted on a disk before close(): ext4 makes new files slowly for a while after many deletions."""

    def __init__(self, settings, fs):
        self.settings, self.fs, self.rtt = settings, fs, 0
        self.user, self.address = pwd.getpwuid(os.getuid()).pw_name, ADDRESS
        self.work = Path(tempfile.mkdtemp(prefix="twsync-bench-", dir=base_directory(fs)))
        self.server = self.work / "server"
        self.proxies, self.ports, self.made = {}, {0: free_port()}, 0
        subprocess.run(["bash", SSHD, "start", self.server, self.address, str(self.ports[0])], check=True)
        self.sshd_pid = int((self.server / "sshd.pid").read_text())

    @property
    def bin(self):
        return self.settings.bin

    @property
    def key(self):
        return self.server / "client_key"

    @property
    def known_hosts(self):
        return self.server / "known_hosts"

    @property
    def port(self):
        return self.ports[self.rtt]

    @property
    def ssh(self):
        """The words of an ssh client's command line, without the host."""
        return ["ssh", "-F", "none", "-p", str(self.port), "-i", str(self.key), "-o", "IdentitiesOnly=yes",
                "-o", f"UserKnownHostsFile={self.known_hosts}", "-o", "LogLevel=ERROR"]

    @property
    def host(self):
        return f"{self.user}@{self.address}"

    def use(self, rtt):
        """From now on the server is reached with this round trip in ms."""
        if rtt not in self.ports:
            self.ports[rtt] = self.proxy_to(self.ports[0], rtt)
            host_key = " ".join((self.server / "host_key.pub").read_text().split()[:2])
            with open(self.known_hosts, "a", encoding="utf8") as known:
                known.write(f"[{self.address}]:{self.ports[rtt]} {host_key}\n")
        self.rtt = rtt

    def proxy_to(self, port, rtt):
        """A port that leads to `port` with the round trip; ends with the bed."""
        listen = free_port()
        proxy = subprocess.Popen([self.settings.build / "tests/tcp_proxy", f"{self.address}:{listen}", f"{self.address}:{port}",
                                  "--delay-ms", str(rtt // 2)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.proxies[listen] = proxy
        if "ready" not in proxy.stdout.readline():
            raise Failed("no line with a delay")
        return listen

    def fresh(self, name):
        self.made += 1
        path = self.work / f"{self.made:03}-{name}"
        path.mkdir()
        return path

    def drop(self, *paths):
        """What is not needed any more; memory only."""
        if self.fs == "tmpfs":
            for path in paths:
                shutil.rmtree(path, ignore_errors=True)

    def wire_bytes(self):
        """Both directions so far; through the proxy everything passes the loopback twice."""
        with open("/proc/net/dev", encoding="ascii") as devices:
            line = next(line for line in devices if line.strip().startswith("lo:"))
        return int(line.split(":")[1].split()[0]) // (2 if self.rtt else 1)

    def close(self):
        for proxy in self.proxies.values():
            proxy.terminate()
            proxy.wait()
        subprocess.run(["bash", SSHD, "stop", self.server], check=False)
        if self.settings.keep:
            print(f"kept: {self.work}", flush=True)
        else:
            shutil.rmtree(self.work, ignore_errors=True)
