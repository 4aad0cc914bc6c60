/**
 * A server of objects in this process, behind TLS, and a client for it that signs by another implementation than ours (`aws4`) and can be
 * told to do so wrongly. For the tests of `lib/object-server/`.
 */

import { readFileSync } from "node:fs";
import { request } from "node:https";
import path from "node:path";
import aws4 from "aws4";
import t from "tap";
import type { Log } from "../../lib/log.js";
import { ObjectServer, type ServerLimits } from "../../lib/object-server/server.js";
import { Shelf } from "../../lib/object-server/shelf.js";
import { Certificates } from "../nbd/certificates.js";
import { scratchDirectory } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";

export const KEYS = { accessKey: "AKIDEXAMPLE", secret: "sec/ret+KEY", region: "eu-test-1" };

export interface Asking {
	readonly query?: Readonly<Record<string, string>>;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: Buffer | string;
	/** Changes what is sent after it was signed. */
	readonly spoil?: (sent: Record<string, string>) => void;
	readonly secret?: string;
	readonly accessKey?: string;
	/** What is sent as the address, whatever was signed. */
	readonly raw?: string;
}

export interface Answered {
	readonly status: number;
	readonly headers: Readonly<Record<string, string | string[] | undefined>>;
	readonly body: Buffer;
	/** What S3 calls it, if it is an error. */
	readonly code: string | undefined;
}

/** What one is sent that is signed by a stranger's code. */
export function signed(method: string, target: string, host: string, asking: Asking): Record<string, string> {
	const { headers = {}, body, secret = KEYS.secret, accessKey = KEYS.accessKey } = asking;
	const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
	const options = {
		...{ method, path: target, service: "s3", region: KEYS.region, host },
		...{ headers: { host, ...length, ...headers }, ...(body !== undefined && { body }) },
	};
	const made = aws4.sign(options, { accessKeyId: accessKey, secretAccessKey: secret });
	const sent: Record<string, string> = {};
	for (const [name, value] of Object.entries(made.headers ?? {})) sent[name.toLowerCase()] = String(value);
	asking.spoil?.(sent);
	return sent;
}

export class Stage {
	readonly warnings: string[] = [];
	readonly keys = new Certificates(path.join(scratchDirectory(), "keys"));
	readonly ca = readFileSync(this.keys.ca, "utf8");
	readonly own = this.keys.make("server");
	server!: ObjectServer;
	shelf!: Shelf;
	port = 0;

	/** @param folder what is served */
	constructor(readonly folder = path.join(scratchDirectory(), "store")) {}

	async start(limits: Partial<ServerLimits> = {}, today?: () => Date): Promise<void> {
		await Shelf.prepare(this.folder);
		this.shelf = await Shelf.open(this.folder);
		const warn = (message: string): void => void this.warnings.push(message);
		const log: Log = { error: warn, warn, info: () => undefined, verbose: () => undefined };
		const tls = {
			certificate: readFileSync(this.own.certificate, "utf8"),
			key: readFileSync(this.own.key, "utf8"),
		};
		this.server = new ObjectServer({ keys: KEYS, log, tls, limits, ...(today && { today }) });
		this.server.serve(this.shelf);
		({ port: this.port } = await this.server.listen({ address: "127.0.0.1", port: 0 }));
		t.teardown(() => this.stop());
	}

	async stop(): Promise<void> {
		await this.server.close();
		this.shelf.close();
	}

	get host(): string {
		return `localhost:${this.port}`;
	}

	get endpoint(): string {
		return `https://${this.host}`;
	}

	ask(method: string, where: string, asking: Asking = {}): Promise<Answered> {
		const query = new URLSearchParams(asking.query).toString().replaceAll("+", "%20");
		const target = query === "" ? where : `${where}?${query}`;
		const headers = signed(method, target, this.host, asking);
		return new Promise((resolve, reject) => {
			const asked = request(
				{
					...{ host: "localhost", port: this.port, method, path: asking.raw ?? target, headers, ca: this.ca },
					...{ agent: false, timeout: LIMIT_MS },
				},
				(answer) => {
					const pieces: Buffer[] = [];
					answer.on("data", (piece: Buffer) => pieces.push(piece));
					answer.on("error", reject);
					answer.on("end", () => {
						const body = Buffer.concat(pieces);
						const [, code] = /<Code>(\w+)<\/Code>/.exec(body.toString("latin1")) ?? [];
						resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body, code });
					});
				},
			);
			asked.on("error", reject);
			asked.on("timeout", () => asked.destroy(new Error(`${method} ${target}: no answer`)));
			asked.end(asking.body);
		});
	}
}
