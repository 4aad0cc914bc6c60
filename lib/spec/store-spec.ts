/**
 * What is asked for of pools in object stores, as data: which store, where the superblock is, what is on this host. Made by `store-pools.ts`, handed by the
 * opener to the worker that opens such a pool. Types only.
 */

/** An object store. Secrets are in files, which are only named. */
export type StoreSpec =
	| {
			readonly kind: "s3";
			readonly endpoint: string;
			readonly region: string;
			/** Where the bucket's name is: in the path, or before the host. */
			readonly style: "path" | "host";
			readonly accessKey: string;
			readonly secretFile: string;
			/** Roots of TLS: a file of certificates; undefined: those of the system. */
			readonly ca?: string;
	  }
	| {
			readonly kind: "swift";
			readonly auth: string;
			readonly user: string;
			readonly keyFile: string;
			/** By Keystone; undefined: by the first version of Swift's own way. */
			readonly project?: string;
			readonly userDomain?: string;
			readonly projectDomain?: string;
			readonly region?: string;
			readonly ca?: string;
	  };

/** Where it is kept which objects a pool consists of, and whose it is. */
export type HeadSpec =
	/** In the bucket. */
	| { readonly kind: "store" }
	/** Beside the log, for one host. */
	| { readonly kind: "file" }
	| {
			readonly kind: "etcd";
			readonly endpoints: readonly [string, ...string[]];
			/** Before the names of all keys. */
			readonly prefix: string;
			/** For so long it keeps what was replaced; 0: that is left to it. */
			readonly historySeconds: number;
			readonly ca?: string;
			readonly certificate?: string;
			readonly keyFile?: string;
	  };

/** A pool in an object store. */
export interface StorePoolSpec {
	readonly name: string;
	readonly store: StoreSpec;
	/** Bucket or container. */
	readonly container: string;
	/** Before the names of all objects: `pools/gold/`, or nothing. */
	readonly prefix: string;
	readonly head: HeadSpec;
	/** The directory of what is on this host. */
	readonly log: string;
	/** What is not in the store has at most so many bytes, and what is only kept to be read. */
	readonly logBytes: number;
	readonly cacheBytes: number;
	/** Where a write is for good. */
	readonly stable: "host" | "store";
	/** It is what was given up of the pool of that name, and this host has in `log`: to be read. */
	readonly tailOf?: string;
	/** Where this host hands it on to the others that serve it as well: `192.0.2.1:9473`. Undefined: one host serves it. */
	readonly listen?: string;
}

/** A replica of a pool: where it is, as a pool there. */
export interface ReplicaSpec {
	/** What that pool has for a path, on this host. */
	readonly path: string;
	readonly stored: StorePoolSpec;
	/** For people. */
	readonly name: string;
	/** What may be sent there; undefined: as much as goes. */
	readonly bytesPerSecond?: number | undefined;
}
