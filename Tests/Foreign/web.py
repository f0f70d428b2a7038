"""HTTP as the driver needs it: one exchange a connection, nothing followed, nothing added, and a browser's cookies."""

import html
import http.client
import json
import os
import re
import socket
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Peers"))
from browser import FormReader, origin  # noqa: E402  the peers' browser reads forms already

PATIENCE = 60  # seconds for an answer; the service's own limits are shorter


class Answer:
    """What came back; `status` is None when nothing did."""

    def __init__(self, status, headers, body, seconds, failure=None):
        self.status, self.headers, self.seconds, self.failure = status, headers, seconds, failure
        self.text = body.decode("utf-8", "replace")
        try:
            self.json = json.loads(self.text) if self.text.strip() else None
        except ValueError:
            self.json = None

    def header(self, name):
        return self.headers.get(name, "") if self.headers else ""

    @property
    def location(self):
        """As a browser reads it: what no URL holds is percent-encoded, the fragment stays behind."""
        raw = self.header("Location").split("#")[0].encode()
        return "".join(chr(byte) if 0x21 <= byte <= 0x7E else f"%{byte:02X}" for byte in raw)

    @property
    def words(self):
        """The text that people see."""
        return html.unescape(re.sub(r"<[^>]*>", " ", self.text)) if "html" in self.header("Content-Type") else self.text

    def member(self, name):
        return self.json.get(name) if isinstance(self.json, dict) else None

    def brief(self):
        if self.status is None:
            return f"no answer ({self.failure})"
        if "problem+json" in self.header("Content-Type"):
            reason = self.member("reason")
            said = f" {self.member('code')}" + (f"/{reason}" if reason else "")
            return f"{self.status}{said}: {str(self.member('detail'))[:160]}"
        if "html" in self.header("Content-Type"):
            lead = re.search(r'class="lead">(.*?)</p>', self.text, re.S)
            return f"{self.status} page: {html.unescape(lead.group(1))[:200] if lead else self.words.split()[:12]}"
        return f"{self.status}"


def _connection(url, timeout):
    parts = urllib.parse.urlsplit(url)
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout), parts


def exchange(method, url, headers=None, body=None, timeout=PATIENCE):
    """One request. `body`: bytes as they are, anything else as JSON. Broken answers are answers without a status."""
    connection, parts = _connection(url, timeout)
    sent = {"Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close", **(headers or {})}
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        sent["Content-Type"] = "application/json"
    start = time.monotonic()
    try:
        connection.request(method, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, sent)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read(), time.monotonic() - start)
    except (OSError, http.client.HTTPException) as error:
        return Answer(None, None, b"", time.monotonic() - start, f"{type(error).__name__}: {error}")
    finally:
        connection.close()


def begin(method, url, headers=None, body=b""):
    """Sends a request and does not wait: the caller of it hangs up with `close`."""
    connection, parts = _connection(url, PATIENCE)
    connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, headers or {})
    return connection


def free_ports(count):
    """Adjoining free ports: the replay server takes two, one after the other."""
    for _ in range(200):
        probes = []
        try:
            first = socket.socket()
            probes.append(first)
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            for step in range(1, count):
                probe = socket.socket()
                probes.append(probe)
                probe.bind(("127.0.0.1", port + step))
            return port
        except (OSError, OverflowError):
            continue
        finally:
            for probe in probes:
                probe.close()
    raise OSError("no free ports")


class Browser:
    """The owner's: it keeps the service's cookies, says where a form came from, and stops at every redirect."""

    def __init__(self, site):
        self.site, self.cookies = site, {}

    def get(self, url, method="GET", cookies=True):
        return self._send(method, url, None, {}, cookies)

    def submit(self, page, url, values=None):
        """Sends the first POST form of the page at `url`."""
        form = next((form for form in FormReader(page.text).forms if form.method == "post"), None)
        if form is None:
            return None, None
        pairs = [(name, (values or {}).get(name, value)) for name, value, _ in form.fields]
        target = urllib.parse.urljoin(url, form.action) if form.action else url
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": origin(url)}
        return self._send("POST", target, urllib.parse.urlencode(pairs).encode(), headers, True), target

    def _send(self, method, url, body, headers, cookies):
        sent = {"Accept": "text/html,*/*;q=0.8", "User-Agent": "Mozilla/5.0", **headers}
        is_ours = origin(url) == self.site
        if is_ours and cookies and self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = exchange(method, url, sent, body)
        for line in (answer.headers.get_all("Set-Cookie") or []) if is_ours and answer.headers else []:
            name, _, value = line.split(";")[0].partition("=")
            self.cookies[name.strip()] = value.strip()
        return answer
