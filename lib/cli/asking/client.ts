/**
 * Asks a running daemon over its unix socket, for the commands of this folder: HTTP, each answer validated by the schema of the API.
 * Whatever is in the way (nobody there, not allowed, another version, no answer in time, a refusal) is an `AskError`, whose lines are
 * for people.
 */

import { Agent, type IncomingMessage, type RequestOptions, request } from "node:http";
import { z } from "zod";
import { PROBLEM_TYPE, Problem } from "../../control/model.js";
import { OperatorError } from "../../errors.js";
import { SOCKET_PATH_MAX_BYTES } from "../../spec/ranges.js";
import { oneLine, quote } from "../../text.js";
import { packageVersion } from "../version.js";

const LIMIT_MS = 10_000;
const ANSWER_BYTES_MAX = 64 * 2 ** 20;
/** Requests under way at a time. */
const CONNECTIONS = 8;

/** The daemon could not be asked, or has refused. */
export class AskError extends Error {
	override name = "AskError";

	constructor(
		readonly lines: readonly string[],
		/** Of a refusal. */
		readonly status?: number,
		/** Nobody is at the socket. */
		readonly isNobody = false,
		/** Nobody is there any more. */
		readonly isGone = isNobody,
	) {
		super(lines.join("\n"));
	}
}

interface Answer {
	readonly status: number;
	readonly tag: string;
	readonly type: string;
	readonly bytes: Buffer;
}

/** What a change comes with. */
interface Sent {
	readonly body?: object;
	readonly tag?: string;
}

export class DaemonClient {
	readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

	constructor(
		readonly socket: string,
		readonly limitMs = LIMIT_MS,
	) {
		if (Buffer.byteLength(socket) > SOCKET_PATH_MAX_BYTES || socket === "" || socket.includes("\0"))
			throw new OperatorError(
				`socket ${quote(socket)}: a path of at most ${SOCKET_PATH_MAX_BYTES} bytes is allowed`,
			);
	}

	async get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
		return this.#read(path, schema, await this.#ask("GET", path));
	}

	/** With what a change has to name, so that nobody changes what he has not seen. */
	async tagged<T>(path: string, schema: z.ZodType<T>): Promise<{ value: T; tag: string }> {
		const answer = await this.#ask("GET", path);
		return { value: await this.#read(path, schema, answer), tag: answer.tag };
	}

	async send<T>(
		method: "POST" | "PATCH" | "DELETE",
		path: string,
		schema: z.ZodType<T>,
		sent: Sent = {},
	): Promise<T> {
		return this.#read(path, schema, await this.#ask(method, path, sent));
	}

	/** Of an answer that is no JSON. */
	async bytes(path: string): Promise<Uint8Array> {
		const answer = await this.#ask("GET", path);
		if (answer.status >= 400) throw this.#refusal(answer);
		return answer.bytes;
	}

	/** An answer without an end: server-sent events. Rejects if it does not begin; it ends with `signal`. */
	async stream(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<IncomingMessage> {
		const response = await this.#begin({ path, headers, signal, agent: false });
		if (response.statusCode === 200) return response;
		const answer = await answerOf(response);
		throw this.#refusal(answer);
	}

	close(): void {
		this.#agent.destroy();
	}

	async #ask(method: string, path: string, { body, tag }: Sent = {}): Promise<Answer> {
		const headers = {
			accept: "application/json",
			...(method !== "GET" && { "content-type": "application/json" }),
			...(tag !== undefined && { "if-match": tag }),
		};
		const signal = AbortSignal.timeout(this.limitMs);
		try {
			const sent = body && JSON.stringify(body);
			return await answerOf(await this.#begin({ method, path, headers, signal, agent: this.#agent }, sent));
		} catch (error) {
			throw this.#failure(error, signal);
		}
	}

	/** Resolves when the answer begins. */
	#begin(options: RequestOptions, body?: string): Promise<IncomingMessage> {
		return new Promise((resolve, reject) => {
			const asked = request({
				...options,
				socketPath: this.socket,
				headers: { host: "localhost", ...options.headers },
			});
			asked.on("error", reject);
			asked.on("response", resolve);
			asked.end(body);
		});
	}

	#failure(error: unknown, signal: AbortSignal): unknown {
		if (error instanceof AskError) return error;
		if (signal.aborted) return this.#said(`no answer within ${this.limitMs / 1000} seconds`);
		const { code = "" } = error as NodeJS.ErrnoException;
		const isGone = code === "ECONNRESET" || code === "EPIPE";
		return this.#said(reasonOf(code), code === "ENOENT" || code === "ECONNREFUSED", isGone);
	}

	#said(what: string, isNobody = false, isGone = false): AskError {
		return new AskError([`${oneLine(this.socket)}: ${what}`], undefined, isNobody, isNobody || isGone);
	}

	async #read<T>(path: string, schema: z.ZodType<T>, answer: Answer): Promise<T> {
		if (answer.status >= 400) throw this.#refusal(answer);
		const read = schema.safeParse(json(answer.bytes));
		if (read.success) return read.data;
		const [issue] = read.error.issues;
		const where = issue === undefined || issue.path.length === 0 ? "" : ` (at ${issue.path.join(".")})`;
		const version = await this.#version();
		const other =
			version === undefined
				? "what answers there is no vblade daemon"
				: `the daemon is vblade ${version}, this is ${packageVersion()}: its answer is not understood`;
		throw this.#said(`${other}: ${path.split("?")[0]}${where}`);
	}

	/** What the daemon says of itself, whatever else it says. */
	async #version(): Promise<string | undefined> {
		const answer = await this.#ask("GET", "/api/v1/status").catch(() => undefined);
		const { data } = z.looseObject({ version: z.string() }).safeParse(json(answer?.bytes));
		return data && oneLine(data.version);
	}

	#refusal({ status, type, bytes }: Answer): AskError {
		const { data: problem } = Problem.safeParse(type.startsWith(PROBLEM_TYPE) ? json(bytes) : undefined);
		if (problem === undefined) return this.#said(`what answers there is no vblade daemon (status ${status})`);
		const lines = (problem.errors ?? []).map(({ pointer, place, detail }) =>
			[place, pointer === undefined ? undefined : keyOf(pointer), detail]
				.filter((part) => part !== undefined && part !== "")
				.map((part) => oneLine(part ?? ""))
				.join(": "),
		);
		return new AskError(lines.length > 0 ? lines : [oneLine(problem.detail)], status);
	}
}

function reasonOf(code: string): string {
	switch (code) {
		case "ENOENT":
			return "there is no such socket; is the daemon running?";
		case "ECONNREFUSED":
			return "nobody listens there; is the daemon running?";
		case "EACCES":
			return "this user may not use it; root and the group vblade may";
		case "ENOTSOCK":
		case "EPROTOTYPE":
			return "this is no socket of a daemon";
		case "ECONNRESET":
		case "EPIPE":
			return "the daemon ended the connection; was it started again? Ask once more";
		default:
			return code.startsWith("HPE_")
				? "what answers there is no vblade daemon"
				: `the daemon could not be asked (${code})`;
	}
}

async function answerOf(response: IncomingMessage): Promise<Answer> {
	const chunks: Buffer[] = [];
	let bytes = 0;
	for await (const chunk of response as AsyncIterable<Buffer>) {
		bytes += chunk.length;
		if (bytes > ANSWER_BYTES_MAX) throw new AskError(["the answer of the daemon has no end"]);
		chunks.push(chunk);
	}
	const { statusCode: status = 0, headers } = response;
	return {
		status,
		tag: headers.etag ?? "",
		type: headers["content-type"] ?? "",
		bytes: Buffer.concat(chunks),
	};
}

/** Undefined for what is no JSON. */
function json(bytes: Buffer = Buffer.alloc(0)): unknown {
	try {
		return JSON.parse(bytes.toString("utf8"));
	} catch {
		return undefined;
	}
}

/** `limit.iops`, of a pointer to that field. */
function keyOf(pointer: string): string {
	return pointer
		.replace(/^#\/?/, "")
		.split("/")
		.map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
		.join(".");
}
