#!/usr/bin/env python3
"""Runs a command on a terminal of its own and answers its questions.

on_terminal.py ["PATTERN=>ANSWER"]... -- COMMAND...

Waits for each PATTERN (a regular expression) in what the command says, in this order, and types ANSWER and a newline
(^C: the key instead; !COMMAND: a shell runs it, nothing is typed). Prints all that the terminal showed, and at the end
"[echo on]" or "[echo off]". Exits as the command does; with 97 when a question does not come, or no end, within 60 s.
"""
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time

WAIT = 60


def main():
    split = sys.argv.index("--")
    answers = [pair.split("=>", 1) for pair in sys.argv[1:split]]
    command = sys.argv[split + 1:]
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(command[0], command)
    shown = b""
    seen = 0
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 0.1)
        if ready:
            try:
                got = os.read(terminal, 65536)
            except OSError:  # the other end is closed
                got = b""
            if not got:
                break
            shown += got
        if answers:
            found = re.search(answers[0][0].encode(), shown[seen:])
            if found:
                seen += found.end()
                answer = answers.pop(0)[1]
                if answer.startswith("!"):
                    subprocess.run(answer[1:], shell=True, check=True)
                else:
                    os.write(terminal, b"\x03" if answer == "^C" else answer.encode() + b"\n")
                deadline = time.monotonic() + WAIT
    else:
        os.kill(child, 9)
        print(shown.decode(errors="replace"))
        print("on_terminal: waited in vain for", answers[0][0] if answers else "the end")
        sys.exit(97)
    _, status = os.waitpid(child, 0)
    print(shown.decode(errors="replace").replace("\r\n", "\n"))
    echo = termios.tcgetattr(terminal)[3] & termios.ECHO
    print("[echo on]" if echo else "[echo off]")
    if answers:
        print("on_terminal: never asked:", answers[0][0])
        sys.exit(97)
    sys.exit(os.waitstatus_to_exitcode(status))


main()
