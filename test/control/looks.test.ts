/**
 * What a worker tells in numbers arrives under the right names: of disks, of links, and of initiators that use several disks; what is not
 * told again stays, what is gone goes.
 */

import t from "tap";
import { NOTHING_MEASURED } from "../../lib/control/look-parts.js";
import { initiatorOn, Observed } from "../../lib/control/observed.js";
import { Onlooker } from "../../lib/control/onlooker.js";
import { PastAskers } from "../../lib/control/past-askers.js";
import { NO_COUNTERS } from "../../lib/control/rates.js";
import {
	FIGURES_LAYOUT,
	type FigureNames,
	type FigureSection,
	FigureWriter,
} from "../../lib/daemon/figures-frame.js";
import type { DiskReport, WorkerReport } from "../../lib/daemon/state.js";
import { classOf, HISTOGRAM_CLASSES } from "../../lib/histogram.js";
import { NO_ISCSI, UNIT } from "../support/no-iscsi.js";

const NAMES: FigureNames = {
	isWhole: true,
	disks: [
		{ number: 1, name: "web" },
		{ number: 2, name: "mail" },
	],
	links: [{ number: 3, name: "eth0" }],
	initiators: [
		{ number: 4, mac: 0x020000000001, disk: 1, link: 3 },
		{ number: 5, mac: 0x020000000001, disk: 2, link: 3 },
		{ number: 6, mac: 0x020000000002, disk: 1, link: 3 },
	],
	gone: { disks: [], links: [], initiators: [] },
};
const NOTHING_NEW: FigureNames = { ...NAMES, isWhole: false, disks: [], links: [], initiators: [] };

const REPORT: WorkerReport = {
	engine: "",
	putOff: 0,
	openingsWaiting: 0,
	longestTurnSteps: 0,
	links: [
		{
			name: "eth0",
			status: "up",
			isUp: true,
			mac: "02:00:00:00:00:09",
			mtu: 9000,
			blades: 2,
			pollUs: 50,
			xdp: true,
		},
	],
	unheard: ["127.0.0.1:10809: taken"],
	nbdTls: { count: 3, latest: [{ at: "2026-11-26T10:00:00.000Z", peer: "192.0.2.7:4711", why: "no TLS" }] },
	iscsi: NO_ISCSI,
};

const DISK: DiskReport = {
	name: "web",
	phase: "open",
	isLeaving: false,
	open: { sizeBytes: 4096, readOnly: true, serial: "s", wwn: "3000000000000000", faults: 1 },
	lastFault: { what: "read", lba: 7, cause: "EIO", at: "2026-11-26T10:00:00.000Z" },
	stalledSince: null,
	shrunkBytes: null,
	parts: [{ disk: "a", offsetBytes: 0, sizeBytes: 4096, mirrored: null }],
	remote: {
		...{ state: "unreachable", since: "2026-11-26T10:00:00.000Z", why: "gone\n" },
		...{ losses: 1, resends: 2, waiting: 3 },
	},
	iscsi: UNIT,
	nbd: {
		name: "shop\n",
		description: "",
		refused: 2,
		clientCount: 65,
		clients: [
			{
				peer: "192.0.2.7:4711",
				identity: "cn:back\nup",
				encryption: "TLSv1.3 TLS_AES_256_GCM_SHA384",
				past: "fast/web@monday",
				readOnly: true,
				since: "2026-11-26T10:00:00.000Z",
				underWay: 1,
				reads: 2,
				readBytes: 8192,
				writes: 0,
				writtenBytes: 0,
				errors: 0,
			},
		],
	},
	exports: [
		{
			name: "web",
			protocol: "aoe",
			address: "9.0",
			places: [
				{ link: "eth0", state: "serving", rival: "02:00:00:00:00:06", since: null },
				{ link: "eth1", state: "silent", rival: "02:00:00:00:00:05", since: "2026-11-26T10:00:00.000Z" },
			],
			macs: null,
			reservedBy: ["02:00:00:00:00:01"],
			configString: "a\n\u00ff",
			bufferCount: 16,
			isLeaving: false,
		},
	],
};

function row(writer: FigureWriter, section: FigureSection, columns: Record<string, number>): void {
	writer.row(
		section,
		FIGURES_LAYOUT[section].map((name) => columns[name] ?? 0),
	);
}

function frame(generation: number, reads: { disk: number; asker: number; count: number }[]): Float64Array {
	const writer = new FigureWriter(generation);
	for (const { disk, asker, count } of reads) {
		const io = { reads: count, readBytes: 512 * count, lastSeenMs: 5000 };
		row(writer, "disks", { number: disk, ...io, "cause medium": 2, sizeBytes: 4096 });
		row(writer, "initiators", { number: asker, disk, link: 3, ...io, resends: 1 });
		const counts = new Float64Array(HISTOGRAM_CLASSES);
		counts[classOf(100)] = count;
		writer.latency("disks", disk, 0, 100 * count, counts);
		writer.latency("initiators", asker, 0, 100 * count, counts);
	}
	row(writer, "links", { number: 3, framesIn: 10, droppedIn: 3, "dropped masked": 4, initiators: 2 });
	return writer.written;
}

t.test("names, sums over disks, and who is the busiest", async (t) => {
	const onlooker = new Onlooker(1, 77);
	t.equal(onlooker.since, 0);
	const look = onlooker.take(
		NAMES,
		frame(1, [
			{ disk: 1, asker: 4, count: 10 },
			{ disk: 2, asker: 5, count: 5 },
		]),
		[DISK],
		REPORT,
	);
	t.equal(onlooker.since, 1);
	t.match(look, { worker: 1, life: 77 });
	t.match(look.figures, [
		{
			name: "web",
			counters: { reads: 10, readBytes: 5120 },
			causes: { medium: 2 },
			busiestInitiator: "02:00:00:00:00:01",
		},
		{ name: "mail", counters: { reads: 5 }, lastSeenMs: 5000 },
	]);
	t.strictSame(Object.keys(look.figures[0]?.causes ?? {}), ["medium"]);
	t.equal(look.figures[0]?.latency.read?.sumSeconds, 0.001);
	const [initiator] = look.initiators;
	t.match(initiator, {
		mac: "02:00:00:00:00:01",
		link: "eth0",
		disks: ["web", "mail"],
		counters: { reads: 15, resends: 2 },
	});
	t.equal(initiator?.latency.read?.counts[classOf(100)], 15);
	t.strictSame(look.linkOptions, [{ name: "eth0", pollUs: 50, xdp: true }]);
	t.match(look.links, [
		{ name: "eth0", state: "up", mac: "02:00:00:00:00:09", framesIn: 10, dropped: { masked: 4, ring: 3 } },
	]);
	t.match(look.views, [
		{
			name: "web",
			readOnly: true,
			lastFault: /read at LBA 7: EIO/,
			remote: { state: "unreachable", why: "gone\\n", losses: 1, resends: 2, waiting: 3 },
			iscsi: { target: UNIT.target, sessions: [{ initiator: "iqn.2026-11.org.example:\\n", reads: 2 }] },
			nbd: { name: "shop\\n", refused: 2, clientCount: 65, clients: [{ peer: "192.0.2.7:4711", reads: 2 }] },
			aoe: {
				address: "9.0",
				netif: ["eth0", "eth1"],
				macs: null,
				configString: "a\\n\u00ff",
				silenced: [{ netif: "eth1", mac: "02:00:00:00:00:05" }],
				rivals: [{ netif: "eth0", mac: "02:00:00:00:00:06" }],
			},
		},
	]);
});

t.test("what an initiator does on one of its disks, and how much of it lately", async (t) => {
	const onlooker = new Onlooker(0, 1);
	const observed = new Observed(0);
	const both = (generation: number, web: number, mail: number) =>
		frame(generation, [
			{ disk: 1, asker: 4, count: web },
			{ disk: 2, asker: 5, count: mail },
		]);
	observed.take([onlooker.take(NAMES, both(1, 10, 5), [], REPORT)], 1000);
	observed.take([onlooker.take(NOTHING_NEW, both(2, 40, 6), [], REPORT)], 2000);
	const [initiator] = observed.initiators();
	if (initiator === undefined) throw new Error("there is one");
	t.match(initiator, { figures: { counters: { reads: 46 } }, rates: { reads: 31 } });
	const onWeb = initiatorOn(initiator, "web");
	t.match(onWeb, { figures: { disks: ["web", "mail"], counters: { reads: 40 } }, rates: { reads: 30 } });
	t.equal(onWeb.figures.latency.read?.counts[classOf(100)], 40);
	t.match(initiatorOn(initiator, "mail"), { figures: { counters: { reads: 6 } }, rates: { reads: 1 } });
	observed.take([onlooker.take(NOTHING_NEW, frame(3, []), [], REPORT)], 3000);
	const [idle] = observed.initiators();
	t.match(idle && initiatorOn(idle, "web"), { figures: { counters: { reads: 40 } }, rates: { reads: 0 } });
});

t.test("what is not told again stays; what is gone goes", async (t) => {
	const onlooker = new Onlooker(0, 1);
	const first = onlooker.take(NAMES, frame(1, [{ disk: 1, asker: 4, count: 10 }]), [], REPORT);
	const second = onlooker.take(NOTHING_NEW, frame(2, [{ disk: 1, asker: 6, count: 30 }]), [], REPORT);
	t.equal(second.figures[0]?.busiestInitiator, "02:00:00:00:00:02");
	const of = (look: typeof first, mac: string) => look.initiators.find((each) => each.mac === mac);
	t.equal(of(second, "02:00:00:00:00:01"), of(first, "02:00:00:00:00:01"), "the same object");
	t.equal(of(second, "02:00:00:00:00:02")?.counters.reads, 30);
	const gone = { disks: [2], links: [], initiators: [5, 6] };
	const third = onlooker.take({ ...NOTHING_NEW, gone }, frame(3, []), [], { ...REPORT, links: [] });
	t.strictSame(
		third.initiators.map(({ mac, disks }) => [mac, disks]),
		[
			["02:00:00:00:00:01", ["web"]],
			["02:00:00:00:00:02", ["web"]],
		],
		"but for who has used what is still there",
	);
	t.strictSame([third.figures, third.links], [[], []]);
});

t.test(
	"whoever has used a disk is known after it was closed and opened, and until it is removed",
	async (t) => {
		const onlooker = new Onlooker(0, 1);
		const asked = (generation: number, disk: number, asker: number, count: number) =>
			frame(generation, [{ disk, asker, count }]);
		onlooker.take(NAMES, asked(1, 1, 4, 10), [], REPORT);
		const gone = { disks: [1], links: [], initiators: [4, 6] };
		// What it did last comes with the word that it is gone.
		const closed = onlooker.take({ ...NOTHING_NEW, gone }, asked(2, 1, 4, 12), [], REPORT);
		const shown = ({ initiators }: typeof closed) =>
			initiators.map(({ mac, disks, counters, lastSeenMs }) => [mac, disks, counters.reads, lastSeenMs]);
		t.strictSame(shown(closed), [["02:00:00:00:00:01", ["mail", "web"], 12, 5000]]);
		const again = {
			...NOTHING_NEW,
			disks: [{ number: 11, name: "web" }],
			initiators: [{ number: 14, mac: 0x020000000001, disk: 11, link: 3 }],
		};
		const opened = onlooker.take(again, asked(3, 11, 14, 3), [], REPORT);
		t.strictSame(shown(opened), [["02:00:00:00:00:01", ["mail", "web"], 15, 5000]]);
		const [initiator] = opened.initiators;
		t.match(initiator?.onDisk("web"), {
			now: { counters: { reads: 15 } },
			before: { counters: { reads: 12 } },
		});
		t.equal(initiator?.onDisk("web")?.now.latency.read?.counts[classOf(100)], 15);
		t.equal(initiator?.onDisk("other"), undefined);
		const whole = { ...again, isWhole: true, disks: [{ number: 21, name: "web" }], initiators: [] };
		t.strictSame(shown(onlooker.take({ ...whole, links: NAMES.links }, frame(4, []), [], REPORT)), [
			["02:00:00:00:00:01", ["web"], 15, 5000],
		]);
		onlooker.forget("web");
		t.strictSame(shown(onlooker.take(NOTHING_NEW, frame(5, []), [], REPORT)), []);
	},
);

t.test("of those who have used disks that were closed, the latest are known", async (t) => {
	const past = new PastAskers(2);
	const counts = { counters: { ...NO_COUNTERS, reads: 1 }, lastSeenMs: 1, latency: NOTHING_MEASURED };
	for (const mac of ["a", "b", "a", "c"]) past.add({ mac, link: "eth0", disk: "web", counts });
	past.add({ mac: "d", link: "eth0", disk: "web", counts: { ...counts, lastSeenMs: null } });
	t.strictSame(
		[...past.all()].map(({ mac, counts }) => [mac, counts.counters.reads]),
		[
			["a", 2],
			["c", 1],
		],
	);
});

t.test("a link that is down says why", async (t) => {
	const [link] = REPORT.links;
	if (link === undefined) throw new Error("there is one");
	const links = [
		{ ...link, isUp: false, status: "gone" },
		{ ...link, name: "eth1", isUp: false, status: "down, no carrier" },
	];
	const look = new Onlooker(0, 1).take(NAMES, frame(1, []), [], { ...REPORT, links });
	t.match(look.links, [
		{ state: "gone", reason: "gone" },
		{ state: "down", reason: "down, no carrier" },
	]);
});
