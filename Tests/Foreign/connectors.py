"""Imports a folder of Power Platform connectors with the real program, asks it what requests the profiles make, and
compares with a file that says what they must be.

    connectors.py --credence BINARY --connectors DIR --expected FILE [--only SLUG]

A line a connector, and at the end `N passed, N failed, N skipped`. Queries, forms, and what is applied are compared as
multisets. A connector that wants a person must say so; no text in braces or angle brackets may be left in a request.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse

WANTS_A_PERSON = {"needs-input", "needs-code"}
REPAIRED = {"mechanical-after-repair", "malformed"}


def run(command, stdin=None):
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout, done.stderr


def sample(field):
    """What a person would fill in, as the expected results have it."""
    if field.get("allowed_values"):
        return field["allowed_values"][0]
    if field.get("default"):
        return field["default"]
    name = field["name"].rsplit(":", 1)[-1] if ":" in field["name"] else field["name"]
    return "v-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def preview(credence, file, values):
    code, out, err = run([credence, "providers", "preview", file])
    if code:
        return None, err.strip()
    shown = json.loads(out)
    client = {"client_id": values["clientid"], "client_secret": values["clientsecret"]}
    command = [
        credence, "providers", "preview", file, "--client-secret-stdin", "--redirect-uri", values["redirecturl"],
        "--state", values["state"], "--code", values["code"], "--refresh-token", values["refreshtoken"]]
    for field in shown["fields"]:
        if field.get("is") in client:
            # Where a connector asks for the client itself, it is the one of the samples.
            if field["name"].rsplit(":", 1)[-1].lower() not in ("clientid", "clientsecret"):
                client[field["is"]] = sample(field)
        elif not field["secret"] and not field.get("is"):
            command += ["--field", f"{field['name']}={sample(field)}"]
    code, out, err = run(command + ["--client-id", client["client_id"]], client["client_secret"])
    return (None, err.strip()) if code else (json.loads(out), None)


def split(url):
    """The URL without its query, and the query's pairs; a route behind # keeps its own."""
    parts = urllib.parse.urlsplit(url)
    fragment, _, behind = parts.fragment.partition("?")
    bare = urllib.parse.urlunsplit((parts.scheme, parts.netloc, parts.path, "", fragment))
    return bare, urllib.parse.parse_qsl(parts.query, keep_blank_values=True) + urllib.parse.parse_qsl(
        behind, keep_blank_values=True)


def request(value, parts):
    """(URL, query as a multiset, form as a multiset)."""
    bare, pairs = split(value["url"])
    listed = [tuple(pair) for pair in value.get("query", [])]
    # A query that the URL shows is in the list as well.
    queries = collections.Counter(listed if all(pair in listed for pair in pairs) else listed + pairs)
    result = [bare, queries]
    if "form" in parts:
        result.append(collections.Counter(tuple(pair) for pair in value.get("form", [])))
    return result


def shown(counter):
    return sorted("=".join(pair) for pair in counter.elements())


def compare(expected, found):
    """What differs, as sentences."""
    problems = []
    kind = (found.get("imported") or {}).get("class")
    if kind != expected["class"]:
        problems.append(f"class {kind}, expected {expected['class']}")
    for name in ("authorize", "token", "refresh"):
        wanted, got = expected.get(name), found.get(name)
        if wanted is None or not wanted.get("url"):
            continue
        if got is None:
            problems.append(f"{name}: no request")
            continue
        parts = ("form",) if name != "authorize" else ()
        left, right = request(wanted, parts), request(got, parts)
        for what, one, other in zip(("url", "query", "form"), left, right):
            if one == other:
                continue
            if what == "url":
                problems.append(f"{name} url {other}, expected {one}")
            else:
                problems.append(f"{name} {what} +{shown(other - one)} -{shown(one - other)}")
    def placed(entries, ops):
        return collections.Counter(
            (e["in"], e["name"].lower() if e["in"] == "header" else e["name"], e["value"],
             e[ops] if isinstance(e[ops], str) else ",".join(sorted(e[ops])))
            for e in entries)
    left = placed(expected.get("apply", []), "ops")
    right = placed(found.get("apply", []), "ops")
    if left != right:
        problems.append(f"apply +{sorted((right - left).elements())} -{sorted((left - right).elements())}")
    def routed(entries):
        return collections.Counter(
            (e.get("template"), e.get("path"), e["ops"] if isinstance(e["ops"], str) else ",".join(sorted(e["ops"])))
            for e in entries)
    left, right = routed(expected.get("host", [])), routed(found.get("host", []))
    if left != right:
        problems.append(f"host +{sorted((right - left).elements(), key=str)} -{sorted((left - right).elements(), key=str)}")
    names = collections.Counter((f["name"].lower(), f["secret"]) for f in expected["fields"])
    got = collections.Counter((f["name"].lower(), f["secret"]) for f in found["fields"])
    if names != got:
        problems.append(f"fields +{sorted((got - names).elements())} -{sorted((names - got).elements())}")
    for name in ("authorize", "token", "refresh"):
        if name in found and re.search(r"[{}<>]|YOUR_|PLACEHOLDER", urllib.parse.unquote(json.dumps(
                {k: v for k, v in found[name].items() if k in ("url",)})[7:])[:-1]):
            problems.append(f"{name}: an unresolved placeholder")
    return problems


def judge(credence, connector, rows, folder, values):
    if not rows:
        return ["it was not imported"]
    problems = [f"{row['source']}: {problem}" for row in rows for problem in row.get("problems", [])]
    if problems:
        return problems
    expected = connector["methods"]
    if len(rows) != len(expected):
        return [f"{len(rows)} profiles, expected {len(expected)}"]
    needs = [need for row in rows for need in row["needs"]]
    if connector["readiness"] in WANTS_A_PERSON and not needs:
        problems.append("it wants a person, and says so nowhere")
    if connector["readiness"] == "malformed" and not any(row["repairs"] for row in rows):
        problems.append("it is broken, and no repair is told")
    for row, method in zip(rows, expected):
        found, why = preview(credence, os.path.join(folder, row["name"] + ".json"), values)
        if found is None:
            problems.append(f"no preview: {why}")
            continue
        if method.get("incomplete") and not found["needs"]:
            problems.append(f"incomplete ({method['incomplete']}), and says so nowhere")
        problems += [(f"{method['id']}: " if len(expected) > 1 else "") + text for text in compare(method, found)]
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--credence", required=True)
    parser.add_argument("--connectors", required=True)
    parser.add_argument("--expected", required=True)
    parser.add_argument("--only")
    chosen = parser.parse_args()
    with open(chosen.expected, encoding="utf-8") as file:
        expected = json.load(file)
    values, connectors = expected["sampleInputs"], expected["connectors"]
    passed = failed = skipped = 0
    with tempfile.TemporaryDirectory(prefix="credence-connectors-") as folder:
        command = [chosen.credence, "providers", "import", "power-platform", chosen.connectors]
        _, out, err = run(command + ["--output-dir", folder, "--json"])
        if not out:
            sys.exit(f"The import gave nothing: {err.strip()}")
        rows = collections.defaultdict(list)
        for row in json.loads(out)["profiles"]:
            rows[row["source"]].append(row)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            work = []
            for connector in connectors:
                slug = connector["slug"]
                if chosen.only and chosen.only != slug:
                    continue
                is_there = os.path.isdir(os.path.join(chosen.connectors, slug))
                work.append((slug, pool.submit(
                    judge, chosen.credence, connector, rows[slug], folder, values) if is_there else None))
            for slug, future in work:
                if future is None:
                    skipped += 1
                    print(f"  skip {slug}: there is no such folder")
                    continue
                problems = future.result()
                if problems:
                    failed += 1
                    print(f"  FAIL {slug}: {'; '.join(problems)}")
                else:
                    passed += 1
                    print(f"  ok   {slug}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
