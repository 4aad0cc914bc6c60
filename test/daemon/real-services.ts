/** Real services as `store-hosts.ts` takes them: Swift, or Ceph's S3, with etcd. Used by tests of pools in object stores. */

import type { Test } from "tap";
import { Etcd, etcdMissing } from "../support/services/etcd.js";
import { Radosgw } from "../support/services/radosgw.js";
import { Swift, swiftMissing } from "../support/services/swift.js";
import { keysOf, type Services } from "./store-hosts.js";

export interface Real extends Services {
	readonly swift: Swift;
	readonly members: Etcd;
}

/** For `t.test(name, { skip: servicesMissing() }, ...)`. */
export function servicesMissing(): string | false {
	return swiftMissing() || etcdMissing();
}

/**
 * Swift with three copies of each object, and an etcd of three members.
 * @param quotaBytes what etcd may have
 */
export async function startSwift(t: Test, quotaBytes?: number): Promise<Real> {
	const swift = await Swift.start(3);
	t.teardown(() => swift.stop());
	const members = await Etcd.start(3, quotaBytes);
	t.teardown(() => members.stop());
	const { auth, user, key } = swift.account;
	return {
		...{ swift, members, store: ['type = "swift"', `auth = "${auth}"`, `user = "${user}"`] },
		...{ secret: { key: "key_file", text: key }, container: "gold", etcd: members.endpoints },
	};
}

/** Ceph, which has the superblock, too. */
export async function startCeph(t: Test): Promise<Services> {
	const radosgw = await Radosgw.start();
	t.teardown(() => radosgw.stop());
	const { keys, url } = radosgw;
	return {
		store: ['type = "s3"', `endpoint = "${url}"`, ...keysOf(keys)],
		...{ secret: { key: "secret_file", text: keys.secret }, container: "gold", etcd: [] },
	};
}
