"""Measures refreshes (claimed, called for, committed with two fsyncs, sealed, audited) beside bare POSTs.

The bare loop sends the same form to the same token endpoint, once with the product's own transport (a vetted address, a
fresh connection each) and once with the HTTP client's pool of connections. Who goes first changes with every round. See
Scripts/bench-refresh for how to call it.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "Tests", "Peers"))

from browser import Browser  # noqa: E402
from processes import CommandLine, Server, request  # noqa: E402

FORM = "grant_type=refresh_token&refresh_token=refresh-1&client_id=bench"


def connect(number, call, endpoint):
    """A connection with a refresh token, by a consent as a browser gives it."""
    name = f"c{number}"
    call("POST", "/v1/connections", {"id": name, "client": "bench"}).expect(201, "POST connection")
    link = call("POST", f"/v1/connections/{name}/consent", {}).expect(201, "POST consent").json["url"]
    browser = Browser()
    page = browser.open(link)
    done = browser.submit(page, page.forms[0])
    if done.status != 200:
        sys.exit(f"no consent: {done.status} {done.text[:200]}")


def posts(sandbox, seconds, concurrency, *arguments):
    command = [sandbox, "posts", "--seconds", str(seconds), "--concurrency", str(concurrency), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    if done.returncode != 0:
        sys.exit(f"posts ended with {done.returncode}: {done.stderr}")
    result = json.loads(done.stdout)
    if result["failed"]:
        sys.exit(f"{result['failed']} of {result['failed'] + result['answered']} requests failed")
    return result["rate"]


def measure(chosen, folder):
    data, servers = os.path.join(folder, "data"), []
    command = CommandLine(chosen.credence, data)
    command.run("init")
    key = command.run("callers", "add", "driver", "--role", "admin")["key"]
    header = os.path.join(folder, "authorization")
    with open(os.open(header, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
        file.write(f"Bearer {key}")
    try:
        endpoint = Server(
            "token endpoint", [chosen.sandbox, "token-endpoint", "--port", "0"], os.path.join(folder, "endpoint.log"))
        servers.append(endpoint)
        base = endpoint.ready_line.split("listening on ")[1]
        service = Server(
            "credence",
            command.command("serve", "--development", "--listen", "127.0.0.1:0", "--management-listen", "127.0.0.1:0"),
            os.path.join(folder, "service.log"))
        servers.append(service)
        url = service.ready_line.split("listening on ")[1]

        def call(method, path, body=None):
            return request(method, url + path, body, {"Authorization": f"Bearer {key}"})

        fields = {"authorization_endpoint": f"{base}/authorize", "token_endpoint": f"{base}/token"}
        client = {"id": "bench", "provider": "oauth2", "client_id": "bench", "auth": "none", "fields": fields}
        call("POST", "/v1/clients", client).expect(201, "POST client")
        for number in range(chosen.connections):
            connect(number, call, base)

        refresh = ["--url", url + "/v1/connections/c{n}/credential/refresh", "--count", str(chosen.connections),
                   "--authorization-file", header]
        bare = ["--url", f"{base}/token", "--form", FORM]
        targets = {"bare": [*bare, "--vetted"], "pooled": bare, "refresh": refresh}
        print(f"{chosen.connections} connections, {chosen.concurrency} at once, {chosen.seconds} s a run")
        for arguments in targets.values():
            posts(chosen.sandbox, 1, chosen.concurrency, *arguments)  # warm up
        runs = {name: [] for name in targets}
        for number in range(1, chosen.rounds + 1):
            order = list(targets) if number % 2 else list(reversed(targets))
            for name in order:
                runs[name].append(posts(chosen.sandbox, chosen.seconds, chosen.concurrency, *targets[name]))
            print(f"round {number}: " + ", ".join(f"{name} {runs[name][-1]:,.0f}/s" for name in targets), flush=True)
        version = call("GET", "/v1/connections/c0").expect(200, "GET connection").json["version"]
        if version < 3:
            sys.exit("the first connection was hardly refreshed: that is not the call to measure")
        return runs
    finally:
        for server in reversed(servers):
            server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--credence", required=True)
    parser.add_argument("--sandbox", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=256)
    parser.add_argument("--concurrency", type=int, default=32)
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="credence-bench-") as folder:
        runs = measure(chosen, folder)
    medians = {name: statistics.median(measured) for name, measured in runs.items()}
    for name, median in medians.items():
        print(f"{name:8} median {median:>8,.0f} a second")
    print(f"refresh/pooled: {medians['refresh'] / medians['pooled']:.2f}")
    print(f"refresh/bare: {medians['refresh'] / medians['bare']:.2f}")


if __name__ == "__main__":
    main()
