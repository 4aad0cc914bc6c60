/**
 * What a public host of this repository reads (`.github/`) is sound: the workflow tests the versions of Node that we say we
 * support, by the command that everyone uses, and forms have what the host wants of them.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import t from "tap";
import { parse } from "yaml";
import { sourceFile } from "../support/paths.js";

interface Step {
	readonly uses?: string;
	readonly run?: string;
}

interface Job {
	readonly strategy?: { readonly matrix: { readonly node: readonly number[] } };
	readonly container: { readonly image: string };
	readonly steps: readonly Step[];
}

interface Field {
	readonly type: string;
	readonly id?: string;
	readonly attributes: { readonly label?: string; readonly value?: string };
}

const FORMS = ".github/ISSUE_TEMPLATE";

function read(file: string): string {
	return readFileSync(sourceFile(file), "utf8");
}

function yaml<T>(file: string): T {
	return parse(read(file), { strict: true, uniqueKeys: true }) as T;
}

t.test("the workflow runs .ci/run on every version of Node that we support", async (t) => {
	const { jobs } = yaml<{ jobs: Record<string, Job> }>(".github/workflows/ci.yml");
	const { test } = jobs;
	const versions = test?.strategy?.matrix.node ?? [];
	const { engines } = JSON.parse(read("package.json")) as { engines: { node: string } };
	t.equal(versions[0], Number(/^>=(\d+)/.exec(engines.node)?.[1]), "the oldest is that of package.json");
	t.strictSame(versions, [20, 22, 24]);
	t.match(test?.container.image, "matrix.node", "and they are what is run");
	t.ok(test?.steps.some(({ run }) => run === "bash .ci/run"));
	t.ok(existsSync(sourceFile(".ci/run")));
	const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
	for (const { steps } of Object.values(jobs))
		for (const { uses, run } of steps) {
			t.ok((uses === undefined) !== (run === undefined), "a step uses or runs something");
			const [, script] = /^npm run ([\w:-]+)/.exec(run ?? "") ?? [];
			if (script !== undefined) t.hasProp(scripts, script);
			if (uses !== undefined) t.match(uses, /@v\d+$/, "an action has a version");
		}
});

t.test("the forms for issues have what the host wants", async (t) => {
	for (const file of readdirSync(sourceFile(FORMS))) {
		if (file === "config.yml") continue;
		const form = yaml<{ name: string; description: string; body: readonly Field[] }>(`${FORMS}/${file}`);
		t.ok(form.name && form.description, file);
		const asked = form.body.filter(({ type }) => type !== "markdown");
		t.ok(asked.length > 0, `${file} asks something`);
		const ids = asked.map(({ id }) => id);
		t.equal(new Set(ids).size, ids.length, `${file}: each field has a name of its own`);
		for (const { type, id, attributes } of asked) {
			t.match(type, /^(input|textarea|dropdown|checkboxes)$/, `${file}: ${id}`);
			t.ok(id && attributes.label, `${file}: ${id} has a label`);
		}
	}
	t.equal(yaml<{ blank_issues_enabled: boolean }>(`${FORMS}/config.yml`).blank_issues_enabled, true);
});

t.test("updates are looked for where there is something to update", async (t) => {
	const { version, updates } = yaml<{
		version: number;
		updates: readonly { readonly "package-ecosystem": string; readonly directory: string }[];
	}>(".github/dependabot.yml");
	t.equal(version, 2);
	t.strictSame(
		updates.map((update) => [update["package-ecosystem"], update.directory]),
		[
			["npm", "/"],
			["github-actions", "/"],
		],
	);
});
