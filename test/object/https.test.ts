// Stores and heads behind TLS: whom they are trusted by, and what they are shown.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import path from "node:path";
import type { TLSSocket } from "node:tls";
import t from "tap";
import { systemClock } from "../../lib/clock.js";
import { RequestCounts } from "../../lib/object/counts.js";
import { ObjectError } from "../../lib/object/errors.js";
import { HttpDoor, type HttpTls } from "../../lib/object/http.js";
import { Certificates } from "../nbd/certificates.js";

t.test("a CA of one's own, and a certificate for the server", async (t) => {
	const all = new Certificates(path.join(t.testdir(), "keys"));
	const read = (file: string): string => readFileSync(file, "utf8");
	const [server, client] = [all.make("server"), all.make("client")];
	const ca = read(all.ca);
	const own = { cert: read(server.certificate), key: read(server.key), ca };
	const http = createServer({ ...own, requestCert: true, rejectUnauthorized: false }, (request, response) => {
		const socket = request.socket as TLSSocket;
		response.end(socket.authorized ? socket.getPeerCertificate().subject.CN : "nobody");
	});
	await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
	t.teardown(() => http.close());
	const { port } = http.address() as AddressInfo;
	const ask = async (tls?: HttpTls): Promise<string> => {
		const counts = new RequestCounts();
		const door = new HttpDoor(`https://localhost:${port}`, { clock: systemClock, counts, tls });
		try {
			const asked = { op: "get", method: "GET", path: "/", headers: {} } as const;
			return (await door.ask(asked, AbortSignal.timeout(10_000))).body.toString();
		} catch (error) {
			if (!(error instanceof ObjectError)) throw error;
			return error.kind;
		} finally {
			await door.close();
		}
	};
	t.equal(await ask({ ca }), "nobody");
	t.equal(await ask({ ca, certificate: read(client.certificate), key: read(client.key) }), "client");
	t.equal(await ask(), "unavailable", "a CA that the system does not trust");
});
