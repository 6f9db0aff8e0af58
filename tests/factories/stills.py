"""Stills that a camera signs (C2PA), with certificates made for the test."""

import datetime as dt
import hashlib
import io
from fractions import Fraction
from functools import cached_property

import av
import numpy as np
from c2pa import Builder, C2paSignerInfo, C2paSigningAlg, Signer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_CREATED = {"action": "c2pa.created", "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"}
_MANIFEST = {
    "claim_generator_info": [{"name": "camera", "version": "1"}],
    "format": "image/jpeg",
    "assertions": [{"label": "c2pa.actions", "data": {"actions": [_CREATED]}}],
}


def jpeg(shade: int = 128, side: int = 64) -> bytes:
    """A grey picture without a manifest."""
    frame = av.VideoFrame.from_ndarray(np.full((side, side, 3), shade, np.uint8), format="rgb24").reformat(format="yuvj420p")
    codec = av.CodecContext.create("mjpeg", "w")
    codec.width, codec.height, codec.pix_fmt, codec.time_base = side, side, "yuvj420p", Fraction(1, 25)
    return b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test")])


class Camera:
    """A camera with a certificate of its own authority; `sha256` is that of the certificate."""

    def __init__(self):
        authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        now = dt.datetime.now(dt.UTC)
        root = self._certificate("Authority", "Authority", authority, authority, now, ca=True)
        self.certificate = self._certificate("Camera", "Authority", key, authority, now, ca=False)
        self.chain = b"".join(cert.public_bytes(serialization.Encoding.PEM) for cert in (self.certificate, root))
        self.key = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    @staticmethod
    def _certificate(subject: str, issuer: str, key, signed_by, now, *, ca: bool) -> x509.Certificate:
        usage = dict.fromkeys(
            ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
             "encipher_only", "decipher_only"),
            False,
        )  # fmt: skip
        usage |= {"key_cert_sign": True, "crl_sign": True} if ca else {"digital_signature": True}
        made = (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(_name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca, None), True)
            .add_extension(x509.KeyUsage(**usage), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signed_by.public_key()), False)
        )
        if not ca:
            made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        return made.sign(signed_by, hashes.SHA256())

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.certificate.public_bytes(serialization.Encoding.DER)).hexdigest()

    def sign(self, picture: bytes) -> bytes:
        signer = Signer.from_info(C2paSignerInfo(alg=C2paSigningAlg.ES256, sign_cert=self.chain, private_key=self.key, ta_url=None))
        signed = io.BytesIO()
        Builder(_MANIFEST).sign(signer, "image/jpeg", io.BytesIO(picture), signed)
        return signed.getvalue()
