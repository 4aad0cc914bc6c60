/**
 * The HTTP server: on listeners that somebody else has bound, within limits that keep it alive whatever is sent. Whoever is slow with
 * his request, sends too much of it, or comes with too many connections is refused; nobody waits for him. Started by `control.ts`;
 * hands requests to the application.
 */

import { createServer, type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import type { ListenOptions, Socket } from "node:net";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import type { Surroundings } from "./app.js";
import type { Caller } from "./guard.js";
import { PROBLEM_TYPE } from "./model.js";
import { oneByOne } from "./one-by-one.js";
import { problemOf, problemResponse, Refusal, type RefusalStatus } from "./problem.js";

export interface ServerLimits {
	/** On the unix socket, and on each other listener. */
	readonly connections: number;
	readonly connectionsByTcp: number;
	/** From one address. */
	readonly connectionsOfAddress: number;
	readonly headersMs: number;
	readonly requestMs: number;
	/** Between requests, and while an answer is not taken. */
	readonly idleMs: number;
}

const LIMITS: ServerLimits = {
	connections: 1000,
	connectionsByTcp: 1000,
	connectionsOfAddress: 250,
	headersMs: 10_000,
	requestMs: 30_000,
	idleMs: 60_000,
};
const HEADER_MAX_BYTES = 16_384;
const KEEP_ALIVE_MS = 15_000;
/** How long the last answers may take when the server stops, and when one of its listeners does. */
const CLOSE_LIMIT_MS = 2000;
const STOP_LIMIT_MS = 10_000;

/** What a process has open that nobody is connected to, roughly. */
const FILES_OWN = 48;
const CONNECTIONS_LEAST = 8;
/** More than people have at once. */
const TCP_LISTENERS = 4;

/** So that no caller finds a process without descriptors: half of them are for the unix socket, which only those may use who are let in. */
export function connectionsWithin(
	descriptors: number,
): Pick<ServerLimits, "connections" | "connectionsByTcp"> {
	const half = Math.max(CONNECTIONS_LEAST, Math.floor((descriptors - FILES_OWN) / 2));
	return {
		connections: Math.min(LIMITS.connections, half),
		connectionsByTcp: Math.min(LIMITS.connectionsByTcp, Math.floor(half / TCP_LISTENERS)),
	};
}

interface Application {
	fetch(request: Request, surroundings: Surroundings): Response | Promise<Response>;
}

export class ApiServer {
	readonly #app: Application;
	readonly #limits: ServerLimits;
	readonly #servers: Server[] = [];

	constructor(app: Application, limits: Partial<ServerLimits> = {}) {
		this.#app = app;
		this.#limits = { ...LIMITS, ...limits };
	}

	/** Serves what comes in there: a descriptor that is bound, or what a test has chosen. Resolves when it listens. */
	async listen(transport: Caller["transport"], where: ListenOptions): Promise<Server> {
		const server = this.#create(transport);
		await new Promise<void>((resolve, reject) => {
			server.once("error", reject);
			server.listen(where, () => {
				server.off("error", reject);
				resolve();
			});
		});
		// A connection that can't be taken, for want of a descriptor: the next one may be.
		server.on("error", () => {});
		this.#servers.push(server);
		return server;
	}

	/** Takes no more, and ends when the last answer is out, or after two seconds. */
	async close(): Promise<void> {
		await Promise.all(this.#servers.splice(0).map((server) => closed(server, CLOSE_LIMIT_MS)));
	}

	/** One that is no longer wanted takes no more. Resolves when its last answer is out, or after ten seconds. */
	async stop(server: Server): Promise<void> {
		const index = this.#servers.indexOf(server);
		if (index !== -1) this.#servers.splice(index, 1);
		await closed(server, STOP_LIMIT_MS);
	}

	#create(transport: Caller["transport"]): Server {
		const { connections, connectionsByTcp, headersMs, requestMs, idleMs } = this.#limits;
		const listener = getRequestListener(
			(request, bindings) => {
				const { incoming, outgoing } = bindings as HttpBindings;
				const caller = callerOf(transport, incoming);
				return this.#app.fetch(request, { caller, disconnect: () => void outgoing.destroy() });
			},
			{ overrideGlobalObjects: false, errorHandler: badRequest },
		);
		const server = createServer(
			{
				maxHeaderSize: HEADER_MAX_BYTES,
				headersTimeout: headersMs,
				requestTimeout: requestMs,
				keepAliveTimeout: KEEP_ALIVE_MS,
				connectionsCheckingInterval: Math.min(1000, headersMs),
			},
			oneByOne((incoming, outgoing) => void listener(incoming, outgoing)),
		);
		server.maxConnections = transport === "unix" ? connections : connectionsByTcp;
		server.setTimeout(idleMs);
		server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => refuseBytes(error, socket));
		if (transport === "tcp") this.#boundAddresses(server);
		return server;
	}

	/** So that one address can't take all connections that there may be. */
	#boundAddresses(server: Server): void {
		const counts = new Map<string, number>();
		server.on("connection", (socket) => {
			const { remoteAddress = "" } = socket;
			const count = (counts.get(remoteAddress) ?? 0) + 1;
			counts.set(remoteAddress, count);
			socket.once("close", () => {
				const left = (counts.get(remoteAddress) ?? 1) - 1;
				if (left === 0) counts.delete(remoteAddress);
				else counts.set(remoteAddress, left);
			});
			if (count > this.#limits.connectionsOfAddress) socket.destroy();
		});
	}
}

function closed(server: Server, limitMs: number): Promise<void> {
	return new Promise((resolve) => {
		const late = setTimeout(() => server.closeAllConnections(), limitMs);
		server.close(() => {
			clearTimeout(late);
			resolve();
		});
		server.closeIdleConnections();
	});
}

function callerOf(transport: Caller["transport"], { socket }: IncomingMessage): Caller {
	const { localAddress = "", remoteAddress = "" } = socket;
	return { transport, localAddress, remoteAddress };
}

/** What is no request that an application could be asked with: a Host that can't be, an address that is none. */
function badRequest(): Response {
	return problemResponse(new Refusal(400, "the request's address or its Host header can't be read"));
}

/** For what Node itself can't read. Written by hand, as there is no request. */
function refuseBytes(error: NodeJS.ErrnoException, socket: Socket): void {
	if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
	const [status, detail] = reasonOf(error.code);
	const body = `${JSON.stringify(problemOf(new Refusal(status, detail)))}\n`;
	socket.end(
		`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
		() => socket.destroy(),
	);
}

function reasonOf(code: string | undefined): [RefusalStatus, string] {
	switch (code) {
		case "HPE_HEADER_OVERFLOW":
			return [431, `the header is longer than ${HEADER_MAX_BYTES} bytes`];
		case "ERR_HTTP_REQUEST_TIMEOUT":
			return [408, "the request took too long to arrive"];
		default:
			return [400, "this is not HTTP"];
	}
}
