/**
 * The server of `vblade objects`: S3 over HTTP, behind TLS where there is a certificate. It has one key; whoever can't prove that he has it
 * gets nothing but a refusal. Whatever comes in is answered by S3's words or by the end of the connection, within limits on time, on
 * connections and on what is under way. Made by `lib/cli/objects.ts`; hands requests to the routes.
 */

import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer, type Server as SecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Log } from "../log.js";
import { Slots } from "../object/slots.js";
import { oneLine } from "../text.js";
import { allRoute, bucketRoute } from "./bucket-routes.js";
import { Callers } from "./callers.js";
import type { Context } from "./context.js";
import { faultOf, S3Fault } from "./fault.js";
import { objectRoute } from "./object-routes.js";
import type { PaceLimit } from "./pace.js";
import type { Shelf } from "./shelf.js";
import { type Keys, verify } from "./signature.js";
import { targetOf } from "./target.js";
import { errorXml } from "./xml.js";

/** Texts, in PEM. */
export interface ServerTls {
	readonly certificate: string;
	readonly key: string;
}

export interface ServerLimits {
	readonly connections: number;
	/** To say what is wanted, and to agree on TLS. */
	readonly headersMs: number;
	/** A connection on which nothing moves. */
	readonly idleMs: number;
	readonly pace: PaceLimit;
	/** How long an answer is waited for whose request still comes. */
	readonly lingerMs: number;
	readonly bodies: number;
}

const LIMITS: ServerLimits = {
	connections: 1024,
	headersMs: 10_000,
	idleMs: 60_000,
	pace: { bytes: 64 * 1024, ms: 30_000 },
	lingerMs: 10_000,
	bodies: 64,
};
const LISTS = 2;
const HEADERS_MAX_BYTES = 32 * 1024;
/** How often connections are looked at that say nothing. */
const LOOK_MS = 1000;
const CLOSE_MS = 10_000;

export interface ServerOptions {
	readonly keys: Keys;
	readonly log: Log;
	/** Undefined: in the clear. */
	readonly tls?: ServerTls | undefined;
	readonly limits?: Partial<ServerLimits>;
	/** The time of day, which signatures are held against. */
	readonly today?: () => Date;
}

export class ObjectServer {
	readonly #keys: Keys;
	readonly #log: Log;
	readonly #limits: ServerLimits;
	readonly #today: () => Date;
	readonly #servers: (Server | SecureServer)[] = [];
	readonly #bodies: Slots;
	readonly #lists = new Slots(LISTS);
	readonly #callers: Callers;
	#tls: ServerTls | undefined;
	#shelf: Shelf | undefined;

	constructor({ keys, log, tls, limits, today = () => new Date() }: ServerOptions) {
		[this.#keys, this.#log, this.#tls, this.#today] = [keys, log, tls, today];
		this.#limits = { ...LIMITS, ...limits };
		this.#bodies = new Slots(this.#limits.bodies);
		this.#callers = new Callers(this.#limits.connections);
	}

	/** Port 0 is any that is free. Resolves to where it is. Rejects with the system's error. */
	async listen(at: { readonly address: string; readonly port: number }): Promise<AddressInfo> {
		const { headersMs, idleMs, connections } = this.#limits;
		const options = {
			...{ headersTimeout: headersMs, requestTimeout: 0, keepAliveTimeout: idleMs },
			...{ connectionsCheckingInterval: LOOK_MS, maxHeaderSize: HEADERS_MAX_BYTES },
			...{ noDelay: true, keepAlive: true },
		};
		const tls = this.#tls;
		const server =
			tls === undefined
				? createServer(options)
				: createSecureServer({
						...options,
						...{ cert: tls.certificate, key: tls.key, minVersion: "TLSv1.2", handshakeTimeout: headersMs },
					});
		server.timeout = idleMs;
		server.maxConnections = connections;
		server.on("connection", (socket: Socket) => this.#callers.came(socket));
		server.on("request", (request, response) => void this.#handle(request, response, () => undefined));
		server.on("checkContinue", (request, response) => {
			void this.#handle(request, response, () => response.writeContinue());
		});
		this.#servers.push(server);
		await new Promise<void>((resolve, reject) => {
			server.once("error", reject);
			server.listen({ host: at.address, port: at.port }, () => {
				server.off("error", reject);
				resolve();
			});
		});
		server.on("error", (error) => this.#log.warn(`objects: ${oneLine(error.message)}`));
		const address = server.address();
		if (address === null || typeof address === "string") throw new Error("a socket without a port");
		return address;
	}

	/** What is served from now on. Sockets may listen before, which take rights that opening it is to be done without. */
	serve(shelf: Shelf): void {
		this.#shelf = shelf;
	}

	/** For connections that come from now on. Throws if a server has no TLS, or the texts are none. */
	useTls(tls: ServerTls): void {
		this.#tls = tls;
		for (const server of this.#servers)
			if ("setSecureContext" in server)
				server.setSecureContext({ cert: tls.certificate, key: tls.key, minVersion: "TLSv1.2" });
	}

	/** How many there are now. */
	async connections(): Promise<number> {
		const counts = this.#servers.map(
			(server) =>
				new Promise<number>((resolve) => {
					server.getConnections((error, count) => resolve(error === null ? count : 0));
				}),
		);
		return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
	}

	/** What is under way is answered, for a while. */
	async close(): Promise<void> {
		const timer = setTimeout(() => {
			for (const server of this.#servers) server.closeAllConnections();
		}, CLOSE_MS);
		await Promise.all(
			this.#servers.map(
				(server) =>
					new Promise<void>((resolve) => {
						server.close(() => resolve());
						server.closeIdleConnections();
					}),
			),
		);
		clearTimeout(timer);
	}

	async #handle(request: IncomingMessage, response: ServerResponse, goOn: () => void): Promise<void> {
		const id = randomBytes(8).toString("hex");
		const over = this.#callers.began(request.socket);
		response.on("error", () => undefined);
		response.on("close", over);
		response.setHeader("server", "vblade");
		response.setHeader("x-amz-request-id", id);
		try {
			await this.#answer(request, response, goOn);
		} catch (error) {
			this.#refuse(request, response, error, id);
		}
		if (!request.complete) this.#linger(request, response);
	}

	async #answer(request: IncomingMessage, response: ServerResponse, goOn: () => void): Promise<void> {
		const target = targetOf(request.url ?? "");
		const bodyHash = verify(request, target, this.#keys, this.#today());
		const shelf = this.#shelf;
		if (shelf === undefined) throw new S3Fault("SlowDown", "the directory is being opened");
		const context: Context = {
			...{ shelf, target, request, response, bodyHash, goOn },
			...{ pace: this.#limits.pace, bodies: this.#bodies, lists: this.#lists },
		};
		if (target.bucket === "") await allRoute(context);
		else if (target.key === "") await bucketRoute(context);
		else await objectRoute(context);
	}

	#refuse(request: IncomingMessage, response: ServerResponse, error: unknown, id: string): void {
		const known = faultOf(error);
		const what = `${request.method} ${oneLine(request.url ?? "")}`.slice(0, 200);
		if (known === undefined) this.#log.error(`objects: ${what}: this is a bug in vblade: ${stackOf(error)}`);
		else if (known.status >= 500 && known.code !== "NotImplemented")
			this.#log.warn(`objects: ${what}: ${known.message}`);
		else this.#log.verbose(`objects: ${what}: ${known.code}: ${known.message}`);
		// The answer is half said: that it is not whole is told by the end of the connection.
		if (response.headersSent || response.destroyed) {
			response.destroy();
			return;
		}
		const fault = known ?? new S3Fault("InternalError", "this server has made a mistake");
		for (const name of response.getHeaderNames())
			if (name !== "server" && name !== "x-amz-request-id") response.removeHeader(name);
		const body = Buffer.from(errorXml(fault, (request.url ?? "").slice(0, 1024), id));
		response.writeHead(fault.status, { "content-type": "application/xml", "content-length": body.length });
		response.end(request.method === "HEAD" ? undefined : body);
	}

	/** The rest of what comes is nobody's. It is let come for a while, for who is cut off while he sends does not read the answer. */
	#linger(request: IncomingMessage, response: ServerResponse): void {
		const { socket } = request;
		request.on("error", () => undefined);
		if (request.destroyed || !response.writable) {
			socket?.destroy();
			return;
		}
		request.resume();
		const timer = setTimeout(() => socket.destroy(), this.#limits.lingerMs);
		const over = (): void => clearTimeout(timer);
		request.on("end", over).on("close", over);
	}
}

function stackOf(error: unknown): string {
	return oneLine(error instanceof Error ? (error.stack ?? error.message) : String(error));
}
