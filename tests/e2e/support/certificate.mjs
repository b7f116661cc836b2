// SPDX-License-Identifier: MIT
// A certificate for localhost, made by the openssl program and good for a day.
import {execFileSync} from "node:child_process";
import crypto from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

/// Two PEM files for the time of a test: the options of an example, the certificate, and the hash of its public key.
export function certificate(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "sluice-tls-"));
  t.after(() => fs.rmSync(folder, {recursive: true}));
  const chain = path.join(folder, "chain.pem");
  const key = path.join(folder, "key.pem");
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
    "-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
    "-keyout", key, "-out", chain], {stdio: "ignore"});
  const pem = fs.readFileSync(chain);
  const public_key = new crypto.X509Certificate(pem).publicKey.export({type: "spki", format: "der"});
  return {
    options: ["--tls-certificate", chain, "--tls-key", key],
    pem,
    key_hash: crypto.createHash("sha256").update(public_key).digest("base64"),
  };
}
