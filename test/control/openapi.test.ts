/**
 * The OpenAPI document says what there is: every reference in it leads somewhere, every address of it answers, and what is answered to
 * GET has the form that it says.
 */

import t from "tap";
import type { z } from "zod";
import { Passed } from "../../lib/channel/frames.js";
import { volumeIn } from "../../lib/control/heard-volume.js";
import * as model from "../../lib/control/model.js";
import { machinesText, POOL } from "./figures.js";
import { Stage, settle } from "./stage.js";

type Json = Record<string, unknown>;

function* references(value: unknown): Generator<string> {
	if (typeof value !== "object" || value === null) return;
	for (const [key, each] of Object.entries(value)) {
		if (key === "$ref" && typeof each === "string") yield each;
		else yield* references(each);
	}
}

function at(document: Json, reference: string): unknown {
	return reference
		.slice(2)
		.split("/")
		.reduce<unknown>((value, key) => (value as Json | undefined)?.[key], document);
}

/** What a worker says of a volume. */
const HELD = {
	about: { name: "web@monday", sizeBytes: 8192, pageBytes: 4096, id: "1" },
	read: {},
	runs: { runs: [{ kind: "data", offsetBytes: 0, lengthBytes: 4096 }] },
	changes: { ranges: [{ offsetBytes: 0, lengthBytes: 4096, mayBeSame: false }] },
	write: {},
	release: {},
	verify: {},
	flatten: {},
	scrub: {},
};

/** What has to be said with an address, by its last part. */
const QUERIES: Readonly<Record<string, string>> = {
	data: "?offset=0&length=512",
	runs: "?offset=0&length=8192",
	changes: "?before=web@monday&offset=0",
};

/** Of what there is of the kind that an address is of. */
function nameIn(path: string, job: string): string {
	if (path.includes("jobs")) return job;
	if (path.includes("machines")) return "lab-020000000001";
	if (path.includes("pools")) return "fast";
	if (path.includes("snapshots")) return "fast%2Fweb%40monday";
	return path.includes("volumes") ? "fast%2Fweb" : "web";
}

t.test("the document is whole, and true", async (t) => {
	const stage = new Stage();
	stage.opener.text += '[pool.fast]\npath = "/srv/fast"\n';
	stage.workers.pools.set("/srv/fast", POOL);
	stage.opener.files.set("machines.json", machinesText(1));
	const bytes = new Uint8Array(512);
	stage.workers.volume = async (_, question) =>
		volumeIn(question, { body: HELD[question.ask], bytes, files: new Passed([]) });
	const { inside } = await stage.start(t);
	await settle();
	const job = inside.jobs.begin("reload", "a job of the test").job.id;
	const { body } = await stage.ask("GET", "/openapi.json");
	t.match(body, { openapi: "3.1.0", info: { title: "vblade", version: "1.0" } });
	const all = new Set(references(body));
	t.ok(all.size > 10);
	for (const reference of all) t.type(at(body, reference), "object", reference);
	const paths = Object.entries(body.paths as Record<string, Record<string, Json>>);
	for (const needed of [
		"/livez",
		"/readyz",
		"/metrics",
		"/api/v1/status",
		"/api/v1/disks",
		"/api/v1/initiators",
		"/api/v1/links",
		"/api/v1/events",
		"/api/v1/jobs",
		"/api/v1/config",
		"/api/v1/reload",
	])
		t.hasProp(body.paths, needed);
	const ids = new Set<unknown>();
	for (const [path, operations] of paths)
		for (const [method, operation] of Object.entries(operations)) {
			t.notOk(ids.has(operation.operationId), `${operation.operationId} is one`);
			ids.add(operation.operationId);
			t.match(operation.summary, /^[A-Z]/);
			if (method !== "get") continue;
			const query = QUERIES[path.slice(path.lastIndexOf("/") + 1)] ?? "";
			const reply = await stage.ask("GET", path.replace("{name}", nameIn(path, job)) + query);
			t.equal(reply.status, 200, path);

			const [, name] = /schemas\/(\w+)/.exec(JSON.stringify(operation.responses) ?? "") ?? [];
			if (reply.body !== undefined && name !== undefined)
				t.ok(
					(model as unknown as Record<string, z.ZodType>)[name]?.parse(reply.body),
					`${path} is a ${name}`,
				);
		}
});

t.test("forms of bodies are told with what the configuration allows", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	const { body } = await stage.ask("GET", "/openapi.json");
	const { NewDisk } = body.components.schemas;
	t.match(NewDisk, { type: "object", additionalProperties: false });
	const { content } = body.paths["/api/v1/disks/{name}"].patch.requestBody;
	t.strictSame(Object.keys(content), ["application/json", "application/merge-patch+json"]);
	for (const key of ["name", "file", "memory", "durability", "limit", "aoe"])
		t.hasProp(NewDisk.properties, key);
});
