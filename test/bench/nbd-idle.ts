/**
 * Connects so many times to a server of NBD on a unix socket, agrees on its default export, reads a block, and tells how much memory the
 * server has then, in KiB. Run by `nbd-figures.ts` in a process of its own: `nbd-idle.js URI COUNT PID FOLDER-OF-ITS-IMAGES`.
 */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { HandshakeFlag, OPTION_MAGIC, Option } from "../../lib/nbd/protocol.js";
import { pause } from "../support/cleanup.js";
import { residentKib } from "./processes.js";

const SETTLE_MS = 1000;
const REQUEST_MAGIC = 0x25609513;
const BLOCK_BYTES = 4096;

const [uri = "", count = "0", pid = "0", folder = ""] = process.argv.slice(2);
const socketPath = new URL(uri.replace("nbd+unix:", "http:").replace(":///", "://unix/")).searchParams.get(
	"socket",
);
const sockets: Socket[] = [];
for (let i = 0; i < Number(count); i++) sockets.push(await agreed(socketPath ?? ""));
await pause(SETTLE_MS);
process.stdout.write(String(residentKib([Number(pid)], folder)));
for (const socket of sockets) socket.destroy();

/** The greeting and NBD_OPT_EXPORT_NAME of no name, then a read of one block. */
async function agreed(file: string): Promise<Socket> {
	const socket = connect(file);
	await once(socket, "connect");
	const hello = Buffer.alloc(20);
	hello.writeUInt32BE(HandshakeFlag.fixedNewstyle | HandshakeFlag.noZeroes);
	hello.writeBigUInt64BE(OPTION_MAGIC, 4);
	hello.writeUInt32BE(Option.exportName, 12);
	const read = Buffer.alloc(28);
	read.writeUInt32BE(REQUEST_MAGIC);
	read.writeUInt32BE(BLOCK_BYTES, 24);
	socket.write(Buffer.concat([hello, read]));
	const greetingBytes = 18 + 10 + 16;
	for (let left = greetingBytes + BLOCK_BYTES; left > 0; ) {
		const [chunk] = (await once(socket, "data")) as [Buffer];
		left -= chunk.length;
	}
	return socket;
}
