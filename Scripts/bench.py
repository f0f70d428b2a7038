"""Measures the credential call (authenticated, authorized, opened, audited) beside a bare route.

Both servers run at once and only one is asked at a time; who goes first changes with every round, so that a
machine that grows slower or faster meets both alike. See Scripts/bench for how to call it.
"""

import argparse
import json
import os
import pathlib
import re
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

# The key stands twice in the answer, alone and in the header ready to use: together about 700 bytes.
API_KEY_LENGTH = 240
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(url, headers):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, headers=headers), timeout=10) as response:
        return response.read()


def command_line(binary, data, *arguments, stdin=""):
    done = subprocess.run(
        [binary, *arguments, "--data", data, "--json"], input=stdin, capture_output=True, text=True, timeout=60
    )
    if done.returncode != 0:
        sys.exit(f"`credence {' '.join(arguments)}` ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def start(command, log):
    with open(log, "wb") as output:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)


def wait_for(process, url, headers, log):
    """The first answer's body; ends the run when none came within 30 s."""
    limit = time.monotonic() + 30
    while True:
        try:
            return fetch(url, headers)
        except urllib.error.HTTPError as error:
            sys.exit(f"{url} answered {error.code}: {error.read().decode(errors='replace')}")
        except OSError as error:
            if process.poll() is not None or time.monotonic() > limit:
                sys.exit(f"{url}: {error}\n{pathlib.Path(log).read_text(errors='replace')}")
            time.sleep(0.1)


def wrk(url, headers, seconds, connections):
    """Requests per second, p50 and p99 in milliseconds, and how many requests were answered."""
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s", "--latency"]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    text = subprocess.run(command + [url], capture_output=True, text=True, check=True).stdout
    wrong = re.search(r"(Non-2xx or 3xx responses|Socket errors):.*", text)
    if wrong:
        sys.exit(f"{url}: {wrong.group(0)}")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))
    answered = int(re.search(r"(\d+) requests in", text).group(1))

    def percentile(share):
        value, unit = re.search(rf"^\s+{share}%\s+([\d.]+)(us|ms|s)$", text, re.MULTILINE).groups()
        return float(value) * UNITS[unit]

    return {"rate": rate, "p50": percentile(50), "p99": percentile(99), "answered": answered}


def audit_lines(data):
    return sum(path.read_bytes().count(b"\n") for path in pathlib.Path(data).rglob("audit*") if path.is_file())


def measure(chosen, folder):
    data = os.path.join(folder, "data")
    command_line(chosen.credence, data, "init")
    command_line(chosen.credence, data, "connections", "add", "bench", "--provider", "api-key")
    key = secrets.token_urlsafe(API_KEY_LENGTH)[:API_KEY_LENGTH]
    command_line(chosen.credence, data, "secrets", "set", "bench", "--secret-stdin", stdin=key)
    add_caller = ["callers", "add", "bench-runtime", "--role", "runtime", "--connection", "bench"]
    caller = command_line(chosen.credence, data, *add_caller)
    headers = {"Authorization": f"Bearer {json.loads(caller)['key']}"}

    processes = []
    try:
        port, log = free_port(), os.path.join(folder, "credence.log")
        command = [chosen.credence, "serve", "--data", data, "--listen", f"127.0.0.1:{port}", "--development"]
        command += ["--public-url", f"http://127.0.0.1:{port}", "--management-listen", f"127.0.0.1:{free_port()}"]
        processes.append(start(command, log))
        credence = f"http://127.0.0.1:{port}/v1/connections/bench/credential"
        body = wait_for(processes[-1], credence, headers, log)
        if json.loads(body)["api_key"] != key:
            sys.exit("the credential is not the key that was stored")

        port, log = free_port(), os.path.join(folder, "bare.log")
        processes.append(start([chosen.sandbox, "bare", "--port", str(port), "--bytes", str(len(body))], log))
        bare = f"http://127.0.0.1:{port}/bare"
        bare_size = len(wait_for(processes[-1], bare, headers, log))
        if bare_size != len(body):
            sys.exit(f"the bare route answers {bare_size} bytes, not {len(body)}")

        print(f"{len(body)} bytes a body, {chosen.connections} connections, {chosen.seconds} s a run")
        targets = {"bare": bare, "credence": credence}
        for url in targets.values():
            wrk(url, headers, 1, chosen.connections)  # warm up
        runs = {name: [] for name in targets}
        lines_before = audit_lines(data)
        for number in range(1, chosen.rounds + 1):
            order = list(targets) if number % 2 else list(reversed(targets))
            for name in order:
                runs[name].append(wrk(targets[name], headers, chosen.seconds, chosen.connections))
            shown = ", ".join(f"{name} {runs[name][-1]['rate']:,.0f} req/s" for name in targets)
            print(f"round {number}: {shown}", flush=True)
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    answered = sum(run["answered"] for run in runs["credence"])
    lines = audit_lines(data) - lines_before
    print(f"audit: {lines:,} lines for {answered:,} answers")
    if lines < answered:
        sys.exit("fewer audit lines than answers: that is not the call to measure")
    return runs


def report(runs):
    medians = {}
    for name, measured in runs.items():
        middle = {value: statistics.median(run[value] for run in measured) for value in ("rate", "p50", "p99")}
        medians[name] = middle["rate"]
        latency = f"p50 {middle['p50']:.2f} ms   p99 {middle['p99']:.2f} ms"
        print(f"{name:8} median {middle['rate']:>10,.0f} req/s   {latency}")
    print(f"credence/bare: {medians['credence'] / medians['bare']:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--credence", required=True)
    parser.add_argument("--sandbox", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=64)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="credence-bench-") as folder:
        report(measure(chosen, folder))


if __name__ == "__main__":
    main()
