"""typed.py PATTERN=ANSWER... -- COMMAND...: runs COMMAND at a terminal and types ANSWER to each question that ends in
PATTERN, as a person would. Prints what the person sees; ends as COMMAND does; 124 when it waits for longer than 4 minutes."""
import os, pty, re, select, sys

split = sys.argv.index("--")
answers = [word.split("=", 1) for word in sys.argv[1:split]]
child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[split + 1], sys.argv[split + 1:])
asked = ""
while True:
    if not select.select([terminal], [], [], 240)[0]:
        print("\nnobody answers:", repr(asked[-100:]))
        sys.exit(124)
    try:
        piece = os.read(terminal, 4096)
    except OSError:
        break
    if not piece:
        break
    sys.stdout.write(piece.decode(errors="replace"))
    sys.stdout.flush()
    asked += piece.decode(errors="replace")
    for pattern, answer in answers:
        if re.search(pattern + r"\s*$", asked):
            os.write(terminal, answer.encode() + b"\n")
            asked = ""
            break
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
