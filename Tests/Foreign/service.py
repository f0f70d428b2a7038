"""One Credence: the real binary, its data in a folder of its own, on loopback, in development."""

import json
import os
import shutil
import subprocess

from web import exchange, free_ports

from processes import Failure, Server  # of the peers, which web.py puts on the path

DEADLINE = 5  # seconds the service waits for a provider, where the binary can be told


class Binary:
    """What the executable can do, asked once."""

    def __init__(self, path):
        self.path = os.path.abspath(path)
        help_text = subprocess.run([self.path, "serve", "--help"], capture_output=True, text=True, timeout=60).stdout
        names = ("--provider-timeout", "--provider-deadline", "--call-deadline", "--http-timeout", "--call-timeout")
        self.deadline_option = next((name for name in names if name in help_text), None)

    def problems(self, folder):
        """By file name, what the service says against a profile. It starts with none that it refuses."""
        paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
        found = {}
        for start in range(0, len(paths), 400):
            command = [self.path, "providers", "check", *paths[start : start + 400], "--development"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120)
            for line in (done.stdout + done.stderr).splitlines():
                path, _, said = line.partition(": ")
                if path in paths and said and said != "ok":
                    found.setdefault(os.path.basename(path), said)
        return found


class Service(Server):
    """`start` it as often as wanted: the folder stays."""

    def __init__(self, binary, folder, providers, environment=None):
        self._binary, self._folder, self._providers = binary, folder, providers
        os.makedirs(folder, exist_ok=True)
        self.data = os.path.join(folder, "data")
        home = os.path.join(folder, "home")
        os.makedirs(home, exist_ok=True)
        self._environment = {"HOME": home, "SWIFT_BACKTRACE": "enable=no", **(environment or {})}
        if "netrc" in self._environment:
            with open(os.path.join(home, ".netrc"), "w", encoding="utf-8") as out:
                out.write(self._environment.pop("netrc") + "\n")
            os.chmod(os.path.join(home, ".netrc"), 0o600)
        port = free_ports(2)
        self.site = f"http://127.0.0.1:{port}"
        self._management = f"127.0.0.1:{port + 1}"
        self._starts, self.earlier_logs = 0, ""
        done = subprocess.run(
            [binary.path, "init", "--data", self.data, "--json"], capture_output=True, text=True, timeout=60,
            env={**os.environ, **self._environment},
        )  # fmt: skip
        if done.returncode != 0:
            raise Failure(f"credence init ended with {done.returncode}: {done.stderr}")
        self._admin = next(value for value in json.loads(done.stdout).values() if str(value).startswith("crd_m_"))
        self._runtime = None
        self.start()

    def start(self):
        self._starts += 1
        command = [self._binary.path, "serve", "--data", self.data, "--listen", self.site.removeprefix("http://")]
        command += ["--public-url", self.site, "--management-listen", self._management, "--development"]
        command += ["--providers", self._providers]
        if self._binary.deadline_option:
            command += [self._binary.deadline_option, str(DEADLINE)]
        log = os.path.join(self._folder, f"credence-{self._starts}.log")
        super().__init__("credence", command, log, self._environment, deadline=60)
        if self._runtime is None:
            wish = {"id": "runtime", "role": "runtime", "labels": {"suite": "foreign"}}
            answer = self.admin("POST", "/v1/callers", wish)
            if answer.status != 201:
                raise Failure(f"POST /v1/callers: {answer.brief()}")
            self._runtime = answer.json["key"]

    def restart(self):
        self.earlier_logs += self.output()
        code = self.stop()
        if code != 0:
            raise Failure(f"SIGTERM ended the service with {code}")
        self.start()

    @property
    def deadline(self):
        """Seconds that one call to a provider may take."""
        return DEADLINE if self._binary.deadline_option else 30

    @property
    def pid(self):
        return self._process.pid

    @property
    def is_alive(self):
        return self._process.poll() is None

    @property
    def logs(self):
        return self.earlier_logs + self.output()

    @property
    def database(self):
        return os.path.join(self.data, "credence.db")

    def memory(self):
        """Bytes of its own that the process holds: anonymous pages, not the program's file."""
        try:
            with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as lines:
                return next((int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon")), 0)
        except OSError:
            return 0

    def call(self, key, method, path, body=None, timeout=60):
        return exchange(method, self.site + path, {"Authorization": f"Bearer {key}"}, body, timeout)

    def admin(self, method, path, body=None):
        return self.call(self._admin, method, path, body)

    def runtime(self, method, path, body=None, timeout=60):
        return self.call(self._runtime, method, path, body, timeout)

    def runtime_headers(self):
        return {"Authorization": f"Bearer {self._runtime}", "Content-Type": "application/json"}

    def remove(self):
        shutil.rmtree(self._folder, ignore_errors=True)
