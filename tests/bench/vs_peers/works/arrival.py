"""Watches files on the other side until each holds its new bytes; one that is ever seen neither old nor new is torn."""
import threading
import time


class Arrival:
    def __init__(self, target, old, new):
        """old, new: path -> bytes. `torn`: path -> what was seen."""
        self.target, self.old, self.new = target, old, new
        self.torn, self.last, self.given_up = {}, 0.0, threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def look(self, path, seen):
        """True once the new bytes are there."""
        file = self.target / path
        try:
            info = file.stat()
            state = (info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)
            if seen.get(path) == state:
                return False
            content = file.read_bytes()
        except FileNotFoundError:
            self.torn[path] = "gone"
            return False
        if content == self.new[path]:
            return True
        if content != self.old[path]:
            self.torn[path] = f"{len(content)} bytes, not {len(self.old[path])} or {len(self.new[path])}"
        seen[path] = state
        return False

    def watch(self):
        seen, left = {}, list(self.new)
        while left and not self.given_up.is_set():
            left = [path for path in left if not self.look(path, seen)]
            self.last = time.perf_counter()
            time.sleep(0.05 if len(left) > 500 else 0.002)
        self.missing = left

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.given_up.set()
        self.thread.join()

    def wait(self, seconds):
        """The moment the last file was there, or None."""
        self.thread.join(seconds)
        self.given_up.set()
        self.thread.join()
        return None if self.missing else self.last
