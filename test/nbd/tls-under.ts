/** The NBD server with TLS under test, the other end of which is Node's own TLS over a socket pair. Used by tests of TLS. */

import { readdirSync } from "node:fs";
import { Socket } from "node:net";
import path from "node:path";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import t, { type Test } from "tap";
import { Tls } from "../../lib/daemon/tls.js";
import { native } from "../../lib/native.js";
import { Option, OptionReply } from "../../lib/nbd/protocol.js";
import { SocketStream } from "../../lib/stream/socket-stream.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { readMaterial } from "../../lib/tls/material.js";
import { Certificates } from "./certificates.js";
import { ServerUnderTest, TestClient } from "./client.js";

export const made = new Certificates(path.join(t.testdir(), "ca"));
const { certificate, key: keyFile } = made.make("server", "localhost");
const client = made.make("backup");
let clients = 0;

export interface Under {
	readonly server: ServerUnderTest;
	readonly clock: VirtualClock;
	readonly refusals: string[];
	/** The next reason why somebody was refused. */
	refusal(): Promise<string>;
}

export async function under(t: Test, isRequired = true): Promise<Under> {
	const tls = new Tls();
	const refusals: string[] = [];
	let wake = (): void => {};
	const clock = new VirtualClock();
	const onInsecure = (_: unknown, why: string): void => {
		refusals.push(why);
		wake();
	};
	const server = new ServerUnderTest(undefined, { clock, onInsecure });
	const spec = { isRequired, threads: 1, certificate, keyFile, ca: made.ca };
	server.server.tls = tls.server(spec, (await readMaterial(spec, false)).material);
	t.teardown(() => {
		server.close();
		tls.close();
	});
	let heard = 0;
	const refusal = async (): Promise<string> => {
		while (refusals.length === heard) await new Promise<void>((resolve) => (wake = resolve));
		return refusals[heard++]!;
	};
	return { server, clock, refusals, refusal };
}

/** A connection on which TLS shall begin, behind the server's yes. */
export async function begun({ server }: Under, behind: Uint8Array = Buffer.alloc(0)): Promise<Socket> {
	const [ours, theirs] = native.socketPair();
	server.server.accept(new SocketStream(theirs, `192.0.2.${++clients % 250}:1`));
	const socket = new Socket({ fd: ours, readable: true, writable: true });
	socket.on("error", () => {});
	const plain = new TestClient(socket);
	await plain.greet();
	plain.option(Option.startTls, behind);
	const [answer] = await plain.answers();
	if (answer?.reply !== OptionReply.ack) throw new Error(`TLS was not begun: ${answer?.reply}`);
	socket.removeAllListeners("data");
	return socket;
}

export async function secured(socket: Socket, options: ConnectionOptions = {}): Promise<TLSSocket> {
	const { material } = await readMaterial({ ...client, keyFile: client.key, ca: made.ca }, true);
	const { ca, certificate: cert, key } = material;
	const tls = connect({ socket, servername: "localhost", ca: ca!, cert: cert!, key: key!, ...options });
	tls.on("error", () => {});
	await new Promise<void>((resolve, reject) => {
		tls.once("secureConnect", resolve);
		tls.once("error", reject);
		// (Who is closed before it is secure has no error.)
		tls.once("close", () => reject(new Error("the line was closed")));
	});
	return tls;
}

export const descriptors = (): number => readdirSync("/proc/self/fd").length;
