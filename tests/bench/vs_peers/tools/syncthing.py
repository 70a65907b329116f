"""syncthing: two instances on loopback, no discovery, relays, NAT, upgrades or reports. Its own protocol (TLS), not ssh."""
import json
import os
import re
import shutil
import time
import urllib.error
import urllib.request

from vs_peers.bed import Failed, free_port
from vs_peers.measure import run
from vs_peers.tools.live_tool import LiveTool

API_KEY = "bench"
CONFIG = """<configuration version="36">
  <folder id="bench" label="" path="{path}" type="sendreceive" rescanIntervalS="0" fsWatcherEnabled="true" fsWatcherDelayS="1" ignorePerms="false">
    <device id="{me}"/><device id="{other}"/><paused>{paused}</paused>
  </folder>
  <device id="{me}" name="me"><address>dynamic</address></device>
  <device id="{other}" name="other"><address>{address}</address></device>
  <gui enabled="true" tls="false"><address>127.0.0.1:{gui}</address><apikey>{key}</apikey></gui>
  <options>
    <listenAddress>tcp://{listen}</listenAddress><globalAnnounceEnabled>false</globalAnnounceEnabled>
    <localAnnounceEnabled>false</localAnnounceEnabled><relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled>
    <startBrowser>false</startBrowser><urAccepted>-1</urAccepted><autoUpgradeIntervalH>0</autoUpgradeIntervalH>
    <crashReportingEnabled>false</crashReportingEnabled><reconnectionIntervalS>1</reconnectionIntervalS>
    <setLowPriority>false</setLowPriority>
  </options>
</configuration>
"""


class Instance:
    def __init__(self, tool, name, path):
        self.tool, self.path = tool, path
        self.home = tool.bed.fresh(f"syncthing-{name}")
        self.gui, self.listen = free_port("127.0.0.1"), free_port()
        said = run(["syncthing", "generate", f"--home={self.home}", "--no-default-folder", "--skip-port-probing"], env=tool.environment)
        found = re.search(r"[A-Z2-7]{7}(?:-[A-Z2-7]{7}){7}", said)
        if not found:
            raise Failed(f"syncthing told no device id: {said[-300:]}")
        self.device = found.group(0)

    def start(self, other, address, paused):
        (self.home / "config.xml").write_text(CONFIG.format(
            path=self.path, me=self.device, other=other.device, address=address, gui=self.gui, key=API_KEY,
            listen=f"{self.tool.bed.address}:{self.listen}", paused=str(paused).lower()), encoding="utf8")
        (self.path / ".stfolder").mkdir(exist_ok=True)
        self.tool.spawn(["syncthing", "serve", f"--home={self.home}", "--no-browser", "--no-restart", "--no-upgrade"],
                        self.home / "log", env=self.tool.environment)

    def ask(self, path, method="GET", body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.gui}/rest/{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"X-API-Key": API_KEY, "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def unpause(self):
        self.ask("config/folders/bench", "PATCH", {"paused": False})


class Syncthing(LiveTool):
    name = program = "syncthing"
    first = "folder unpaused (both run, connected) to both idle with nothing needed, then `sync -f`"
    note = "delay 1 s, own TLS protocol instead of ssh"

    def __init__(self, bed, source, target):
        super().__init__(bed, source, target)
        self.environment = dict(os.environ, HOME=str(bed.fresh("syncthing-user")), STNOUPGRADE="1", STNODEFAULTFOLDER="1")
        self.code, self.deploy = Instance(self, "code", source), Instance(self, "deploy", target)

    def prepare(self):
        """Both run and are connected, the code side's folder still paused."""
        self.deploy.start(self.code, "dynamic", False)
        port = self.bed.proxy_to(self.deploy.listen, self.bed.rtt) if self.bed.rtt else self.deploy.listen
        self.code.start(self.deploy, f"tcp://{self.bed.address}:{port}", True)
        self.until(lambda: self.code.ask("system/connections")["connections"][self.deploy.device]["connected"], 60)

    def carry(self):
        self.code.unpause()
        self.until(self.synced, 1800)

    def start(self):
        self.prepare()
        self.code.unpause()

    def until(self, condition, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.check()
            try:
                if condition():
                    return
            except (urllib.error.URLError, KeyError, ConnectionError):
                pass
            time.sleep(0.1)
        raise Failed(f"syncthing: not within {seconds} s; {self.code.home / 'log'}")

    def synced(self):
        self.check()
        both = [one.ask("db/status?folder=bench") for one in (self.code, self.deploy)]
        sizes = {(one["globalFiles"], one["globalDirectories"], one["globalBytes"], one["localFiles"], one["localBytes"]) for one in both}
        return (all(one["state"] == "idle" and one["needTotalItems"] == 0 and one["globalFiles"] > 0 for one in both)
                and len(sizes) == 1)

    def forget(self):
        """The folder marks, once it is stopped."""
        for root in (self.source, self.target):
            shutil.rmtree(root / ".stfolder", ignore_errors=True)

    def stop(self):
        super().stop()
        self.forget()
