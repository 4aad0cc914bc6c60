/**
 * So many connections a second to a server of NBD at a port of this host, each of which asks for TLS, says who it is, and leaves, until the
 * process is ended. Run by `nbd-beside.ts`: `nbd-handshakes.js PORT FOLDER-OF-CERTIFICATES COUNT`. Ends with status 1 if one fails.
 */

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { connect as secure } from "node:tls";
import { HandshakeFlag, OPTION_MAGIC, Option } from "../../lib/nbd/protocol.js";

const GREETING_BYTES = 18;
const REPLY_BYTES = 20;
const [port = "", folder = "", count = "1"] = process.argv.slice(2);
const file = (name: string): Buffer => readFileSync(path.join(folder, name));
const keys = { ca: file("ca-cert.pem"), cert: file("client-cert.pem"), key: file("client-key.pem") };

async function handshake(): Promise<void> {
	const socket = connect(Number(port), "127.0.0.1");
	await once(socket, "connect");
	const hello = Buffer.alloc(20);
	hello.writeUInt32BE(HandshakeFlag.fixedNewstyle | HandshakeFlag.noZeroes);
	hello.writeBigUInt64BE(OPTION_MAGIC, 4);
	hello.writeUInt32BE(Option.startTls, 12);
	socket.write(hello);
	for (let left = GREETING_BYTES + REPLY_BYTES; left > 0; ) {
		const [chunk] = (await once(socket, "data")) as [Buffer];
		left -= chunk.length;
	}
	const secured = secure({ socket, host: "localhost", ...keys });
	await once(secured, "secureConnect");
	secured.destroy();
}

setInterval(() => {
	handshake().catch((error: unknown) => {
		process.stderr.write(`${String(error)}\n`);
		process.exit(1);
	});
}, 1000 / Number(count));
