"""One round: a service started anew, every case once, and what only shows when all are done."""

import os
import queue
import shutil
import threading
import time
import traceback

import profiles
from flows import Drive
from judge import Judge
from service import Service
from words import sent_secrets

GROWTH = 16 << 20  # bytes that a large answer may cost
SANE = 1 << 30  # bytes that the service may hold at the end of a round


class Result:
    def __init__(self, case, verdict, reasons, drive=None, seconds=0.0):
        self.case, self.verdict, self.reasons = case, verdict, reasons
        self.drive, self.seconds = drive, seconds

    @property
    def line(self):
        return " ".join([self.verdict, self.case.id, "; ".join(self.reasons)]).strip().replace("\n", " ")


class Round:
    """One service, started anew, and every case once."""

    def __init__(self, run, number, order):
        self.run, self.number, self.order = run, number, order
        self.folder = os.path.join(run.folder, f"round-{number}")
        self.results, self._lock, self._secrets = [], threading.Lock(), set()

    def play(self, report):
        self._deaths, self._services = 0, []
        self._begin()
        pid, waiting = self.service.pid, queue.Queue()
        for index, case in enumerate(self.order):
            waiting.put((index, case))
        threads = [threading.Thread(target=self._work, args=(waiting, report)) for _ in range(self.run.parallel)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self._close(pid)

    def _begin(self):
        folder = os.path.join(self.folder, f"service-{self._deaths}")
        self.service = Service(self.run.binary, folder, self.run.good_profiles)
        self._services.append(self.service)

    def _mourn(self, service):
        """The service ended under the cases: one more is started, so that the others are still told apart."""
        with self._lock:
            if service is self.service:
                self._deaths += 1
                self._begin()

    def _work(self, waiting, report):
        while True:
            try:
                index, case = waiting.get_nowait()
            except queue.Empty:
                return
            start = time.monotonic()
            try:
                result = self._one(index, case)
            except Exception as error:  # the driver's own fault, and said so
                detail = traceback.format_exc() if self.run.verbose else f"{type(error).__name__}: {error}"
                result = Result(case, "fail", [f"the driver failed: {detail}"])
            result.seconds = time.monotonic() - start
            with self._lock:
                self.results.append(result)
                report(result)

    def _one(self, index, case):
        problem = self.run.refused.get(case.name)
        if problem:
            return Result(case, "fail", [f"the service refuses the profile: {problem}"])
        if case.wants_own_service:
            return self._apart(index, case)
        service = self.service
        result = self._drive(index, case, service)
        if service.is_alive:
            return result
        self._mourn(service)
        return self._apart(index, case)  # whose fault it was shows where nobody else is

    def _apart(self, index, case):
        """A service of its own: it is started anew, looked into or locked, and nobody else is disturbed."""
        folder = os.path.join(self.folder, f"apart-{index}")
        environment = {
            name: self.run.replay.render(str(value), case)
            for name, value in (case.context.get("environment") or {}).items()
        }
        providers = os.path.join(self.run.folder, "apart", case.name)
        os.makedirs(providers, exist_ok=True)
        shutil.copy(os.path.join(self.run.good_profiles, f"{case.name}.json"), providers)
        service = Service(self.run.binary, folder, providers, environment)
        watch = Watch(service) if case.is_large else None
        try:
            result = self._drive(index, case, service)
            if watch and watch.growth() > GROWTH:
                result.verdict = "fail"
                result.reasons.append(f"the answer cost {watch.growth() >> 20} MiB of memory")
            if not service.is_alive:
                result.verdict = "fail"
                result.reasons.append("the service ended")
            return result
        finally:
            if watch:
                watch.stop()
            service.stop()

    def _drive(self, index, case, service):
        drive = Drive(case, service, self.run.replay, self.run.keys, self.run.shared, f"{case.name}.{self.number}")
        drive.run()
        reasons = Judge(drive).judge()
        unknown = profiles.unknown_members(case)
        if reasons and unknown:
            reasons.append(f"(the driver does not read the profile's {', '.join(unknown)})")
        with self._lock:
            self._secrets |= set(case.secrets()) | set(sent_secrets(drive.seen.journal))
        return Result(case, "fail" if reasons else "pass", reasons, drive)

    def _close(self, pid):
        """What only shows at the end: the process, the listing, the log and the folder."""
        service, faults = self.service, []
        if self._deaths or not service.is_alive or service.pid != pid:
            faults.append(f"the service ended during the round, {max(1, self._deaths)} times")
        if not service.is_alive:
            return faults
        if service.memory() > SANE:
            faults.append(f"the service holds {service.memory() >> 20} MiB")
        texts, cursor = [], ""
        for _ in range(100):
            page = service.admin("GET", f"/v1/connections?limit=500{cursor}")
            texts.append(page.text)
            if not page.member("next_cursor"):
                break
            cursor = f"&cursor={page.member('next_cursor')}"
        code = service.stop()
        if code != 0:
            faults.append(f"SIGTERM ended the service with {code}")
        found = {name for name, secret in self._secrets if any(secret in text for text in texts)}
        faults += [f"leak: {name} stands in the listing of connections" for name in sorted(found)]
        logs = "".join(service.logs for service in self._services)
        found = {name for name, secret in self._secrets if secret in logs}
        faults += [f"leak: {name} stands in the log" for name in sorted(found)]
        for name in sorted({name for name, secret in self._secrets if written(service.data, secret)}):
            faults.append(f"leak: {name} stands in the data folder")
        return faults


def written(folder, secret, cache={}):
    """Whether a secret stands in a file, readable."""
    if folder not in cache:
        blobs = []
        for root, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(root, name)
                if os.path.isfile(path):
                    with open(path, "rb") as file:
                        blobs.append(file.read())
        cache.clear()
        cache[folder] = b"\0".join(blobs)
    return secret.encode() in cache[folder]


class Watch:
    """The most memory that a service held above what it held at first."""

    def __init__(self, service):
        self._service, self._most, self._ended = service, 0, threading.Event()
        self._first = service.memory()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self):
        while not self._ended.wait(0.01):
            self._most = max(self._most, self._service.memory())

    def growth(self):
        return self._most - self._first

    def stop(self):
        self._ended.set()
        self._thread.join()
