"""Workers without models: each phase writes a file that says what it was made from.

    python plain_workers.py RUN PHASE MOMENT

carries a run out in this process and kills it `inside` a phase, or `after` it is written down.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from ossamma.pipeline.taskmaster.fingerprints import of_values
from ossamma.pipeline.taskmaster.phases import Phase, RunBackend, phases_of
from ossamma.pipeline.taskmaster.plan import RunPlan
from ossamma.pipeline.taskmaster.run import RunRequest, carry_out
from ossamma.pipeline.taskmaster.work import Made, Worker


class Workshop:
    """Makes workers, and remembers which of them were asked to work."""

    def __init__(self, backend=RunBackend.NATIVE):
        self.backend = backend
        self.knobs = dict.fromkeys(phases_of(backend), "0")
        self.made = []
        self.resumed = []
        self.faults = {}
        self.refuses = set()

    def workers(self):
        return {phase: self._worker(phase) for phase in phases_of(self.backend)}

    def run(self, out, **options):
        """Carry the run out; return which phases were made."""
        self.made, self.resumed = [], []
        plan = RunPlan(profile="p", backend=self.backend)
        said = options.pop("said", [])
        request = RunRequest(plan=plan, out=out, **options)
        self.status = carry_out(request, self.workers(), say=said.append)
        return self.made

    def _worker(self, phase):
        def make(work):
            self.made.append(phase)
            if work.resume:
                self.resumed.append(phase)
            if phase in self.faults:
                self.faults[phase]()
            read = {
                f"{need}/{name}": path.read_text(encoding="utf-8")
                for need, paths in work.outputs.items()
                for name, path in paths.items()
            }
            path = work.run / f"{phase}.made"
            path.write_text(of_values([self.knobs[phase], read]), encoding="utf-8")
            return Made(
                outputs={"file": path}, message=f"{phase} it is", refused=phase in self.refuses
            )

        return Worker(lambda _: {"knob": self.knobs[phase]}, make)


def kill_oneself():
    os.kill(os.getpid(), signal.SIGKILL)


class KillsAfter(list):
    """Kills the process when a phase is said to be done."""

    def __init__(self, phase):
        self.phase = phase

    def append(self, line):
        if line.startswith(f"{self.phase}: done"):
            kill_oneself()


if __name__ == "__main__":
    run, name, moment = sys.argv[1:]
    workshop = Workshop()
    if moment == "inside":
        workshop.faults[Phase(name)] = kill_oneself
    workshop.run(Path(run), said=KillsAfter(name) if moment == "after" else [])
