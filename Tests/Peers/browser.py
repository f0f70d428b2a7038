"""A browser for the rounds, in the standard library: cookies, redirects, forms, and the rules of real browsers
that a consent page trips over without noticing (the `Origin` it sends, the `form-action` it enforces)."""

import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request
from html.parser import HTMLParser

REDIRECTS = (301, 302, 303, 307, 308)


class BrowserError(Exception):
    pass


def origin(url):
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def without_query(url):
    return url.split("?")[0]


class Form:
    def __init__(self, attributes):
        self.action = attributes.get("action", "")
        self.method = attributes.get("method", "get").lower()
        self.fields = []  # (name, value, type), as the page filled them in
        self.buttons = []  # (name, value)

    def has(self, name):
        return any(field == name for field, _, _ in self.fields)


class FormReader(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.forms = []
        self._open = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = {name: value or "" for name, value in attributes}
        if tag == "form":
            self._open = Form(values)
            self.forms.append(self._open)
        elif self._open is not None and tag in ("input", "button"):
            self._control(tag, values)

    def handle_endtag(self, tag):
        if tag == "form":
            self._open = None

    def _control(self, tag, values):
        kind = values.get("type", "submit" if tag == "button" else "text").lower()
        if kind == "submit":
            self._open.buttons.append((values.get("name", ""), values.get("value", "")))
        elif kind in ("checkbox", "radio") and "checked" not in values:
            return
        elif tag == "input" and values.get("name"):
            self._open.fields.append((values["name"], values.get("value", ""), kind))


class Page:
    def __init__(self, url, status, headers, body):
        self.url, self.status, self.headers = url, status, headers
        self.text = body.decode("utf-8", "replace")
        self.forms = FormReader(self.text).forms if "html" in headers.get("Content-Type", "") else []

    def form_with(self, field):
        return next((form for form in self.forms if form.has(field)), None)

    def form_with_button(self, button):
        return next((form for form in self.forms if button in form.buttons), None)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments, **named):
        return None


class Browser:
    def __init__(self):
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
            NoRedirect(),
        )
        self.trail = []  # "METHOD url-without-query status", for messages

    def open(self, url):
        return self._navigate("GET", url, None, {}, lambda target: None)

    def submit(self, page, form, values=None, button=None):
        """Sends `form` of `page` with `values` filled in, pressing `button` (name, value) or the first one."""
        if form.method not in ("get", "post"):
            raise BrowserError(f"a form with method {form.method}")
        pressed = button or (form.buttons[0] if form.buttons else ("", ""))
        pairs = [(name, (values or {}).get(name, value)) for name, value, _ in form.fields]
        pairs += [pressed] if pressed[0] else []
        target = urllib.parse.urljoin(page.url, form.action) if form.action else page.url
        encoded = urllib.parse.urlencode(pairs)
        check = self._form_action_check(page)
        check(target)
        if form.method == "get":
            return self._navigate("GET", f"{without_query(target)}?{encoded}", None, {}, check)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self._origin_header(page, target)}
        return self._navigate("POST", target, encoded.encode(), headers, check)

    def _origin_header(self, page, target):
        """What a browser sends with a form: under some referrer policies the word null (Fetch, Origin header)."""
        policy = page.headers.get("Referrer-Policy", "").split(",")[-1].strip().lower()
        hidden = policy == "no-referrer" or (policy == "same-origin" and origin(target) != origin(page.url))
        return "null" if hidden else origin(page.url)

    def _form_action_check(self, page):
        """Chromium holds every redirect that follows a form to the page's `form-action` (CSP 3)."""
        policies = [
            directive.split()[1:]
            for policy in page.headers.get_all("Content-Security-Policy", [])
            for directive in policy.split(";")
            if directive.split()[:1] == ["form-action"]
        ]

        def allowed(sources, target):
            scheme = urllib.parse.urlsplit(target).scheme
            names = {"*", f"{scheme}:", origin(target)}
            if origin(target) == origin(page.url):
                names.add("'self'")
            return any(source.rstrip("/") in names or target.startswith(source) for source in sources)

        def check(target):
            for sources in policies:
                if not allowed(sources, target):
                    raise BrowserError(
                        f"form-action {' '.join(sources)} of {without_query(page.url)} forbids {without_query(target)}"
                    )

        return check

    def _navigate(self, method, url, body, headers, check):
        for _ in range(12):
            page = self._request(method, url, body, headers)
            self.trail.append(f"{method} {without_query(url)} {page.status}")
            if page.status not in REDIRECTS or not page.headers.get("Location"):
                return page
            url = urllib.parse.urljoin(url, page.headers["Location"])
            check(url)
            if page.status not in (307, 308):
                method, body, headers = "GET", None, {}
        raise BrowserError("too many redirects: " + ", ".join(self.trail[-12:]))

    def _request(self, method, url, body, headers):
        sent = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "User-Agent": "Mozilla/5.0", **headers}
        try:
            response = self._opener.open(urllib.request.Request(url, body, sent, method=method), timeout=30)
        except urllib.error.HTTPError as error:
            response = error  # an answer all the same
        with response:
            return Page(url, response.status, response.headers, response.read())
