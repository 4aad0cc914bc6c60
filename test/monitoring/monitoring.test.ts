/**
 * The alert rules and the dashboard that are shipped ask for nothing that is not there: each metric, label and value that they name is
 * one that /metrics has. Whether the rules say what they should, promtool tells in `rules.long.ts`.
 */

import { readFileSync } from "node:fs";
import t, { type Test } from "tap";
import { parse } from "yaml";
import { REJECT_REASONS } from "../../lib/aoe/stats.js";
import { DISK_STATES, MirroredPart, OPERATIONS } from "../../lib/control/model.js";
import { ERROR_CAUSES } from "../../lib/disk.js";
import { REPLICA_STANDINGS } from "../../lib/pool/stored-look.js";
import { POOL_FULL_REASONS } from "../../lib/pool/told.js";
import { figuresOf, LINK, lookOf, measured, POOL, REPLICA, STORED, viewOf } from "../control/figures.js";
import { Stage, settle } from "../control/stage.js";
import { table } from "../docs/tables.js";
import { NO_ISCSI, UNIT } from "../support/no-iscsi.js";
import { sourceFile } from "../support/paths.js";

/** Labels that Prometheus itself gives, and its own metrics. */
const GIVEN = ["job", "instance"];
const OWN: ReadonlyMap<string, ReadonlySet<string>> = new Map([["up", new Set<string>()]]);
/** What values of labels there can be, beside those of the configuration. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
	state: [...Object.keys(DISK_STATES), ...MirroredPart.shape.standing.options, ...REPLICA_STANDINGS],
	cause: Object.keys(ERROR_CAUSES),
	// A link has two of its own, and pools are full for others.
	reason: [...Object.keys(REJECT_REASONS), "ring", "queue", ...POOL_FULL_REASONS],
	op: OPERATIONS,
	direction: ["in", "out"],
	job: ["vblade"],
};
const FUNCTIONS = new Set(
	"sum min max count rate increase topk histogram_quantile by on or and unless offset vector label_values".split(
		" ",
	),
);

interface Rule {
	readonly alert: string;
	readonly expr: string;
	readonly labels: { readonly severity: string };
	readonly annotations: { readonly summary: string; readonly description: string };
}

interface Panel {
	readonly id: number;
	readonly title: string;
	readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
	readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface Dashboard {
	readonly uid: string;
	readonly schemaVersion: number;
	readonly panels: readonly Panel[];
	readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}

const rules = (
	parse(readFileSync(sourceFile("scripts/monitoring/vblade.rules.yml"), "utf8"), { strict: true }) as {
		groups: { rules: Rule[] }[];
	}
).groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(
	readFileSync(sourceFile("scripts/monitoring/grafana-dashboard.json"), "utf8"),
) as Dashboard;

/** Every metric with its labels, of a server that has something to tell by each. */
async function metricsOf(t: Test): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
	const stage = new Stage();
	const figures = figuresOf("web", 10, 10, {
		causes: { medium: 1 },
		delayed: 1,
		latency: { read: measured(1, 100), write: measured(1, 100), flush: measured(1, 100) },
	});
	const silenced = [{ netif: "eth0", mac: "02:00:00:00:00:09", since: "2026-11-26T10:00:00Z" }];
	const aoe = { address: "9.0", netif: ["eth0"], macs: null, reservedBy: [], configString: "" };
	const nbd = { name: "web", description: "", refused: 0, clientCount: 0, clients: [] };
	const iscsi = { ...UNIT, sessions: [] };
	const connected = { state: "connected", since: "2026-11-26T10:00:00Z", why: null } as const;
	const remote = { ...connected, losses: 0, resends: 0, waiting: 0 };
	const counted = { behindBytes: 0, errors: 0, repairs: 0 };
	const mirrored = { standing: "inSync", why: null, since: null, ...counted } as const;
	const parts = [{ disk: "a", offsetBytes: 0, sizeBytes: 512, mirrored }];
	stage.workers.looks = [
		lookOf([figures], {
			views: [{ ...viewOf("web"), aoe: { ...aoe, silenced, rivals: [] }, nbd, iscsi, remote, parts }],
			links: [LINK],
			iscsi: { ...NO_ISCSI, errors: { "illegal request": 1 } },
		}),
	];
	stage.opener.text +=
		'[pool.fast]\npath = "/srv/fast"\n[template.lab]\nimage = "fast/web@monday"\nshelf = 20\nnetif = ["eth0"]\n';
	stage.workers.pools.set("/srv/fast", { ...POOL, stored: STORED, replicas: [REPLICA] });
	await stage.start(t);
	await settle();
	const metrics = new Map<string, Set<string>>();
	for (const query of ["", "?histograms=true"])
		for (const line of (await stage.ask("GET", `/metrics${query}`)).text.split("\n")) {
			const [, name = "", labels = ""] = /^([a-z_]+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
			const known = metrics.get(name) ?? new Set<string>();
			for (const [, label = ""] of labels.matchAll(/([a-z]+)="/g)) known.add(label);
			metrics.set(name, known);
		}
	return metrics;
}

/** What an expression asks for that is not there. */
function unknown(expr: string, metrics: ReadonlyMap<string, ReadonlySet<string>>): string[] {
	const wrong: string[] = [];
	const all = new Set<string>(GIVEN);
	const bare = expr
		.replaceAll(/"[^"]*"|\{[^}]*\}|\[[^\]]*\]/g, " ")
		.replaceAll(/\b(by|on)\s*\([^)]*\)/g, " ");
	for (const [word] of bare.matchAll(/[a-z_]+(?=\W|$)/g)) {
		const labels = metrics.get(word) ?? OWN.get(word);
		for (const label of labels ?? []) all.add(label);
		if (labels === undefined && !FUNCTIONS.has(word) && !all.has(word) && !/^[ms]$/.test(word))
			wrong.push(word);
	}
	for (const [, metric = "", selector = ""] of expr.matchAll(/([a-z_]+)\{([^}]*)\}/g))
		for (const [, label = "", value = ""] of selector.matchAll(/([a-z]+)[=!]~?"([^"]*)"/g)) {
			if (!metrics.get(metric)?.has(label) && !GIVEN.includes(label)) wrong.push(`${metric}{${label}}`);
			if (!value.startsWith("$"))
				wrong.push(...value.split("|").filter((each) => !VALUES[label]?.includes(each)));
		}
	for (const [, labels = ""] of expr.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g))
		wrong.push(
			...labels
				.split(",")
				.map((label) => label.trim())
				.filter((label) => !all.has(label)),
		);
	return wrong;
}

/** Labels that a text for people names. */
function labelsIn(text: string): string[] {
	return [...text.matchAll(/\{\{ *(?:\$labels\.)?(\w+) *\}\}/g)].map(([, label = ""]) => label);
}

t.test("what the rules ask for is there, and so is what they say", async (t) => {
	const metrics = await metricsOf(t);
	t.ok(rules.length > 8);
	const names = rules.map(({ alert }) => alert);
	t.equal(new Set(names).size, names.length);
	for (const { alert, expr, labels, annotations } of rules) {
		t.strictSame(unknown(expr, metrics), [], alert);
		t.match(labels.severity, /^(warning|critical)$/);
		for (const label of labelsIn(`${annotations.summary} ${annotations.description}`))
			t.ok(GIVEN.includes(label) || labelIsOf(label, expr, metrics), `${alert}: ${label}`);
	}
});

function labelIsOf(label: string, expr: string, metrics: ReadonlyMap<string, ReadonlySet<string>>): boolean {
	return [...metrics].some(([name, labels]) => expr.includes(name) && labels.has(label));
}

t.test("what the dashboard asks for is there, and its panels have places of their own", async (t) => {
	const metrics = await metricsOf(t);
	const { panels, templating, schemaVersion, uid } = dashboard;
	t.equal(uid, "vblade");
	t.ok(schemaVersion >= 38);
	t.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
	const taken = new Set<string>();
	for (const { title, targets, gridPos } of panels) {
		t.ok(targets.length > 0, title);
		for (const { expr, legendFormat } of targets) {
			t.strictSame(unknown(expr, metrics), [], title);
			for (const label of labelsIn(legendFormat)) t.ok(labelIsOf(label, expr, metrics), `${title}: ${label}`);
		}
		for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
			for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
				if (x >= 24 || taken.has(`${x} ${y}`)) t.fail(`${title} lies on another one`);
				taken.add(`${x} ${y}`);
			}
	}
	const variables = new Set(templating.list.map(({ name }) => name));
	for (const [, name = ""] of JSON.stringify(dashboard).matchAll(/\$\{?([a-z]+)\b/g))
		t.ok(variables.has(name), `the variable ${name}`);
	for (const { definition } of templating.list)
		if (definition !== undefined) t.strictSame(unknown(definition, metrics), [], definition);
});

t.test("the manual of operations has every metric, and no others", async (t) => {
	const metrics = await metricsOf(t);
	const names = new Set(
		[...metrics.keys()].map((name) => name.replace(/_seconds_(bucket|count|sum)$/, "_seconds")),
	);
	names.delete("");
	const rows = table(readFileSync(sourceFile("docs/operations.md"), "utf8"), "Metrics");
	const told = rows.flatMap(([name = ""]) => [...name.matchAll(/(vblade_[a-z_]+)(?:\{([a-z,]+)\})?/g)]);
	t.strictSame(told.map(([, name]) => name).sort(), [...names].sort());
	for (const [, name = "", labels] of told)
		for (const label of labels?.split(",") ?? []) {
			const known = metrics.get(name) ?? metrics.get(`${name}_count`);
			t.ok(known?.has(label), `${name}: ${label}`);
		}
});

t.test("a name that is not there would be found", async (t) => {
	const metrics = new Map([["vblade_disk_state", new Set(["disk", "state"])]]);
	t.strictSame(unknown('sum by (disk) (vblade_disk_state{state="open"}) > 0', metrics), []);
	t.strictSame(unknown("vblade_gone_total", metrics), ["vblade_gone_total"]);
	t.strictSame(unknown('vblade_disk_state{link="x"}', metrics), ["vblade_disk_state{link}", "x"]);
	t.strictSame(unknown('vblade_disk_state{state=~"open|ill"}', metrics), ["ill"]);
	t.strictSame(unknown("sum by (op) (vblade_disk_state)", metrics), ["op"]);
});
