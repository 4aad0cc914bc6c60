/** Real S3 that keeps conditions, Ceph's, on loopback of a network namespace of this test's own, passes both suites. */

import { execFileSync } from "node:child_process";
import t from "tap";
import { Head } from "../../lib/object/head.js";
import { S3Head } from "../../lib/object/head-s3.js";
import { Objects } from "../../lib/object/objects.js";
import { S3Objects } from "../../lib/object/s3.js";
import { headConformance } from "../../lib/testing/head-conformance.js";
import { objectConformance } from "../../lib/testing/object-conformance.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { Radosgw, radosgwMissing } from "../support/services/radosgw.js";

let places = 0;

async function suites(radosgw: Radosgw): Promise<void> {
	const options = { ...radosgw.keys, endpoint: radosgw.url, prefix: "in/" };
	const bucket = (): string => `place-${++places}`;
	const store = async () => new Objects(new S3Objects({ ...options, bucket: bucket() }));
	await objectConformance(t, "radosgw", store, { isExclusive: true });
	await headConformance(t, "radosgw", async () => {
		const place = { ...options, bucket: bucket() };
		return () => new Head(new S3Head(place, "head"));
	});
}

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const missing = radosgwMissing();
	if (missing === false) {
		const radosgw = await Radosgw.start();
		try {
			await suites(radosgw);
		} finally {
			await radosgw.stop();
		}
	} else t.pass("radosgw", { skip: missing });
}
