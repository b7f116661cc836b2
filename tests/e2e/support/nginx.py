# SPDX-License-Identifier: MIT
"""Runs Debian's nginx with a file of docs/deploy, without root and without the system's own files."""
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from support.example import PATIENCE

DEPLOY = Path(os.environ["SLUICE_SOURCE_DIR"]) / "docs" / "deploy"
STREAM_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
NOBODY = 65534

MAIN = """\
{module}
daemon off;
pid {folder}/pid;
error_log stderr {level};
worker_processes 1;
events {{}}
"""
HTTP = """\
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""
STREAM = "stream {{\n    include {folder}/site.conf;\n}}\n"


def free_port():
    """A port that nobody has now. nginx can't be asked which one it got, so somebody may be quicker."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def replaced(text, old, new):
    if text.count(old) != 1:
        raise AssertionError(f"{old!r} stands {text.count(old)} times in the configuration")
    return text.replace(old, new)


class Nginx:
    """`with Nginx("nginx.conf", upstream=8000) as nginx: connect to nginx.port`. With a `certificate`, nginx speaks TLS
    with it; the server behind a file that asks for TLS there must be one whom `trusted` has signed."""

    def __init__(self, conf, upstream, block="http", certificate=None, trusted=None):
        self.conf, self.upstream, self.block = conf, upstream, block
        self.certificate, self.trusted = certificate, trusted

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        for attempt in range(5):
            self.port = free_port()
            if self.start():
                return self
        self.folder.cleanup()
        raise AssertionError("nginx does not listen")

    def start(self):
        folder = Path(self.folder.name)
        (folder / "site.conf").write_text(self.site(folder))
        stream = self.block == "stream"
        # A stream module that was built in needs no loading.
        module = f"load_module {STREAM_MODULE};" if stream and STREAM_MODULE.exists() else ""
        main = MAIN + (STREAM if stream else HTTP)
        (folder / "nginx.conf").write_text(main.format(folder=folder, module=module, level="crit"))
        who = {}
        if os.geteuid() == 0:
            who = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            for path in (folder, *folder.glob("*.pem")):
                shutil.chown(path, NOBODY, NOBODY)
        command = [shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin"), "-p", folder, "-e", "stderr",
                   "-c", folder / "nginx.conf"]
        self.process = subprocess.Popen([str(word) for word in command], **who)
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return True
            except OSError:
                time.sleep(0.02)
        self.stop()
        return False

    def site(self, folder):
        """The file as a user would have it, but for ports and folders."""
        site = (DEPLOY / self.conf).read_text()
        if self.certificate:
            shutil.copy(self.certificate.chain, folder / "chain.pem")
            shutil.copy(self.certificate.key, folder / "key.pem")
            # As docs/deploy.md says of the files without TLS.
            site = site.replace("listen 80;", "listen 443 ssl;\n    ssl_certificate /etc/nginx/tls/chain.pem;\n"
                                              "    ssl_certificate_key /etc/nginx/tls/key.pem;")
        if self.trusted:
            shutil.copy(self.trusted.chain, folder / "sluice.pem")
        standard, ours = ("443 ssl", f"{self.port} ssl") if self.certificate else ("80", self.port)
        site = replaced(site, f"listen {standard};", f"listen 127.0.0.1:{ours};")
        site = site.replace("/etc/nginx/tls/", f"{folder}/")
        return replaced(site, "127.0.0.1:8000;", f"127.0.0.1:{self.upstream};")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __exit__(self, *_):
        self.stop()
        self.folder.cleanup()
