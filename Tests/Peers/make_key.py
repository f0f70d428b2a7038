"""A client's key pair for one run: `make_key.py ES256|RS256 FILE` writes the private key and prints the public one."""

import os
import sys

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat


def main(algorithm, file):
    made = ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else rsa.generate_private_key(65537, 2048)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as private:
        private.write(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    print(made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(), end="")


if __name__ == "__main__":
    main(*sys.argv[1:])
