# SPDX-License-Identifier: MIT
"""A certificate for localhost, made by the openssl program and good for a day."""
import subprocess
import tempfile
from pathlib import Path


class Certificate:
    """Two PEM files, for as long as the block lasts: `with Certificate() as made: ...`."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.chain = str(Path(self.folder.name) / "chain.pem")
        self.key = str(Path(self.folder.name) / "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout", self.key, "-out", self.chain], check=True, capture_output=True)
        self.options = ("--tls-certificate", self.chain, "--tls-key", self.key)
        return self

    def __exit__(self, *_):
        self.folder.cleanup()
