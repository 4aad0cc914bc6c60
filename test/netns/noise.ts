/**
 * Sends IP packets that have nothing to do with AoE, as fast as they go, until it is stopped. Run by `lan.test.ts` in a
 * namespace of its own: `node noise.js ADDRESS`. Says "noisy" when it has begun.
 */

import { createRequire } from "node:module";

/** As much of the package raw-socket as is used here; it has no types of its own. */
interface RawSocketModule {
	createSocket(options: { protocol: number }): RawSocket;
}
interface RawSocket {
	send(
		bytes: Buffer,
		offset: number,
		length: number,
		address: string,
		done: (error: Error | null) => void,
	): void;
}

/** For experiments (RFC 3692): nobody listens. */
const PROTOCOL = 253;
/** Looks like the rest of an AoE frame to whoever does not look at the EtherType. */
const PAYLOAD = Buffer.from("1000000900010000000100000000000000100000", "hex");

const raw = createRequire(import.meta.url)("raw-socket") as RawSocketModule;
const socket = raw.createSocket({ protocol: PROTOCOL });
const [address = ""] = process.argv.slice(2);

function sendNext(): void {
	socket.send(PAYLOAD, 0, PAYLOAD.length, address, (error) => {
		if (error) throw error;
		setImmediate(sendNext);
	});
}

sendNext();
process.stdout.write("noisy\n");
