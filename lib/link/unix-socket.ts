/**
 * Listening on a unix socket the way a service should: a socket that a dead process left behind is replaced, one that is
 * in use is not, anything else of that name is not touched, and only our own user may connect. Used by `unix.ts`; `lib/stream/` replaces stale ones by it, too.
 */

import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { OperatorError } from "../errors.js";
import { SOCKET_PATH_MAX_BYTES } from "../spec/ranges.js";
import { quote } from "../text.js";

/** Who may connect: the owner. */
const SOCKET_MODE = 0o600;

/**
 * Listens on `path`; `accept` gets each connection. Throws an OperatorError that says what is wrong.
 * @param descriptor of a socket that listens there already
 */
export async function listen(
	path: string,
	accept: (socket: Socket) => void,
	descriptor?: number,
): Promise<Server> {
	checkPath(path);
	const server = createServer(accept);
	if (descriptor !== undefined) return server.listen({ fd: descriptor });
	let failure = await listening(server, path);
	if (failure?.code === "EADDRINUSE") {
		await removeStale(path);
		failure = await listening(server, path);
	}
	if (failure === undefined) return server;
	server.close();
	throw new OperatorError(
		`${quote(`unix:${path}`)}: can't listen there (${failure.code}); the folder must exist and be writable`,
	);
}

/** Connects to whoever listens on `path`. Throws an OperatorError if nobody does. */
export async function connectTo(path: string): Promise<Socket> {
	checkPath(path);
	const socket = connect(path);
	const failure = await connected(socket);
	if (failure === undefined) return socket;
	throw new OperatorError(
		`${quote(`unix:${path}`)}: can't connect (${failure.code}); start vblade with this netif first`,
	);
}

function checkPath(path: string): void {
	const length = Buffer.byteLength(path);
	if (length < 1 || length > SOCKET_PATH_MAX_BYTES)
		throw new OperatorError(
			`${quote(`unix:${path}`)}: the path of a unix socket has 1 to ${SOCKET_PATH_MAX_BYTES} bytes`,
		);
}

/** Resolves to undefined once `server` listens, else to the reason why it can't. */
function listening(server: Server, path: string): Promise<NodeJS.ErrnoException | undefined> {
	return new Promise((resolve) => {
		const failed = (error: NodeJS.ErrnoException): void => resolve(error);
		server.once("error", failed);
		server.listen(path, () => {
			server.off("error", failed);
			resolve(restrict(path));
		});
	});
}

/** Keeps other users out. */
function restrict(path: string): NodeJS.ErrnoException | undefined {
	try {
		chmodSync(path, SOCKET_MODE);
		return undefined;
	} catch (error) {
		return error as NodeJS.ErrnoException;
	}
}

/** Removes what is at `path` if it is a socket that nobody listens on. Throws an OperatorError if it is anything else. */
export async function removeStale(path: string): Promise<void> {
	const name = quote(`unix:${path}`);
	const found = lstatSync(path, { throwIfNoEntry: false });
	if (found === undefined) return;
	if (!found.isSocket()) throw new OperatorError(`${name}: exists and is not a socket; give another path`);
	const probe = connect(path);
	const failure = await connected(probe);
	probe.destroy();
	if (failure === undefined || failure.code === "EAGAIN")
		throw new OperatorError(`${name}: another process listens there; stop it or give another path`);
	if (failure.code !== "ECONNREFUSED")
		throw new OperatorError(`${name}: can't tell whether it is in use (${failure.code}); remove it if not`);
	unlinkSync(path);
}

/** Which file that is, as long as its socket is open: another of the same name is another one. Null: none. */
export function socketFileAt(path: string): string | null {
	const found = lstatSync(path, { throwIfNoEntry: false });
	return found?.isSocket() ? `${found.dev}:${found.ino}` : null;
}

/** Removes what our socket, which is still open, is called by, unless somebody else's has taken its place. */
export function removeSocketFile(path: string, file: string | null): void {
	try {
		if (file !== null && socketFileAt(path) === file) unlinkSync(path);
	} catch {
		// (Only others may remove it, or have: whoever connects there is refused.)
	}
}

/** Resolves to undefined once `socket` is connected, else to the reason why it can't be. */
function connected(socket: Socket): Promise<NodeJS.ErrnoException | undefined> {
	return new Promise((resolve) => {
		const failed = (error: NodeJS.ErrnoException): void => resolve(error);
		socket.once("error", failed);
		socket.once("connect", () => {
			socket.off("error", failed);
			resolve(undefined);
		});
	});
}
