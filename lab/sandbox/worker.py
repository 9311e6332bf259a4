"""Runs a program in Python again and again in one process: what it needs is loaded once.

usage: worker.py PROGRAM [MODULE...]

Each run has names of its own; the modules are shared, and those named are loaded before the first. It speaks as Bazel's
persistent workers do in JSON (https://bazel.build/remote/creating), a line each: {"arguments": ["WORD"], "requestId": 1} on
standard input, {"exitCode": 0, "output": "TEXT", "requestId": 1} on standard output.
"""

import contextlib
import gc
import importlib
import io
import json
import os
import sys
import traceback

MAX_OUTPUT = 8 * 1024  # bytes: the end of what a run says


def status_of(code, program):
    """Is the exit code with which Python would end."""
    try:
        exec(code, {"__name__": "__main__", "__file__": program})
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def run(code, program, arguments):
    said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace", write_through=True)
    sys.argv = [program, *arguments]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = status_of(code, program)
    gc.collect()  # a connection that nobody holds is closed now, as it is when a process ends
    return status, said.buffer.getvalue()[-MAX_OUTPUT:].decode(errors="replace")


def main(program, *modules):
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what is not Python's writes elsewhere
    for module in modules:
        importlib.import_module(module)
    with open(program, "rb") as file:
        code = compile(file.read(), program, "exec")
    gc.freeze()
    for line in sys.stdin:
        asked = json.loads(line)
        status, output = run(code, program, asked["arguments"])
        print(json.dumps({"exitCode": status, "output": output, "requestId": asked["requestId"]}), file=answers, flush=True)


main(*sys.argv[1:])
