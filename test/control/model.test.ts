/**
 * The schemas of the API can all be told in OpenAPI, each says what it is, and they take what they should and nothing else.
 */

import t from "tap";
import { z } from "zod";
import * as model from "../../lib/control/model.js";

const schemas = Object.entries(model as Record<string, unknown>).flatMap(([name, value]) =>
	value instanceof z.ZodType ? [[name, value] as const] : [],
);

t.test("every schema has a JSON schema, and every field of it a type", async (t) => {
	t.ok(schemas.length > 20);
	for (const [name, schema] of schemas) {
		const { properties = {} } = z.toJSONSchema(schema, { io: "input" });
		for (const [field, value] of Object.entries(properties))
			t.ok(
				typeof value === "object" &&
					["type", "anyOf", "oneOf", "enum", "const", "allOf", "$ref"].some((key) => key in value),
				`${name}.${field}`,
			);
	}
});

t.test("names of disks are such that they fit in addresses and files", async (t) => {
	const { name } = model.Disk.shape;
	for (const good of ["web", "a", "9.0", "_x", "x".repeat(64)]) t.ok(name.safeParse(good).success, good);
	for (const bad of ["", "-a", ".a", "a/b", "a b", "x".repeat(65), "ä"])
		t.notOk(name.safeParse(bad).success, bad);
});

t.test("times are in UTC, with milliseconds", async (t) => {
	const { at } = model.Event.shape;
	t.ok(at.safeParse(new Date(0).toISOString()).success);
	t.notOk(at.safeParse("2026-11-26T10:00:00+01:00").success);
});

t.test("a problem may point to what is wrong", async (t) => {
	const problem = {
		type: "about:blank",
		title: "Bad Request",
		status: 400,
		detail: "no",
		errors: [{ pointer: "#/a", detail: "b" }],
	};
	t.ok(model.Problem.safeParse(problem).success);
	t.notOk(model.Problem.safeParse({ ...problem, status: 200 }).success);
});
