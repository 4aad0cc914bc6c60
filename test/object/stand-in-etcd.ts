/**
 * A stand-in for etcd's JSON gateway: one key space, ranges of one key, and transactions with one comparison, as etcd answers them.
 * Several servers may have the same keys, as members of a cluster do. For tests of `lib/object/head-etcd.ts`; what a real one does is
 * in `services.test.ts`.
 */

import { type Asked, StandIn, type Told } from "./stand-in.js";

interface Row {
	readonly value: string;
	readonly created: number;
	readonly modified: number;
}

/** What members have in common. */
export class Keys {
	revision = 1;
	/** What came before is not known any more. */
	compacted = 0;
	readonly rows = new Map<string, Row>();
}

export class StandInEtcd extends StandIn {
	constructor(readonly keys = new Keys()) {
		super();
	}

	protected answer({ method, url, body }: Asked): Told {
		if (method !== "POST") return { status: 405 };
		const form = JSON.parse(body.toString());
		if (url.pathname === "/v3/kv/range") return this.#say({ kvs: this.#rows(String(form.key)) });
		if (url.pathname === "/v3/kv/compaction") return this.#compact(Number(form.revision));
		if (url.pathname !== "/v3/kv/txn") return { status: 404, body: "Not Found" };
		const [{ key, target, create_revision: created, mod_revision: modified }] = form.compare;
		const row = this.keys.rows.get(key);
		const isRight =
			target === "CREATE"
				? (row?.created ?? 0) === Number(created)
				: (row?.modified ?? 0) === Number(modified);
		// What is false or empty is left out.
		if (!isRight) return this.#say({ responses: [] });
		this.keys.revision += 1;
		const { value } = form.success[0].request_put;
		this.keys.rows.set(key, {
			value,
			created: row?.created ?? this.keys.revision,
			modified: this.keys.revision,
		});
		return this.#say({ succeeded: true });
	}

	#rows(key: string): object[] | undefined {
		const row = this.keys.rows.get(key);
		if (row === undefined) return undefined;
		return [
			{ key, value: row.value, create_revision: String(row.created), mod_revision: String(row.modified) },
		];
	}

	#compact(revision: number): Told {
		if (revision <= this.keys.compacted) {
			const message = "etcdserver: mvcc: required revision has been compacted";
			return { status: 400, body: JSON.stringify({ error: message, code: 11, message }) };
		}
		this.keys.compacted = revision;
		return this.#say({});
	}

	#say(what: object): Told {
		return {
			status: 200,
			body: JSON.stringify({ header: { revision: String(this.keys.revision) }, ...what }),
		};
	}
}
