/**
 * An HTTP server in this process that stands in for an object store: what S3's and Swift's have in common. It keeps objects in
 * memory, and can be told to go wrong. `stand-in-s3.ts` and `stand-in-swift.ts` say what is asked of it, and how.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Asked {
	readonly method: string;
	readonly url: URL;
	/** As it came, encoded. */
	readonly target: string;
	readonly headers: IncomingMessage["headers"];
	readonly body: Buffer;
}

export interface Told {
	readonly status: number;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: Buffer | string;
}

export interface Kept {
	readonly bytes: Buffer;
	/** Of the request that made it, those that are the object's. */
	readonly headers: Readonly<Record<string, string>>;
}

/** What happens to a request: `answer` is made in any case, unless it is left out. */
export type Mishap = (
	asked: Asked,
	answer: () => Told,
	response: ServerResponse,
) => Told | "handled" | undefined;

export abstract class StandIn {
	readonly objects = new Map<string, Kept>();
	/** `METHOD path`, in the order in which they came. */
	readonly asked: string[] = [];
	/** Asked first; undefined: nothing happens to it. */
	mishap: Mishap = () => undefined;
	readonly #server: Server;

	constructor() {
		this.#server = createServer((request, response) => void this.#serve(request, response));
	}

	/** Answers where it is. */
	async start(): Promise<string> {
		await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
		const { port } = this.#server.address() as AddressInfo;
		return `http://127.0.0.1:${port}`;
	}

	/** With all connections. */
	async stop(): Promise<void> {
		this.#server.closeAllConnections();
		await new Promise((resolve) => this.#server.close(resolve));
	}

	/** Sockets that it has. */
	connections(): Promise<number> {
		return new Promise((resolve, reject) =>
			this.#server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
		);
	}

	protected abstract answer(asked: Asked): Told;

	/** A GET or HEAD of what is kept. */
	protected read({ headers }: Asked, { bytes, headers: own }: Kept): Told {
		const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
		if (first === undefined) return { status: 200, headers: own, body: bytes };
		if (Number(first) >= bytes.length) return { status: 416 };
		const end = Math.min(Number(last), bytes.length - 1);
		const part = bytes.subarray(Number(first), end + 1);
		return {
			status: 206,
			headers: { ...own, "content-range": `bytes ${first}-${end}/${bytes.length}` },
			body: part,
		};
	}

	/** Names behind `after`, in order. */
	protected names(prefix: string, after: string): string[] {
		return [...this.objects.keys()].filter((name) => name.startsWith(prefix) && name > after).sort();
	}

	async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const chunks: Buffer[] = [];
		try {
			for await (const chunk of request) chunks.push(chunk);
		} catch {
			// (Whoever has been killed amid an upload has asked for nothing.)
			return;
		}
		const { method = "", url: target = "", headers } = request;
		const body = Buffer.concat(chunks);
		const asked = { method, target, url: new URL(target, "http://stand.in"), headers, body };
		this.asked.push(`${method} ${target}`);
		const told = this.mishap(asked, () => this.answer(asked), response) ?? this.answer(asked);
		if (told === "handled") return;
		const said = Buffer.from(told.body ?? "");
		response.writeHead(told.status, { "content-length": said.length, ...told.headers });
		response.end(method === "HEAD" ? undefined : said);
	}
}

/** The answer is lost, though it was done. */
export const lostAnswer: Mishap = (_asked, answer, response) => {
	answer();
	response.destroy();
	return "handled";
};

/** So many times, for requests of one method; then as ever. */
export function atFirst(times: number, method: string, mishap: Mishap): Mishap {
	let left = times;
	return (asked, answer, response) => {
		if (asked.method !== method || left === 0) return undefined;
		left -= 1;
		return mishap(asked, answer, response);
	};
}
