"""The command line that both peers share, and the two secrets they are handed through the environment."""

import argparse
import os


def options(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--redirect-uri", required=True, help="the one redirect URI of the client")
    parser.add_argument("--state", required=True, help="folder for what the server stores")
    parser.add_argument("--access-token-lifetime", type=int, default=8, metavar="SECONDS")
    parser.add_argument("--client-id", default="credence-peers")
    parser.add_argument("--user", default="alice")
    parsed = parser.parse_args()
    parsed.client_secret = os.environ["PEER_CLIENT_SECRET"]
    parsed.password = os.environ["PEER_PASSWORD"]
    return parsed


def ready(base):
    """Tells round.py where the server listens: it chose the port itself."""
    print(f"listening on {base}", flush=True)
