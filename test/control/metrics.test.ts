/**
 * The metrics are OpenMetrics, line by line: every family is told once before its samples, units and suffixes are right, no series is
 * there twice, and what they say is what was seen.
 */

import t, { type Test } from "tap";
import { REJECT_REASONS } from "../../lib/aoe/stats.js";
import { type AoeExport, InitiatorList } from "../../lib/control/model.js";
import { ERROR_CAUSES } from "../../lib/disk.js";
import { countOf } from "../../lib/histogram.js";
import { figuresOf, LINK, lookOf, viewOf } from "./figures.js";
import { Stage, settle } from "./stage.js";

const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
	counter: ["_total"],
	gauge: [""],
	histogram: ["_bucket", "_count", "_sum"],
	info: ["_info"],
};

/** Series with their values; fails the test for what is not OpenMetrics. */
function parse(t: Test, text: string): Map<string, number> {
	const series = new Map<string, number>();
	const families = new Set<string>();
	let family = "";
	let type = "";
	const lines = text.split("\n");
	t.equal(lines.pop(), "", "ends with a newline");
	t.equal(lines.pop(), "# EOF");
	for (const line of lines) {
		const [, keyword, name = "", rest = ""] = /^# (TYPE|UNIT|HELP) (\S+) (.+)$/.exec(line) ?? [];
		if (keyword === "TYPE") {
			if (families.has(name)) t.fail(`${name} is told twice`);
			families.add(name);
			[family, type] = [name, rest];
			continue;
		}
		if (keyword !== undefined) {
			if (name !== family) t.fail(line);
			if (keyword === "UNIT" && !family.endsWith(`_${rest}`)) t.fail(line);
			continue;
		}
		const [, sample = "", labels = "", value = ""] =
			/^([a-z_]+)(\{(?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)+\})? (\S+)$/.exec(line) ?? [];
		const suffix = sample.slice(family.length);
		if (!sample.startsWith(family) || !SUFFIXES[type]?.includes(suffix)) t.fail(`in ${family}: ${line}`);
		if (!Number.isFinite(Number(value)) || series.has(sample + labels)) t.fail(line);
		series.set(sample + labels, Number(value));
	}
	return series;
}

const SILENCED: AoeExport = {
	address: "9.0",
	netif: ["eth0", "eth1"],
	macs: null,
	reservedBy: [],
	configString: "",
	silenced: [{ netif: "eth1", mac: "02:00:00:00:00:09", since: "2026-11-26T10:00:00Z" }],
	rivals: [{ netif: "eth0", mac: "02:00:00:00:00:08" }],
};

const NBD = { name: "web", description: "", refused: 5, clientCount: 2, clients: [] };

async function staged(t: Test): Promise<Stage> {
	const stage = new Stage();
	const figures = [
		figuresOf("web", 100, 10, { causes: { medium: 2 }, underWay: 3, delayed: 4, delayedSeconds: 0.5 }),
		figuresOf("mail", 50, 0),
	];
	stage.workers.looks = [
		lookOf(figures, {
			views: [{ ...viewOf("web", 64 * 2 ** 20), aoe: SILENCED, nbd: NBD }],
			links: [{ ...LINK, name: 'a"b\\c' }],
			nbdTls: { count: 6, latest: [] },
		}),
	];
	await stage.start(t);
	await settle();
	return stage;
}

t.test("what was seen, by the names that others rely on", async (t) => {
	const stage = await staged(t);
	const { text, headers } = await stage.ask("GET", "/metrics");
	t.equal(headers["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
	const series = parse(t, text);
	const expected: Record<string, number> = {
		'vblade_build_info{version="1.0"}': 1,
		'vblade_disk_reads_total{disk="web"}': 100,
		'vblade_disk_read_bytes_total{disk="web"}': 409_600,
		'vblade_disk_writes_total{disk="web"}': 10,
		'vblade_disk_written_bytes_total{disk="web"}': 40_960,
		'vblade_disk_flushes_total{disk="web"}': 0,
		'vblade_disk_errors_total{disk="web",cause="medium"}': 2,
		'vblade_disk_delayed_total{disk="web"}': 4,
		'vblade_disk_delayed_seconds_total{disk="web"}': 0.5,
		'vblade_disk_silenced{disk="web",link="eth1"}': 1,
		'vblade_disk_nbd_clients{disk="web"}': 2,
		'vblade_disk_nbd_refused_total{disk="web"}': 5,
		vblade_nbd_tls_refused_total: 6,
		'vblade_disk_io_inflight{disk="web"}': 3,
		'vblade_disk_size_bytes{disk="web"}': 64 * 2 ** 20,
		'vblade_disk_state{disk="web",state="open"}': 1,
		'vblade_disk_io_seconds_count{op="read"}': 150,
		'vblade_disk_io_seconds_bucket{op="read",le="+Inf"}': 150,
		'vblade_link_frames_total{link="a\\"b\\\\c",worker="0",direction="in"}': 1000,
		'vblade_link_dropped_total{link="a\\"b\\\\c",worker="0",reason="masked"}': 3,
		'vblade_process_cpu_seconds_total{process="control",index="0"}': 1.5,
		// (A client of NBD and a session of iSCSI; nobody was heard by AoE.)
		vblade_initiators: 2,
		'vblade_worker_answers{worker="0"}': 1,
		vblade_state_kept: 1,
		vblade_config_last_reload_successful: 1,
	};
	for (const [name, value] of Object.entries(expected)) t.equal(series.get(name), value, name);
	t.ok((series.get("vblade_config_last_reload_seconds") ?? 0) > 1e9);
	t.notOk(
		[...series.keys()].some((name) => /io_seconds.*disk=/.test(name)),
		"one histogram of all",
	);
});

t.test("what has never counted is 0 from the beginning", async (t) => {
	const stage = new Stage();
	stage.workers.looks = [lookOf([], { links: [{ ...LINK, dropped: {} }] })];
	stage.workers.reasons.set("mail", "no such file");
	await stage.start(t);
	await settle();
	const series = parse(t, (await stage.ask("GET", "/metrics?histograms=true")).text);
	for (const disk of ["web", "mail"]) {
		for (const name of ["reads", "written_bytes", "flushes", "resends", "delayed", "delayed_seconds"])
			t.equal(series.get(`vblade_disk_${name}_total{disk="${disk}"}`), 0, name);
		for (const cause of Object.keys(ERROR_CAUSES))
			t.equal(series.get(`vblade_disk_errors_total{disk="${disk}",cause="${cause}"}`), 0, cause);
		t.equal(series.get(`vblade_disk_io_seconds_count{disk="${disk}",op="flush"}`), 0);
	}
	for (const reason of [...Object.keys(REJECT_REASONS), "ring", "queue"])
		t.equal(series.get(`vblade_link_dropped_total{link="eth0",worker="0",reason="${reason}"}`), 0, reason);
	const all = parse(t, (await stage.ask("GET", "/metrics")).text);
	t.equal(all.get('vblade_disk_io_seconds_bucket{op="write",le="+Inf"}'), 0);
});

t.test("initiators one by one, as many as are asked for", async (t) => {
	const stage = new Stage();
	const of = (mac: string, reads: number) => {
		const { counters, latency } = figuresOf("web", reads, 0);
		const onDisk = (): undefined => undefined;
		return { mac, link: "eth0", disks: ["web"], counters, latency, lastSeenMs: Date.now(), onDisk };
	};
	const initiators = [of("02:00:00:00:00:01", 5), of("02:00:00:00:00:02", 7)];
	stage.workers.looks = [lookOf([], { initiators })];
	await stage.start(t);
	await settle();
	const none = parse(t, (await stage.ask("GET", "/metrics")).text);
	t.equal(none.get("vblade_initiators"), 2);
	t.notOk([...none.keys()].some((name) => name.startsWith("vblade_initiator_")));
	const one = parse(t, (await stage.ask("GET", "/metrics?initiators=1")).text);
	t.equal([...one.keys()].filter((name) => name.startsWith("vblade_initiator_reads_total")).length, 1);
	const two = parse(t, (await stage.ask("GET", "/metrics?initiators=2")).text);
	t.equal(two.get('vblade_initiator_reads_total{initiator="02:00:00:00:00:02",link="eth0"}'), 7);
	const { body } = await stage.ask("GET", "/api/v1/initiators?disk=web");
	t.equal(InitiatorList.parse(body).total, 2);
	t.equal((await stage.ask("GET", "/api/v1/initiators?disk=mail")).body.total, 0);
});

t.test("histograms of each disk, when they are asked for or configured", async (t) => {
	const stage = await staged(t);
	const series = parse(t, (await stage.ask("GET", "/metrics?histograms=true")).text);
	t.equal(series.get('vblade_disk_io_seconds_count{disk="web",op="write"}'), 10);
	let last = 0;
	for (const [name, value] of series)
		if (name.startsWith('vblade_disk_io_seconds_bucket{disk="web",op="read"')) {
			t.ok(value >= last, `cumulative: ${name}`);
			last = value;
		}
	t.equal(last, 100);
	stage.opener.text = `[http]\ndisk_histograms = true\n${stage.opener.text}`;
	t.equal(await stage.control.reload(), undefined);
	t.match((await stage.ask("GET", "/metrics")).text, /io_seconds_count\{disk="web"/);
	t.notMatch((await stage.ask("GET", "/metrics?histograms=false")).text, /io_seconds_count\{disk="web"/);
});

t.test("thousands of disks are sent in pieces, and others are answered in between", async (t) => {
	const stage = new Stage();
	const names = Array.from({ length: 2000 }, (_, index) => `d${index}`);
	stage.opener.text = names
		.map(
			(name, index) =>
				`[disk.${name}]\nmemory = "1M"\n[disk.${name}.aoe]\naddress = "${1 + (index >> 7)}.${index & 127}"\nnetif = ["eth0"]`,
		)
		.join("\n");
	stage.workers.looks = [lookOf(names.map((name) => figuresOf(name, 10, 5)))];
	await stage.start(t);
	await settle();
	const [all, live] = await Promise.all([
		stage.ask("GET", "/metrics?histograms=true"),
		stage.ask("GET", "/livez"),
	]);
	t.equal(live.status, 200);
	const series = parse(t, all.text);
	t.equal([...series.keys()].filter((name) => name.startsWith("vblade_disk_reads_total")).length, 2000);
	t.equal(countOf(stage.control.inside.observed.latency.read?.counts ?? []), 20_000);
});
