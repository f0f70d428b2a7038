"""Private keys for clients, as PEM, and their public halves as JWK. `openssl` makes them, once a run."""

import base64
import os
import subprocess

MAKERS = {
    "RSA": ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "P-256": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "P-384": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "P-521": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    "Ed25519": ["genpkey", "-algorithm", "ED25519"],
}
CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519", "Ed25519": "Ed25519"}


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64u(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Keys:
    """One key a type, kept in `folder`."""

    def __init__(self, folder):
        self._folder = folder

    def pem(self, algorithm):
        """The private key that signs with `algorithm` (a JWS name), PKCS #8."""
        return self._read(self._path(CURVES.get(algorithm, "RSA")))

    def certificate(self, algorithm):
        """A self-signed certificate of the same key."""
        key = self._path(CURVES.get(algorithm, "RSA"))
        path = key.replace(".pem", ".crt")
        if not os.path.exists(path):
            self._openssl("req", "-new", "-x509", "-key", key, "-subj", "/CN=client", "-days", "2", "-out", path)
        return self._read(path)

    def jwk(self, algorithm):
        """The public half; None where only the service reads it."""
        kind = CURVES.get(algorithm, "RSA")
        spki = self._openssl("pkey", "-in", self._path(kind), "-pubout", "-outform", "DER")
        if kind == "P-256":
            return {"kty": "EC", "crv": "P-256", "x": b64u(spki[-64:-32]), "y": b64u(spki[-32:])}
        if kind == "RSA":
            text = self._openssl("rsa", "-in", self._path(kind), "-noout", "-modulus").decode()
            modulus = bytes.fromhex(text.strip().split("=")[1])
            return {"kty": "RSA", "n": b64u(modulus), "e": "AQAB"}
        return None

    def _path(self, kind):
        path = os.path.join(self._folder, f"{kind}.pem")
        if not os.path.exists(path):
            self._openssl(*MAKERS[kind], "-out", path)
        return path

    @staticmethod
    def _read(path):
        with open(path, encoding="ascii") as text:
            return text.read()

    @staticmethod
    def _openssl(*arguments):
        return subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60).stdout


# A private JWK as PEM, for cases that bring a key of their own.


def _der(tag, content):
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x80 | (size.bit_length() + 7) // 8]) + size.to_bytes(
        (size.bit_length() + 7) // 8, "big"
    )
    return bytes([tag]) + length + content


def _integer(number):
    return _der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def pem_of_jwk(jwk):
    """PEM of a private RSA or P-256 JWK; None of anything else."""
    number = {name: int.from_bytes(unb64u(jwk[name]), "big") for name in "ndpq" if isinstance(jwk.get(name), str)}
    if jwk.get("kty") == "RSA" and {"n", "d", "p", "q"} <= set(number):
        e = int.from_bytes(unb64u(jwk.get("e", "AQAB")), "big")
        n, d, p, q = (number[name] for name in "ndpq")
        parts = (0, n, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))
        return _pem("RSA PRIVATE KEY", _der(0x30, b"".join(_integer(part) for part in parts)))
    if jwk.get("kty") == "EC" and jwk.get("crv") == "P-256" and "d" in jwk:
        curve = _der(0xA0, bytes.fromhex("06082a8648ce3d030107"))
        point = _der(0xA1, _der(3, b"\0\4" + unb64u(jwk["x"]) + unb64u(jwk["y"])))
        return _pem("EC PRIVATE KEY", _der(0x30, _integer(1) + _der(4, unb64u(jwk["d"])) + curve + point))
    return None


def _pem(label, der):
    text = base64.b64encode(der).decode()
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    old = "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])
    return subprocess.run(["openssl", "pkey"], input=old.encode(), check=True, capture_output=True).stdout.decode()
