"""What every tool with one command a sync has."""
import shutil


class RunTool:
    name = ""
    program = ""
    works = ("first", "noop", "small", "edit", "insert", "rename")
    exact = True      # modes, owners and times of everything are carried, and compared
    slow = False      # one round and no warm-up where a tree is synced for the first time
    services = "none"

    @classmethod
    def missing(cls, settings):
        """What keeps it from being measured, or None."""
        del settings
        return None if shutil.which(cls.program) else f"no {cls.program} on the PATH"

    def sync(self, bed, source, target):
        """Brings `source` to `target` on the server; the timed part, without the flush."""
        raise NotImplementedError
