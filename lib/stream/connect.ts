/**
 * Connects to a server, TCP or unix. Names are looked up each time; each address of a name is tried until one answers. Used by who opens
 * remote disks.
 */

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { constants } from "node:os";
import { getSystemErrorName } from "node:util";
import { codeOf, OperatorError } from "../errors.js";
import { isNativeError, native } from "../native.js";
import type { ServerSpec } from "../spec/spec.js";
import { SocketStream } from "./socket-stream.js";
import type { ByteStream } from "./stream.js";

/** The addresses of a host, a name: at least one. Rejects with an OperatorError. */
export type LookUp = (host: string) => Promise<readonly string[]>;

/** Addresses of one name that are tried. */
const ADDRESSES_MAX = 8;

/**
 * A connection. It breaks when the other end has been silent for `limitMs`, though something was to be heard. Throws an OperatorError
 * that says why there is none.
 */
export async function connectTo(
	server: ServerSpec,
	limitMs: number,
	lookUp: LookUp = lookUpHere,
): Promise<ByteStream> {
	if (server.kind === "unix") {
		const { path } = server;
		try {
			return new SocketStream(native.connectUnix(path), `unix:${path}`);
		} catch (error) {
			throw new OperatorError(`nobody is at unix:${path} (${codeText(error)})`);
		}
	}
	let failure = new OperatorError(`${server.host} has no address`);
	for (const address of isIP(server.host) > 0 ? [server.host] : await lookUp(server.host)) {
		const name = `${isIP(address) === 6 ? `[${address}]` : address}:${server.port}`;
		try {
			return await connectToAddress(address, server.port, name, limitMs);
		} catch (error) {
			failure = new OperatorError(`no connection to ${name} (${codeText(error)})`);
		}
	}
	throw failure;
}

/** By the system's threads. */
export const lookUpHere: LookUp = async (host) => {
	try {
		const found = await lookup(host, { all: true });
		return found.slice(0, ADDRESSES_MAX).map(({ address }) => address);
	} catch (error) {
		throw new OperatorError(`the address of ${host} is not to be had (${codeText(error)})`);
	}
};

/** Where a host was is where it is tried if it can't be looked up: name servers go, and root, who may read what a look-up takes. */
export function remembering(lookUp: LookUp): LookUp {
	let last: readonly string[] = [];
	return async (host) => {
		try {
			last = await lookUp(host);
		} catch (error) {
			if (!(error instanceof OperatorError) || last.length === 0) throw error;
		}
		return last;
	};
}

async function connectToAddress(
	address: string,
	port: number,
	name: string,
	limitMs: number,
): Promise<ByteStream> {
	const stream = new SocketStream(native.connectTcp(address, port, limitMs), name);
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<number>((resolve) => {
		timer = setTimeout(() => resolve(constants.errno.ETIMEDOUT), limitMs);
	});
	const errno = await Promise.race([stream.connected(), late]);
	clearTimeout(timer);
	if (errno === 0) return stream;
	stream.close();
	throw new OperatorError(getSystemErrorName(-errno));
}

function codeText(error: unknown): string {
	if (isNativeError(error)) return getSystemErrorName(-error.errno);
	return codeOf(error) ?? (error instanceof Error ? error.message : String(error));
}
