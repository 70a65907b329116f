"""The tools. A run tool has one command a sync (`sync`); a live tool has processes that stay (`start`, `synced`, `stop`)."""
from vs_peers.tools.limits import Copy, Walk
from vs_peers.tools.lsyncd import Lsyncd
from vs_peers.tools.mutagen import Mutagen
from vs_peers.tools.rsync import Rsync
from vs_peers.tools.syncthing import Syncthing
from vs_peers.tools.tar import Tar
from vs_peers.tools.twsync import Services, Twsync
from vs_peers.tools.unison import Unison

RUN_TOOLS = (Twsync, Rsync, Tar, Unison, Copy, Walk)
LIVE_TOOLS = (Services, Syncthing, Lsyncd, Mutagen)


def names():
    return list(dict.fromkeys(tool.name for tool in RUN_TOOLS + LIVE_TOOLS))


def present(tools, settings):
    return [tool for tool in tools if tool.name in settings.tools and tool.missing(settings) is None]
