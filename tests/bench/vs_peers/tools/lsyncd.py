"""lsyncd with rsync over ssh, its delay 1 s. One way only."""
from vs_peers.tools.live_tool import LiveTool


class Lsyncd(LiveTool):
    name = program = "lsyncd"
    both_ways = False
    exact = True
    note = "delay 1 s, one way"

    def start(self):
        where = self.bed.fresh("lsyncd")
        self.status_file = where / "status"
        config = where / "lsyncd.conf"
        config.write_text(f"""settings {{ nodaemon = true, statusFile = "{self.status_file}", statusInterval = 1 }}
sync {{
  default.rsync, source = "{self.source}", target = "{self.bed.host}:{self.target}", delay = 1, exclude = {{ "/.twsync" }},
  rsync = {{ archive = true, rsh = "{' '.join(self.bed.ssh)}" }}
}}
""", encoding="utf8")
        self.spawn(["lsyncd", config], where / "log")

    def synced(self):
        self.check()
        return self.status_file.exists() and "There are 0 delays" in self.status_file.read_text(errors="replace")
