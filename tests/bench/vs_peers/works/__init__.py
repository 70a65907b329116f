"""The works; each takes (bed, records, settings) and adds records."""
from vs_peers.works import big, first, idle, live, live_first, million, noop, peers_live, rename, small

ALL = {"first": first.measure, "noop": noop.measure, "small": small.measure, "big": big.measure, "rename": rename.measure,
       "live": live.measure, "idle": idle.measure, "peers-live": peers_live.measure, "live-first": live_first.measure, "million": million.measure}
