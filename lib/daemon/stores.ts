/**
 * Object stores and heads of pools, as they are configured: made of what the opener hands on, for a process that can look up no host and read
 * no file. Used by `store-pools.ts`.
 */

import { isIP, type LookupFunction } from "node:net";
import { OperatorError, unreachable } from "../errors.js";
import type { ObjectBackend } from "../object/backend.js";
import type { RequestCount } from "../object/counts.js";
import { Head } from "../object/head.js";
import type { HeadBackend } from "../object/head-backend.js";
import { EtcdHead } from "../object/head-etcd.js";
import { S3Head } from "../object/head-s3.js";
import { Objects } from "../object/objects.js";
import type { Proofs } from "../object/proofs.js";
import { S3Objects } from "../object/s3.js";
import type { S3Options } from "../object/s3-door.js";
import type { ObjectStore } from "../object/store.js";
import { SwiftObjects } from "../object/swift.js";
import type { SwiftAccount } from "../object/swift-login.js";
import type { StorePoolOpening } from "../opener/messages.js";
import type { StoreSpec } from "../spec/store-spec.js";
import { type LookUp, remembering } from "../stream/connect.js";

/** Of one pool. */
export interface Stores {
	readonly store: ObjectStore;
	readonly head: Head;
	/** What both were asked, and how long that took. */
	requests(): readonly RequestCount[];
	/** Ends what is under way. */
	close(): Promise<void>;
}

/** What this process has no way to by itself. */
export interface StoreWays {
	readonly lookUp: LookUp;
	/** A head in a file, of the pool at this path. */
	readonly headFile: (pool: string) => HeadBackend;
	/** What stores have proved. */
	readonly proofs: Proofs;
}

type Swift = Extract<StoreSpec, { kind: "swift" }>;
type Ways = Pick<S3Options, "lookup" | "tls" | "proofs">;

/** What the head of a pool is called in its bucket. */
const HEAD_OBJECT = "superblock";

/**
 * A pool tries again for ever, and says so: it is to hear soon that something is wrong. What takes its time because the line is slow is not
 * wrong: an object of 8 MiB, four at once.
 */
const LIMITS = { attempts: 3, attemptMs: 60_000, limitMs: 180_000, mostPauseMs: 500 };

/** Of the pool at that path. Throws an OperatorError if it can't be as it is configured. */
export function makeStores(path: string, opening: StorePoolOpening, ways: StoreWays): Stores {
	const lookup = lookupBy(ways.lookUp);
	const backend = backendOf(opening, lookup, ways.proofs);
	const head = headOf(path, opening, lookup, ways);
	const [objects, moved] = [new Objects(backend, { limits: LIMITS }), new Head(head)];
	return {
		store: objects,
		head: moved,
		requests: () => [...backend.counts.all(), ...head.counts.all()],
		close: async () => {
			await Promise.all([objects.close(), moved.close()]);
		},
	};
}

function backendOf(
	{ stored, keys }: StorePoolOpening,
	lookup: LookupFunction,
	proofs: Proofs,
): ObjectBackend {
	const { store, container, prefix } = stored;
	const ways = { lookup, tls: keys.storeTls };
	switch (store.kind) {
		case "s3":
			return new S3Objects(s3Options({ stored, keys }, store, { ...ways, proofs }));
		case "swift":
			return new SwiftObjects({ account: accountOf(store, keys.secret), container, prefix, ...ways });
		default:
			return unreachable(store);
	}
}

function s3Options(
	{ stored, keys }: Pick<StorePoolOpening, "stored" | "keys">,
	{ endpoint, region, style, accessKey }: Extract<StoreSpec, { kind: "s3" }>,
	ways: Ways,
): S3Options {
	const { container: bucket, prefix } = stored;
	return { endpoint, region, style, accessKey, secret: keys.secret, bucket, prefix, ...ways };
}

/** With a project it is Keystone's. */
function accountOf(
	{ auth, user, project, userDomain, projectDomain, region }: Swift,
	key: string,
): SwiftAccount {
	if (project === undefined) return { version: 1, auth, user, key };
	const domains = { ...(userDomain && { userDomain }), ...(projectDomain && { projectDomain }) };
	return { version: 3, auth, user, key, project, ...domains, ...(region && { region }) };
}

function headOf(
	path: string,
	{ stored, keys }: StorePoolOpening,
	lookup: LookupFunction,
	{ headFile, proofs }: StoreWays,
): HeadBackend {
	const { head, store, name, tailOf = name } = stored;
	switch (head.kind) {
		case "file":
			return headFile(path);
		case "etcd": {
			const { endpoints, prefix, historySeconds } = head;
			const [key, historyMs] = [`${prefix}pools/${tailOf}`, historySeconds * 1000];
			return new EtcdHead({ endpoints, key, historyMs, lookup, tls: keys.headTls });
		}
		case "store":
			if (store.kind !== "s3") throw new OperatorError(`pool ${name}: Swift keeps no conditions for a head`);
			return new S3Head(
				s3Options({ stored, keys }, store, { lookup, tls: keys.storeTls, proofs }),
				HEAD_OBJECT,
			);
		default:
			return unreachable(head);
	}
}

/** As sockets ask: where a host was found last is where it is tried if it can't be looked up. */
export function lookupBy(lookUp: LookUp): LookupFunction {
	const known = new Map<string, LookUp>();
	return (host, { all }, found) => {
		const own = known.get(host) ?? remembering(lookUp);
		known.set(host, own);
		own(host).then(
			(addresses) => {
				const both = addresses.map((address) => ({ address, family: isIP(address) }));
				const [first] = both;
				if (all) found(null, both);
				else if (first !== undefined) found(null, first.address, first.family);
			},
			(error: unknown) => {
				const message = error instanceof Error ? error.message : String(error);
				found(Object.assign(new Error(message), { code: "ENOTFOUND" }), "");
			},
		);
	};
}
