/**
 * A thread in which TLS runs, beside the loop that serves disks: it makes handshakes, and moves bytes between connections and the socket
 * pairs at whose other ends the loop reads and writes what was encrypted. Started by `threads.ts` from the text of this file, for a
 * process that has given up root opens none: so it imports nothing of ours but types.
 */

import { constants } from "node:crypto";
import { Socket } from "node:net";
import {
	checkServerIdentity,
	connect,
	createSecureContext,
	type PeerCertificate,
	type SecureContext,
	TLSSocket,
} from "node:tls";
import { parentPort, workerData } from "node:worker_threads";
import type { FromThread, TlsAgreement, TlsMaterial, TlsSide, ToThread } from "./side.js";

/** What was said last may be on its way for so long. */
const LINGER_MS = 5000;
/** Sides whose keys have been understood: the latest. */
const SIDES_MAX = 64;
/** Names and keys in TLS 1.3 go with SHA-256, so these come first. */
const PSK_CIPHERS =
	"TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384:ECDHE-PSK-CHACHA20-POLY1305:DHE-PSK-AES256-GCM-SHA384:DHE-PSK-AES128-GCM-SHA256:DHE-PSK-CHACHA20-POLY1305:PSK-AES256-GCM-SHA384:PSK-AES128-GCM-SHA256";
/** By the codes of OpenSSL and Node. */
const REASONS = workerData as Readonly<Record<string, string>>;

const port = parentPort!;
const relays = new Map<number, Relay>();
const contexts = new Map<number, SecureContext>();

const tell = (message: FromThread): void => port.postMessage(message);

function contextOf({ id, kind, material }: TlsSide): SecureContext {
	const known = contexts.get(id);
	if (known !== undefined) return known;
	const {
		certificate,
		key,
		ca,
		psk,
		ciphers = psk === undefined ? undefined : pskCiphers(kind, certificate),
	} = material;
	const context = createSecureContext({
		minVersion: "TLSv1.2",
		maxVersion: "TLSv1.3",
		honorCipherOrder: true,
		// (OpenSSL has no names and keys of TLS 1.3 beside certificates without it; clients may have none.)
		...(kind === "server" && { sessionIdContext: "vblade" }),
		...(certificate !== undefined && { cert: certificate, key }),
		...(ca !== undefined && { ca }),
		...(ciphers !== undefined && { ciphers }),
		// Who was somebody once may be nobody now; and nobody makes us begin again and again.
		secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
	});
	if (contexts.size >= SIDES_MAX) contexts.delete([...contexts.keys()][0]!);
	contexts.set(id, context);
	return context;
}

/** Certificates have their ciphers too, of TLS 1.2, where there is one. A client with a key wants nothing else. */
function pskCiphers(kind: TlsSide["kind"], certificate: string | undefined): string {
	return kind === "server" && certificate !== undefined
		? `${PSK_CIPHERS}:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256`
		: PSK_CIPHERS;
}

function keyOf({ psk = [] }: TlsMaterial, name: string): Buffer | null {
	const key = psk.find(([each]) => each === name)?.[1];
	return key === undefined ? null : Buffer.from(key, "hex");
}

/** What is wrong, for people. */
function reasonOf(error: unknown): string {
	if (!(error instanceof Error)) return String(error);
	const code = "code" in error ? String(error.code) : "";
	const known = REASONS[code];
	if (known !== undefined) return known;
	const alert = /ALERT_(.+)$/.exec(code)?.[1];
	if (alert !== undefined) return `the other end refuses: ${alert.toLowerCase().replaceAll("_", " ")}`;
	if (code === "ECONNRESET" || code === "EPIPE") return HUNG_UP;
	const reason = "reason" in error ? String(error.reason) : error.message;
	return reason.slice(0, 200);
}

const HUNG_UP = "the other end has hung up";
const UNKNOWN_PSK = "there is no key (PSK) by the name that the other end has";

/** Calls `up` or `failed`, once. */
interface Ends {
	up(agreement: TlsAgreement): void;
	failed(why: string): void;
}

function serve(raw: Socket, side: TlsSide & { kind: "server" }, { up, failed }: Ends): TLSSocket {
	const { ca, psk } = side.material;
	let named: string | null = null;
	let isUnknown = false;
	const tls = new TLSSocket(raw, {
		isServer: true,
		secureContext: contextOf(side),
		requestCert: ca !== undefined,
		// (So that who is refused hears why, in the words of the protocol behind TLS.)
		rejectUnauthorized: false,
		...(psk !== undefined && {
			pskCallback: (_socket: TLSSocket, identity: string) => {
				const key = keyOf(side.material, identity);
				isUnknown = key === null;
				named = key === null ? named : identity;
				return key;
			},
		}),
	});
	tls.once("secure", () => {
		const { protocol, cipher } = namesOf(tls);
		// What a name without its key is good for: nothing. Tickets there are none, so this is a key that both ends have.
		const isByKey = named !== null && (tls.isSessionReused() || /(^|-)PSK-/.test(cipher));
		const shown = isByKey ? { identity: `psk:${named}`, refusal: null } : shownBy(tls, side.material);
		up({ protocol, cipher, ...shown });
	});
	tls.once("error", (error) => failed(isUnknown ? UNKNOWN_PSK : serverReasonOf(error, side.material)));
	return tls;
}

/** A server that has keys alone has nothing for who names none. */
function serverReasonOf(error: Error, { certificate, psk }: TlsMaterial): string {
	const code = "code" in error ? String(error.code) : "";
	const isWithoutKey = /NO_SHARED_CIPHER|NO_SUITABLE_SIGNATURE_ALGORITHM/.test(code);
	if (!isWithoutKey || psk === undefined || certificate !== undefined) return reasonOf(error);
	return "the other end names no key (PSK), or has no cipher that goes with it, and there is no certificate here";
}

/** By a certificate; where anybody has to show something, who shows nothing is refused. */
function shownBy(tls: TLSSocket, { ca, psk }: TlsMaterial): Pick<TlsAgreement, "identity" | "refusal"> {
	if (ca === undefined) {
		const refusal = psk === undefined ? null : "this client has no key (PSK) of this server";
		return { identity: null, refusal };
	}
	const certificate = tls.getPeerCertificate();
	if (!certificate?.subject) return { identity: null, refusal: "this client has shown no certificate" };
	const wrong = wrongWith(tls);
	if (wrong !== null) return { identity: null, refusal: `of this client: ${wrong}` };
	const name: unknown = certificate.subject.CN;
	return { identity: typeof name === "string" ? `cn:${name}` : null, refusal: null };
}

/** What Node has found out about the certificate, which it tells nobody but its own servers. */
function wrongWith(tls: TLSSocket): string | null {
	const { _handle: handle } = tls as unknown as { _handle?: { verifyError?(): Error | null } };
	if (handle?.verifyError === undefined) return "the certificate can't be verified with this Node";
	const error = handle.verifyError();
	return error ? reasonOf(error) : null;
}

function namesOf(tls: TLSSocket): { protocol: string; cipher: string } {
	return { protocol: tls.getProtocol() ?? "TLS", cipher: tls.getCipher()?.name ?? "" };
}

function reach(raw: Socket, side: TlsSide & { kind: "client" }, { up, failed }: Ends): TLSSocket {
	const { material, host, identity } = side;
	const key = identity === null ? null : keyOf(material, identity);
	const tls = connect({
		socket: raw,
		secureContext: contextOf(side),
		...(host !== null && (/^[0-9.]+$|:/.test(host) ? { host } : { host, servername: host })),
		checkServerIdentity: (name: string, certificate: PeerCertificate) => {
			if (key !== null)
				return certificate?.subject
					? new Error("the server knows no key (PSK) of ours, and shows a certificate")
					: undefined;
			return host === null ? undefined : checkServerIdentity(name, certificate);
		},
		...(key !== null && { pskCallback: () => ({ identity: identity ?? "", psk: key }) }),
	});
	tls.once("secureConnect", () => up({ ...namesOf(tls), identity: null, refusal: null }));
	tls.once("error", (error) => failed(reasonOf(error)));
	return tls;
}

/**
 * Like `pipe`, of what was decrypted: a client that has much under way sends each request as a record of its own, and what one read of
 * the connection has brought goes to the loop by one write, not by one for each of them.
 */
function hand(tls: TLSSocket, plain: Socket): void {
	let isHeld = false;
	const letGo = (): void => {
		isHeld = false;
		plain.uncork();
	};
	tls.on("data", (bytes: Buffer) => {
		if (!isHeld) {
			isHeld = true;
			plain.cork();
			setImmediate(letGo);
		}
		if (!plain.write(bytes)) tls.pause();
	});
	plain.on("drain", () => tls.resume());
	tls.on("end", () => plain.end());
}

/** A connection, from the first byte of its handshake to its end. Has both descriptors, whatever comes of them. */
class Relay {
	readonly #id: number;
	readonly #raw: Socket;
	readonly #plain: Socket;
	#tls: TLSSocket | null = null;
	#isUp = false;
	#isOver = false;
	#lingering: NodeJS.Timeout | undefined;

	constructor({ id, socket, plain, side }: ToThread & { kind: "secure" }) {
		this.#id = id;
		const how = { readable: true, writable: true, allowHalfOpen: true };
		this.#raw = new Socket({ fd: socket, ...how });
		this.#plain = new Socket({ fd: plain, ...how });
		tell({ kind: "taken", id });
		relays.set(id, this);
		this.#raw.on("error", (error) => this.#failed(reasonOf(error)));
		this.#plain.on("error", () => {});
		const ends = {
			up: (agreement: TlsAgreement) => this.#up(agreement),
			failed: (why: string) => this.#failed(why),
		};
		try {
			const tls = side.kind === "server" ? serve(this.#raw, side, ends) : reach(this.#raw, side, ends);
			this.#tls = tls;
			tls.on("error", (error) => this.#failed(reasonOf(error)));
			tls.on("end", () => this.#isUp || this.#failed(HUNG_UP));
			tls.on("close", () => (this.#isUp ? this.end() : this.#failed(HUNG_UP)));
		} catch (error) {
			this.#failed(reasonOf(error));
		}
	}

	/** Bytes go both ways, as fast as the slower end takes them; the end of one way is the end of that way. */
	#up(agreement: TlsAgreement): void {
		const tls = this.#tls;
		if (this.#isOver || tls === null) return;
		this.#isUp = true;
		tell({ kind: "up", id: this.#id, agreement });
		hand(tls, this.#plain);
		this.#plain.pipe(tls);
		this.#plain.on("end", () => this.#linger(tls));
		this.#plain.on("close", () => this.#linger(tls));
	}

	/** The loop wants nothing more: what it said goes out, if that is taken within the limit. */
	#linger(tls: TLSSocket): void {
		if (this.#isOver || this.#lingering !== undefined) return;
		tls.removeAllListeners("data");
		tls.end();
		tls.resume();
		this.#lingering = setTimeout(() => this.end(), LINGER_MS);
	}

	/** One that was up ends when the loop has heard why. */
	#failed(why: string): void {
		if (this.#isOver) return;
		if (this.#isUp) {
			tell({ kind: "broken", id: this.#id, why });
			this.#lingering ??= setTimeout(() => this.end(), LINGER_MS);
			return;
		}
		this.end();
		tell({ kind: "failed", id: this.#id, why });
	}

	/** Now. May be called again. */
	end(): void {
		if (this.#isOver) return;
		this.#isOver = true;
		clearTimeout(this.#lingering);
		relays.delete(this.#id);
		this.#tls?.destroy();
		this.#raw.destroy();
		this.#plain.destroy();
		if (this.#isUp) tell({ kind: "over", id: this.#id });
	}
}

port.on("message", (message: ToThread) => {
	switch (message.kind) {
		case "secure":
			new Relay(message);
			break;
		case "drop":
			relays.get(message.id)?.end();
			break;
		case "ask":
			tell({ kind: "alive" });
			break;
	}
});
