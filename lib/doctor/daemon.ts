/**
 * What a running daemon says of itself, asked over its socket. It may be of another version, or in trouble: so it has a limit, and whatever
 * it says is taken as it comes; checks pick out what they know. Used by `lib/cli/doctor.ts`.
 */

import { request } from "node:http";

const LIMIT_MS = 3000;
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** JSON of the daemon's. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface DaemonReport {
	readonly socket: string;
	/** By the last part of their paths; what it did not answer is missing. */
	readonly answers: Readonly<Record<string, Json>>;
	/** What it did not answer, and why. */
	readonly failures: readonly string[];
}

/** Whatever there is, up to what no daemon has. */
const ALL = "?limit=10000";
const ASKED = { status: "", disks: ALL, links: "", initiators: ALL, events: "" } as const;

/** Undefined, with the reason told to `why`, if nobody is there. */
export async function askDaemon(
	socket: string,
	why: (reason: string) => void,
): Promise<DaemonReport | undefined> {
	const answers: Record<string, Json> = {};
	const failures: string[] = [];
	for (const [name, query] of Object.entries(ASKED)) {
		try {
			answers[name] = await askSocket(socket, `/api/v1/${name}${query}`);
		} catch (error) {
			const { code, message } = error as NodeJS.ErrnoException;
			if (code === "ENOENT" || code === "ECONNREFUSED") {
				why(code === "ENOENT" ? "there is no such socket" : "nobody listens there");
				return undefined;
			}
			if (code === "EACCES") {
				why("this user may not use it");
				return undefined;
			}
			failures.push(`${name}: ${message}`);
		}
	}
	return { socket, answers, failures };
}

/** What the daemon answers to a GET. Rejects if that is no JSON, and after a while. */
export function askSocket(socketPath: string, path: string): Promise<Json> {
	return new Promise((resolve, reject) => {
		const asked = request({ socketPath, path, headers: { host: "localhost", accept: "application/json" } });
		const timer = setTimeout(() => asked.destroy(new Error(`no answer within ${LIMIT_MS} ms`)), LIMIT_MS);
		asked.on("error", (error) => {
			clearTimeout(timer);
			reject(error);
		});
		asked.on("response", (response) => {
			const chunks: Buffer[] = [];
			let bytes = 0;
			response.on("data", (chunk: Buffer) => {
				bytes += chunk.length;
				if (bytes > ANSWER_BYTES_MAX) asked.destroy(new Error("the answer has no end"));
				else chunks.push(chunk);
			});
			response.on("error", reject);
			response.on("end", () => {
				clearTimeout(timer);
				if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}`));
				else resolve(parse(Buffer.concat(chunks).toString("utf8"), reject));
			});
		});
		asked.end();
	});
}

function parse(text: string, reject: (error: Error) => void): Json {
	try {
		return JSON.parse(text) as Json;
	} catch {
		reject(new Error("the answer is no JSON"));
		return null;
	}
}
