"""A stand-in for `spacy train` that does what a plan says: one word per attempt.

    python fake_trainer.py PLAN MODEL CONFIG --output DIR ...

PLAN is a file of words; each start takes the first and removes it. MODEL is copied as the result.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
import time
from pathlib import Path

SCORES = (0.1, 0.4, 0.6, 0.5)


def main() -> None:
    plan, model, config = map(Path, sys.argv[1:4])
    out = Path(sys.argv[sys.argv.index("--output") + 1])
    words = plan.read_text(encoding="utf-8").split()
    plan.write_text(" ".join(words[1:]), encoding="utf-8")
    text = config.read_text(encoding="utf-8")
    found = re.search(r'^path = "(.*progress\.jsonl)"$', text, re.MULTILINE)
    progress = Path(found[1]).open("a", encoding="utf-8", buffering=1)  # noqa: SIM115
    for number, score in enumerate(SCORES):
        for step in range(10 * number, 10 * number + 10):
            row = {"step": step, "time": time.time()}
            if step % 10 == 0:
                save(model, out, is_best=score == max(SCORES[: number + 1]))
                losses = {"ner": "nan" if (words[0], number) == ("nan", 2) else 9.0 - number}
                row |= {"epoch": number, "score": score, "losses": losses, "scores": {}, "words": 1}
                row["score"] = 0.0 if words[0] == "nothing" else score
            progress.write(json.dumps(row) + "\n")
            if step == 25:
                FAULTS.get(words[0], lambda: None)()
    save(model, out, is_best=False)


def save(model: Path, out: Path, *, is_best: bool) -> None:
    for name in ("model-last", *(["model-best"] if is_best else [])):
        shutil.rmtree(out / name, ignore_errors=True)
        shutil.copytree(model, out / name)


def stop(message: str, code: int = 1) -> None:
    sys.stdout.write(message + "\n")
    sys.exit(code)


FAULTS = {
    "oom": lambda: stop("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB"),
    "disk": lambda: stop("OSError: [Errno 28] No space left on device"),
    "crash": lambda: stop("Traceback ...\nValueError: [E955] Can't find table(s)"),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "hang": lambda: time.sleep(600),
    "nan": lambda: time.sleep(600),
}

if __name__ == "__main__":
    main()
