"""A stand-in for a training engine: no Django, one JSON object a line, a counter as its checkpoint."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

run: dict[str, Any] = json.loads(sys.argv[1])
checkpoint = Path(run["shared"]) / "step"


def say(**message: object) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def stop_after_checkpoint(number: int, frame: object) -> None:
    say(type="checkpoint", stopped=True)
    sys.exit(3)


def count_steps() -> None:
    """Resumes where the last attempt's checkpoint is."""
    first = int(checkpoint.read_text()) if checkpoint.exists() else 0
    if first:
        say(type="resumed", step=first)
    for step in range(first, run["steps"]):
        say(type="metrics", step=step, engine=os.getpid())
        checkpoint.write_text(str(step + 1))
        say(type="progress", fraction=(step + 1) / run["steps"], sentence=f"Step {step + 1}")
        time.sleep(run.get("pause", 0.05))


def main() -> None:
    mode = run["mode"]
    signal.signal(signal.SIGTERM, signal.SIG_IGN if mode == "stubborn" else stop_after_checkpoint)
    if mode in {"steps", "stubborn"}:
        count_steps()
    elif mode == "silent":
        # Nothing that a broken pipe could end.
        say(type="metrics", engine=os.getpid())
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
    elif mode == "late":
        os.close(1)
        time.sleep(0.5)
    elif mode == "environment":
        say(type="metrics", environment=dict(os.environ), group=os.getpgid(0), engine=os.getpid())
    elif mode == "chatty":
        sys.stdout.write("this is no JSON\n[1, 2]\n")
        sys.stderr.write("x" * 300_000 + "\nthe last words\n")
    elif mode == "failed":
        say(type="failed", reason="The loss is not finite.", hint="Lower the learning rate.")
        sys.exit(1)
    elif mode == "code":
        sys.stderr.write("ValueError: nothing to train on\n")
        sys.exit(run["code"])
    elif mode == "signal":
        os.kill(os.getpid(), run["signal"])
        time.sleep(60)
    elif mode == "helper":
        # A helper that holds our standard output and would outlive us.
        helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        say(type="metrics", helper=helper.pid)


if __name__ == "__main__":
    main()
