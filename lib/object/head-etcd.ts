/**
 * A head in etcd: a key, moved by a transaction that compares its revision. By the JSON gateway, at one of several members, the next
 * one when one does not answer. Reads go through the leader, so they are never old. What was replaced is compacted after a while
 * (`etcd-history.ts`). A backend of `head.ts`.
 */

import type { LookupFunction } from "node:net";
import { type Clock, systemClock } from "../clock.js";
import { type ObjectOp, RequestCounts } from "./counts.js";
import { ObjectError, ObjectFault } from "./errors.js";
import { EtcdHistory } from "./etcd-history.js";
import type { HeadBackend, HeadValue } from "./head-backend.js";
import { type Answer, HttpDoor, type HttpTls } from "./http.js";
import { fieldsOf, itemsOf, parsed, stringIn } from "./json.js";

export interface EtcdOptions {
	/** `http://127.0.0.1:2379`, and so on. */
	readonly endpoints: readonly [string, ...string[]];
	readonly key: string;
	/** For how long etcd keeps what was replaced, in milliseconds; 0, left out: that is its own business. */
	readonly historyMs?: number;
	readonly clock?: Clock;
	readonly lookup?: LookupFunction;
	readonly tls?: HttpTls | undefined;
}

/** A head's value as text, and what is said of it. */
const ANSWER_MAX_BYTES = 1024 * 1024;
const STATUS_OK = 200;
const SOCKETS = 4;
/** For what nobody waits for. */
const COMPACT_LIMIT_MS = 10_000;
/** "Out of range": somebody else has compacted it. */
const COMPACTED = 11;
/** Codes of gRPC: invalid argument, permission denied, unauthenticated, and "no such method". */
const REFUSED: ReadonlySet<unknown> = new Set([3, 7, 12, 16]);

function base64(text: string | Buffer): string {
	return Buffer.from(text).toString("base64");
}

export class EtcdHead implements HeadBackend {
	readonly name: string;
	readonly counts = new RequestCounts();
	readonly #doors: readonly HttpDoor[];
	readonly #key: string;
	readonly #history: EtcdHistory;
	/** Which of them is asked. */
	#at = 0;

	constructor({ endpoints, key, historyMs = 0, clock = systemClock, lookup, tls }: EtcdOptions) {
		this.name = `etcd ${key}`;
		this.#key = base64(key);
		const options = { clock, counts: this.counts, sockets: SOCKETS, lookup, tls };
		this.#doors = endpoints.map((endpoint) => new HttpDoor(new URL(endpoint).origin, options));
		this.#history = new EtcdHistory(historyMs, clock, (revision) => this.#compact(revision));
	}

	async open(signal: AbortSignal): Promise<void> {
		await this.read(signal);
	}

	async read(signal: AbortSignal): Promise<HeadValue | null> {
		const said = await this.#ask("read", "/v3/kv/range", { key: this.#key }, signal);
		const [row] = itemsOf(said.get("kvs"));
		if (row === undefined) return null;
		const id = stringIn(row, "mod_revision");
		const value = stringIn(row, "value");
		if (id === undefined || value === undefined)
			throw new ObjectError(ObjectFault.damaged, `${this.name}: a row without a revision or a value`);
		return { id, value: Buffer.from(value, "base64") };
	}

	async swap(id: string | null, value: Buffer, signal: AbortSignal): Promise<string | null> {
		const key = this.#key;
		// A key that there is not has never been created.
		const compare =
			id === null
				? { key, target: "CREATE", result: "EQUAL", create_revision: "0" }
				: { key, target: "MOD", result: "EQUAL", mod_revision: id };
		const put = { request_put: { key, value: base64(value) } };
		const said = await this.#ask("swap", "/v3/kv/txn", { compare: [compare], success: [put] }, signal);
		// It is left out where it is false.
		if (said.get("succeeded") !== true) return null;
		const revision = stringIn(said.get("header"), "revision");
		if (revision !== undefined) {
			this.#history.swapped(revision);
			return revision;
		}
		throw new ObjectError(ObjectFault.unavailable, `${this.name}: an answer without a revision`);
	}

	async #compact(revision: string): Promise<void> {
		const signal = AbortSignal.timeout(COMPACT_LIMIT_MS);
		await this.#ask("compact", "/v3/kv/compaction", { revision }, signal, COMPACTED);
	}

	/** @param done a code that says that nothing is left to do */
	async #ask(
		op: ObjectOp,
		path: string,
		form: object,
		signal: AbortSignal,
		done?: number,
	): Promise<ReadonlyMap<string, unknown>> {
		const door = this.#doors[this.#at % this.#doors.length]!;
		const body = [Buffer.from(JSON.stringify(form))];
		const headers = { "content-type": "application/json" };
		try {
			const answer = await door.ask(
				{ op, method: "POST", path, headers, body, mostBytes: ANSWER_MAX_BYTES },
				signal,
			);
			return this.#understood(`${this.name} at ${door.origin}: ${op}`, answer, done);
		} catch (error) {
			// Whatever it has, another one may not have it.
			this.#at += 1;
			throw error;
		}
	}

	/** No leader, no space, compacted: all of that may be over soon, and says nothing of what was asked. */
	#understood(what: string, { status, body }: Answer, done?: number): ReadonlyMap<string, unknown> {
		const said = fieldsOf(parsed(body));
		if (status === STATUS_OK && said.has("header")) return said;
		if (done !== undefined && said.get("code") === done) return said;
		const why = stringIn(parsed(body), "message") ?? stringIn(parsed(body), "error") ?? "no sense";
		const kind = REFUSED.has(said.get("code")) ? ObjectFault.refused : ObjectFault.unavailable;
		throw new ObjectError(kind, `${what}: ${status} ${why}`);
	}

	async close(): Promise<void> {
		await Promise.all(this.#doors.map((door) => door.close()));
	}
}
