/**
 * Certificates and keys in files, read and looked at once, so that what is wrong with one is told in a line that names it, and not by the
 * first client. Called by whoever may open files: the classic command line before it gives up root, the opener of the daemon, and
 * `vblade check`. Hands on texts (`side.ts`).
 */

import { constants, createPrivateKey, X509Certificate } from "node:crypto";
import { constants as modes } from "node:fs";
import { access, open } from "node:fs/promises";
import { createSecureContext, rootCertificates } from "node:tls";
import { codeOf, OperatorError } from "../errors.js";
import type { TlsSpec } from "../spec/spec.js";
import { quote } from "../text.js";
import type { TlsMaterial } from "./side.js";

/** All CAs of a system are less. */
const LONGEST_BYTES = 4 * 1024 * 1024;
/** Of what TLS 1.2 and OpenSSL allow. */
const PSK_NAME_BYTES_MAX = 127;
const PSK_KEY_BYTES_MAX = 256;
const EVERYONE = 0o004;
/** Where systems have the CAs that they trust. */
const SYSTEM_CAS = [
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/cert.pem",
];

export interface ReadMaterial {
	readonly material: TlsMaterial;
	/** What an operator should know, a line each. */
	readonly warnings: readonly string[];
}

/**
 * What those files hold. `isClient`: servers are trusted whom the system trusts, if there is no `ca` and no key. Throws an OperatorError of
 * one line that names the file, and nothing that is in it.
 */
export async function readMaterial(spec: TlsSpec, isClient: boolean): Promise<ReadMaterial> {
	const warnings: string[] = [];
	const text = (file: string | undefined) => (file === undefined ? undefined : textIn(file));
	const secret = (file: string | undefined) =>
		file === undefined ? undefined : textIn(file, (warning) => warnings.push(warning));
	const own = spec.isOptional && !(await isThere(spec.certificate)) ? {} : spec;
	const certificate = await text(own.certificate);
	const key = await secret(own.keyFile);
	const ca =
		(await text(spec.ca)) ?? (isClient && spec.pskFile === undefined ? await systemCas() : undefined);
	const pskText = await secret(spec.pskFile);
	if (certificate !== undefined) warnings.push(...lookAtCertificate(spec, certificate, key ?? ""));
	if (ca !== undefined && spec.ca !== undefined) certificateIn(spec.ca, ca);
	const { ciphers } = spec;
	if (ciphers !== undefined) lookAtCiphers(ciphers);
	const material = {
		...(certificate !== undefined && { certificate }),
		...(key !== undefined && { key }),
		...(ca !== undefined && { ca }),
		...(pskText !== undefined && { psk: readPsk(spec.pskFile ?? "", pskText) }),
		...(ciphers !== undefined && { ciphers }),
	};
	return { material, warnings };
}

async function isThere(file = ""): Promise<boolean> {
	try {
		await access(file);
		return true;
	} catch (error) {
		// (What is there and can't be had is told when it is read.)
		return codeOf(error) !== "ENOENT";
	}
}

async function textIn(file: string, warn?: (warning: string) => void): Promise<string> {
	try {
		// (A pipe of that name must not keep us waiting.)
		const handle = await open(file, modes.O_RDONLY | modes.O_NONBLOCK);
		try {
			const status = await handle.stat();
			if (!status.isFile()) throw new Error("it is no regular file");
			if (status.size > LONGEST_BYTES) throw new Error(`it is longer than ${LONGEST_BYTES} bytes`);
			if (status.mode & EVERYONE) warn?.(`${file}: everyone can read this key (chmod o-r)`);
			return await handle.readFile("utf8");
		} finally {
			await handle.close();
		}
	} catch (error) {
		const code = codeOf(error);
		if (code === "ENOENT") throw new OperatorError(`${file}: there is no such file`);
		throw new OperatorError(`${file}: can't be read (${code ?? (error as Error).message})`);
	}
}

async function systemCas(): Promise<string> {
	for (const file of SYSTEM_CAS)
		try {
			return await textIn(file);
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
		}
	return rootCertificates.join("\n");
}

function certificateIn(file: string, text: string): X509Certificate {
	try {
		return new X509Certificate(text);
	} catch {
		throw new OperatorError(`${file}: holds no certificate in PEM`);
	}
}

function lookAtCertificate(
	{ certificate: file = "", keyFile = "" }: TlsSpec,
	text: string,
	key: string,
): string[] {
	const certificate = certificateIn(file, text);
	let isOfIt: boolean;
	try {
		isOfIt = certificate.checkPrivateKey(createPrivateKey(key));
	} catch {
		throw new OperatorError(`${keyFile}: holds no private key in PEM that needs no passphrase`);
	}
	if (!isOfIt) throw new OperatorError(`${keyFile}: is not the key of the certificate in ${file}`);
	const isOver = Date.parse(certificate.validTo) < Date.now();
	return isOver ? [`${file}: the certificate has expired (${certificate.validTo})`] : [];
}

/** Throws an OperatorError if OpenSSL knows none of them. */
function lookAtCiphers(ciphers: string): void {
	try {
		createSecureContext({ ciphers, secureOptions: constants.SSL_OP_NO_TICKET });
	} catch {
		throw new OperatorError(`ciphers ${quote(ciphers)}: OpenSSL knows none of these; see openssl-ciphers(1)`);
	}
}

/** As psktool(1) and nbdkit have it: lines of `NAME:KEY`, the key in hexadecimal digits. Throws an OperatorError that shows none of it. */
export function readPsk(file: string, text: string): [string, string][] {
	const keys: [string, string][] = [];
	for (const [index, line] of text.split(/\r?\n/).entries()) {
		if (/^\s*(#|$)/.test(line)) continue;
		const [, name = "", key = ""] = /^([^:]+):((?:[0-9a-fA-F]{2})+)\s*$/.exec(line) ?? [];
		const isKnown = keys.some(([each]) => each === name);
		const isSense = name !== "" && Buffer.byteLength(name) <= PSK_NAME_BYTES_MAX;
		if (!isSense || key.length / 2 > PSK_KEY_BYTES_MAX || isKnown)
			throw new OperatorError(
				`${file}:${index + 1}: ${isKnown ? "this name has a key already" : "a line is NAME:KEY, the key in hexadecimal digits, as psktool makes them"}`,
			);
		keys.push([name, key]);
	}
	if (keys.length === 0)
		throw new OperatorError(`${file}: holds no key; a line is NAME:KEY, as psktool makes them`);
	return keys;
}
