/** A CA, certificates of it, and keys that both ends have, made by openssl(1) in a folder: for tests of TLS. */

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

export class Certificates {
	readonly ca: string;
	/** `alice` has this one. */
	readonly psk: string;

	constructor(readonly folder: string) {
		mkdirSync(folder, { recursive: true });
		this.ca = this.file("ca-cert.pem");
		this.#openssl(
			"req",
			"-x509",
			...KEY,
			"-keyout",
			"ca-key.pem",
			"-out",
			"ca-cert.pem",
			"-days",
			"30",
			"-subj",
			"/CN=a CA",
		);
		this.psk = this.file("keys.psk");
		writeFileSync(
			this.psk,
			"# names and keys\nalice:00112233445566778899aabbccddeeff\nbob:0102030405060708\n",
			{ mode: 0o600 },
		);
	}

	file(name: string): string {
		return path.join(this.folder, name);
	}

	/** Signed by the CA: `NAME-cert.pem` with its `NAME-key.pem`, for localhost, and of that common name. */
	make(name: string, commonName = name, days = 30): { certificate: string; key: string } {
		const [request, extensions] = [`${name}.csr`, `${name}.ext`];
		writeFileSync(this.file(extensions), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
		this.#openssl("req", ...KEY, "-keyout", `${name}-key.pem`, "-out", request, "-subj", `/CN=${commonName}`);
		const by = ["-CA", "ca-cert.pem", "-CAkey", "ca-key.pem", "-CAcreateserial"];
		const how = ["-days", String(days), "-extfile", extensions, "-out", `${name}-cert.pem`];
		this.#openssl("x509", "-req", "-in", request, ...by, ...how);
		return { certificate: this.file(`${name}-cert.pem`), key: this.file(`${name}-key.pem`) };
	}

	/** A folder as libnbd, nbdkit and QEMU have them: the CA's certificate, and one of a client or server with its key. */
	endpoint(kind: "client" | "server", name?: string): string {
		const folder = this.file(`as-${kind}-${name ?? "nobody"}`);
		mkdirSync(folder, { recursive: true });
		copyFileSync(this.ca, path.join(folder, "ca-cert.pem"));
		if (name !== undefined)
			for (const part of ["cert", "key"])
				copyFileSync(this.file(`${name}-${part}.pem`), path.join(folder, `${kind}-${part}.pem`));
		return folder;
	}

	#openssl(...argv: readonly string[]): void {
		execFileSync("openssl", argv, { cwd: this.folder, stdio: "pipe" });
	}
}

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
