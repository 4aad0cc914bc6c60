/** A directory that is served as an object store is one: our own stores and heads pass their suites on it, over TLS. */

import t from "tap";
import { Head } from "../../lib/object/head.js";
import { S3Head } from "../../lib/object/head-s3.js";
import { Objects } from "../../lib/object/objects.js";
import { S3Objects } from "../../lib/object/s3.js";
import { headConformance } from "../../lib/testing/head-conformance.js";
import { objectConformance } from "../../lib/testing/object-conformance.js";
import { KEYS, Stage } from "./stage.js";

const stage = new Stage();
await stage.start();
let buckets = 0;
const options = () => ({ ...KEYS, endpoint: stage.endpoint, tls: { ca: stage.ca }, prefix: "in/" });

await objectConformance(
	t,
	"a served directory",
	async () => new Objects(new S3Objects({ ...options(), bucket: `bucket-${++buckets}` })),
	{ isExclusive: true },
);

await headConformance(t, "a served directory", async () => {
	const bucket = `bucket-${++buckets}`;
	return () => new Head(new S3Head({ ...options(), bucket }, "head"), { limits: { firstPauseMs: 5 } });
});

t.test("nothing went wrong that an operator should know", async (t) => {
	t.strictSame(stage.warnings, []);
});
