"""Certificates for nodes on loopback, and the authority that signs them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import NameOID

VALID = datetime(2020, 1, 1, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC)


def write_certificates(folder: Path, addresses: Iterable[str], *, password: str) -> None:
    """A new authority in `ca.pem`; for each address `<address>.p12`, a key and a certificate that names it alone."""
    folder.mkdir(parents=True)
    authority = _new_key()
    root = _certificate("the authority of a test", authority, "", authority)
    (folder / "ca.pem").write_bytes(root.public_bytes(Encoding.PEM))
    for address in addresses:
        key = _new_key()
        shown = _certificate("a node of a test", key, address, authority, root)
        kept = serialize_key_and_certificates(b"node", key, shown, [root], BestAvailableEncryption(password.encode()))
        (folder / f"{address}.p12").write_bytes(kept)


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    address: str,
    authority: ec.EllipticCurvePrivateKey,
    root: x509.Certificate | None = None,
) -> x509.Certificate:
    """Of `authority` itself when no root is named."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(root.subject if root else subject)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(VALID[0]).not_valid_after(VALID[1])
    builder = builder.add_extension(x509.BasicConstraints(ca=root is None, path_length=None), critical=True)
    # Later Pythons ask for both identifiers, and for what the authority's key may do.
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False
    )
    if root is None:
        signs = x509.KeyUsage(
            digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        return builder.add_extension(signs, critical=True).sign(authority, SHA256())
    at = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    return builder.add_extension(at, critical=False).sign(authority, SHA256())
