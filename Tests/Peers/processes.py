"""Programs and HTTP for round.py: starting servers, running the command line, asking the API."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request


class Failure(Exception):
    """A step that did not go as the contract says; the message is for the person who reads the output."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process that prints a line with `listening on` when it is ready; its output goes to `log`."""

    def __init__(self, name, command, log, environment=None, deadline=30):
        self.name, self.log = name, log
        with open(log, "wb") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )
        self.ready_line = self._wait_until_ready(deadline)

    def _wait_until_ready(self, deadline):
        limit = time.monotonic() + deadline
        while time.monotonic() < limit:
            ready = [line for line in self.output().splitlines(keepends=True) if "listening on" in line]
            if ready and ready[0].endswith("\n"):
                return ready[0].strip()
            if self._process.poll() is not None:
                raise Failure(f"{self.name} ended with {self._process.returncode}:\n{self.output()}")
            time.sleep(0.05)
        self.stop()
        raise Failure(f"{self.name} printed no `listening on` within {deadline} s:\n{self.output()}")

    def output(self):
        with open(self.log, encoding="utf-8", errors="replace") as text:
            return text.read()

    def stop(self, deadline=20):
        """Asks it to end, and returns its exit code; None when it had to be killed."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(deadline)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
                return None
        return self._process.returncode


class CommandLine:
    """`credence VERB… --data DIR --json`, checked for exit code 0."""

    def __init__(self, binary, data):
        self._binary, self._data = binary, data

    def command(self, *arguments):
        return [self._binary, *arguments, "--data", self._data]

    def run(self, *arguments, stdin=""):
        command = [*self.command(*arguments), "--json"]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise Failure(
                f"`credence {' '.join(arguments)}` ended with {done.returncode}\n{done.stdout}{done.stderr}"
            )
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise Failure(f"`credence {' '.join(arguments)} --json` printed no JSON") from None


class Watched:
    """A verb that takes its time, such as `connections connect --device`, and what it has printed so far."""

    def __init__(self, command, log):
        self._log = log
        with open(log, "wb") as output:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def output(self):
        with open(self._log, encoding="utf-8", errors="replace") as text:
            return text.read()

    def line(self, start, deadline=20):
        """What follows `start` on the line that begins with it."""
        limit = time.monotonic() + deadline
        while time.monotonic() < limit:
            ended = self._process.poll() is not None
            found = [line for line in self.output().splitlines(keepends=True) if line.startswith(start)]
            if found and found[0].endswith("\n"):
                return found[0][len(start) :].strip()
            if ended:
                break
            time.sleep(0.05)
        self.stop()
        raise Failure(f"expected a line `{start}…`, got:\n{self.output()}")

    def wait(self, deadline=30):
        """Its exit code, once it has ended by itself."""
        try:
            return self._process.wait(deadline)
        except subprocess.TimeoutExpired:
            self.stop()
            raise Failure(f"expected an end within {deadline} s, got:\n{self.output()}") from None

    def stop(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers = status, headers
        self.text = body.decode("utf-8", "replace")
        try:
            self.json = json.loads(body) if body else None
        except ValueError:
            self.json = None

    def expect(self, status, call):
        """This answer, if it has `status`; a failure says what came instead, secrets left out."""
        if self.status != status:
            raise Failure(f"{call}: expected {status}, got {self.describe()}")
        return self

    def describe(self):
        kind = self.headers.get("Content-Type", "no content type")
        body = f"a body with {sorted(self.json)}" if self.status < 300 and isinstance(self.json, dict) else self.text
        return f"{self.status} ({kind}) {body[:1000]}"


def request(method, url, body=None, headers=None, form=None):
    """One HTTP exchange without cookies, redirects followed never; JSON in when `body` is given, or a `form`."""
    sent = dict(headers or {})
    data = urllib.parse.urlencode(form).encode() if form is not None else None
    if body is not None:
        data = json.dumps(body).encode()
        sent["Content-Type"] = "application/json"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
    try:
        response = opener.open(urllib.request.Request(url, data, sent, method=method), timeout=30)
    except urllib.error.HTTPError as error:
        response = error
    with response:
        return Answer(response.status, response.headers, response.read())


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments, **named):
        return None
