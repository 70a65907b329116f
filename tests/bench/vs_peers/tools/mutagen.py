"""mutagen, only where its program is on the PATH (Debian has no package). Without its licensed watcher it polls."""
import os
import subprocess
import time

from vs_peers.measure import run
from vs_peers.tools.live_tool import LiveTool


class Mutagen(LiveTool):
    name = program = "mutagen"
    first = "`sync create` (its daemon runs) to the end of `sync flush`, then `sync -f`"
    note = "polls every 10 s"

    def __init__(self, bed, source, target):
        super().__init__(bed, source, target)
        where = bed.fresh("mutagen")
        tools = where / "ssh"
        tools.mkdir()
        config = where / "ssh_config"
        config.write_text(f"Host *\n  IdentityFile {bed.key}\n  IdentitiesOnly yes\n  UserKnownHostsFile {bed.known_hosts}\n"
                          "  LogLevel ERROR\n", encoding="utf8")
        for program in ("ssh", "scp"):
            wrapper = tools / program
            wrapper.write_text(f'#!/bin/sh\nexec /usr/bin/{program} -F "{config}" "$@"\n', encoding="utf8")
            wrapper.chmod(0o755)
        self.log = where / "log"
        self.environment = dict(os.environ, MUTAGEN_DATA_DIRECTORY=str(where / "data"), MUTAGEN_SSH_PATH=str(tools))

    def command(self, *words):
        return run(["mutagen", *words], env=self.environment)

    def prepare(self):
        self.spawn(["mutagen", "daemon", "run"], self.log, env=self.environment)
        while subprocess.run(["mutagen", "sync", "list"], env=self.environment, capture_output=True, check=False).returncode != 0:
            self.check()
            time.sleep(0.1)

    def start(self):
        self.prepare()
        self.start_session()

    def start_session(self):
        self.command("sync", "create", "--name=bench", "--ignore=/.twsync", str(self.source),
                     f"{self.bed.host}:{self.bed.port}:{self.target}")

    def carry(self):
        self.start_session()
        self.synced()

    def synced(self):
        self.check()
        self.command("sync", "flush", "bench")
        return True
