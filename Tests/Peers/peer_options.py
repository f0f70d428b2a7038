"""The command line that both peers share, and what they are handed through the environment: the owner's password,
and the clients to register, since their secrets are there too."""

import argparse
import json
import os
from dataclasses import dataclass, field


@dataclass
class Registration:
    """A client as both sides register it. `grant` and `auth` are the words of `credence clients add`."""

    name: str
    grant: str = "authorization_code"
    auth: str = "client_secret_basic"
    secret: str = None
    key: str = None  # ES256 or RS256, for a client with a key
    public_key: str = None  # PEM
    redirect_uri: str = ""
    scopes: list = field(default_factory=lambda: ["read"])
    says_lifetime: bool = True  # whether the server's answers to it carry expires_in
    client_id: str = None

    def __post_init__(self):
        self.client_id = self.client_id or f"credence-{self.name}"


def options(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--state", required=True, help="folder for what the server stores")
    parser.add_argument("--access-token-lifetime", type=int, default=8, metavar="SECONDS")
    parser.add_argument("--user", default="alice")
    parsed = parser.parse_args()
    parsed.registrations = [Registration(**values) for values in json.loads(os.environ["PEER_CLIENTS"])]
    parsed.password = os.environ["PEER_PASSWORD"]
    return parsed


def ready(base):
    """Tells the rounds where the server listens: it chose the port itself."""
    print(f"listening on {base}", flush=True)
