/**
 * The page with a server behind it: a control process among fakes that serves a world of disks on a loopback address, with five
 * minutes of past. Used by the tests of the page and by who makes its pictures.
 */

import type { AddressInfo } from "node:net";
import path from "node:path";
import type { Test } from "tap";
import { Passed } from "../../lib/channel/frames.js";
import { systemClock } from "../../lib/clock.js";
import { loadAssets } from "../../lib/control/assets.js";
import type { Control } from "../../lib/control/control.js";
import { volumeIn } from "../../lib/control/heard-volume.js";
import { machinesText, POOL } from "../control/figures.js";
import { Stage, settle } from "../control/stage.js";
import { PROJECT } from "../support/paths.js";
import { BROKEN, BUSY_INITIATOR, SLOW, World } from "./world.js";

/** Where its pool is. */
export const FAST = "/srv/vblade/fast";
/** Three machines have come, and are not there now. */
const CLASSROOM = '[template.lab]\nimage = "fast/web@installed"\nshelf = 20\nnetif = ["eth0"]\n';
const PAST_SECONDS = 300;
/** As `scripts/bundle.mjs` puts it together. */
const PAGE = path.join(PROJECT, "build/bin/page");

export interface Site {
	readonly stage: Stage;
	readonly world: World;
	readonly control: Control;
	/** Where a browser finds the page. */
	readonly url: string;
	/** Ends the server, and starts it again at the same place. */
	stop(): Promise<void>;
	start(): Promise<void>;
}

/** Serves so many disks. */
export async function serveSite(
	t: Test,
	disks: number,
	pastSeconds = PAST_SECONDS,
	host = "127.0.0.1",
): Promise<Site> {
	const world = new World(disks);
	const stage = new Stage();
	stage.opener.text = `${world.toml()}\n[pool.fast]\npath = "${FAST}"\n${CLASSROOM}`;
	stage.opener.files.set("machines.json", machinesText(3));
	givePool(stage);
	stage.workers.reasons.set(BROKEN, `/srv/vblade/${BROKEN}.img: No such file or directory`);
	const control = await startedBefore(t, stage, pastSeconds, world);
	stage.workers.look = async () => [world.look(Date.now())];
	await settle();
	tellOf(control);
	const server = await control.listen({ transport: "tcp", where: { host, port: 0 } });
	const { port } = server.address() as AddressInfo;
	let running = control;
	return {
		stage,
		world,
		control,
		url: `http://${host}:${port}/`,
		stop: () => running.close(),
		async start() {
			running = await stage.start(t, { assets: loadAssets(PAGE) });
			await running.listen({ transport: "tcp", where: { host, port } });
		},
	};
}

/** With a volume that has a past. */
function givePool({ workers }: Stage): void {
	const ago = (hours: number): string => new Date(Date.now() - hours * 3_600_000).toISOString();
	const [web] = POOL.volumes;
	const sizeBytes = 20 * 2 ** 30;
	const snapshots = [
		{ name: "installed", sizeBytes: 2 ** 34, created: ago(70), held: true, clones: ["lab"] },
		{ name: "monday", sizeBytes, created: ago(26), held: false, clones: [] },
		{ name: "tuesday", sizeBytes, created: ago(2.5), held: false, clones: [] },
	].map((each, i) => ({ ...each, usedBytes: (4 + i) * 2 ** 30, uniqueBytes: i * 0.3 * 2 ** 30 }));
	const volumes = [
		{
			...web!,
			name: "mail",
			quotaBytes: null,
			snapshotCount: 0,
			sizeBytes: 2 ** 40,
			usedBytes: 3.4 * 2 ** 38,
			uniqueBytes: 3.4 * 2 ** 38,
			sharedBytes: 0,
			created: ago(900),
			snapshots: [],
		},
		{
			...web!,
			quotaBytes: null,
			snapshotCount: snapshots.length,
			historyBytes: 3 * 2 ** 28,
			momentsFrom: ago(24),
			sizeBytes,
			usedBytes: 7 * 2 ** 30,
			uniqueBytes: 2 ** 30,
			sharedBytes: 6 * 2 ** 30,
			created: ago(71),
			snapshots,
		},
	];
	const [usedBytes, waitingBytes] = [900 * 2 ** 30, 40 * 2 ** 30];
	workers.pools.set(FAST, {
		...POOL,
		sizeBytes: 1.5 * 2 ** 40,
		usedBytes,
		historyBytes: 60 * 2 ** 30,
		freeingBytes: 110 * 2 ** 30,
		waitingBytes,
		freeBytes: 1.5 * 2 ** 40 - usedBytes - waitingBytes,
		momentsFrom: ago(24),
		volumeCount: volumes.length,
		volumes,
	});
	answerAbout(workers, sizeBytes);
}

/** What is asked about what volumes hold. */
function answerAbout(workers: Stage["workers"], sizeBytes: number): void {
	const ranges = [
		{ offsetBytes: 8192, lengthBytes: 4096, mayBeSame: false },
		{ offsetBytes: 2 ** 30, lengthBytes: 8192, mayBeSame: true },
	];
	workers.volume = async (_, question) => {
		const body = {
			about: { name: "web@2026-11-26T10:00:00.000000Z", sizeBytes, pageBytes: 4096, id: "1" },
			changes: { ranges: "offsetBytes" in question && question.offsetBytes > 0 ? [] : ranges },
			read: {},
			runs: { runs: [] },
			write: {},
			release: {},
			verify: { reachedBytes: 2 ** 45, findings: [] },
			flatten: { reachedBytes: 2 ** 45, findings: [] },
			scrub: { reached: 1, total: 1, damaged: [] },
		}[question.ask];
		return volumeIn(question, { body, files: new Passed([]) });
	};
}

/** A control process that was started so many seconds ago, and has looked every second. */
async function startedBefore(t: Test, stage: Stage, seconds: number, world: World): Promise<Control> {
	const { now } = Date;
	let agoMs = seconds * 1000;
	const startMs = now();
	const startClockMs = systemClock.now();
	// Who keeps the function keeps this one, and hears the true time later.
	Date.now = () => (agoMs > 0 ? startMs - agoMs : now());
	try {
		const control = await stage.start(t, { assets: loadAssets(PAGE) });
		await settle();
		for (; agoMs > 0; agoMs -= 1000) {
			const nowMs = Date.now();
			// By the clock that the looks to come go by: else the first of them would find all of it in no time, a peak.
			control.inside.observed.take([world.look(nowMs)], nowMs, startClockMs - agoMs);
		}
		return control;
	} finally {
		agoMs = 0;
		Date.now = now;
	}
}

function tellOf({ inside: { events } }: Control): void {
	const disk = SLOW;
	const minuteAgo = Date.now() - 60_000;
	events.add({
		kind: "fault",
		severity: "error",
		disk,
		message: `disk ${disk}: write of 16 sectors at LBA 81920: Input/output error`,
		atMs: minuteAgo,
	});
	events.add({
		kind: "rival",
		severity: "warning",
		link: "eth0",
		initiator: "02:00:00:00:00:99",
		message: "eth0: 02:00:00:00:00:99 serves 9.200 too",
		atMs: minuteAgo + 5000,
	});
	events.add({
		kind: "disk-stalled",
		severity: "warning",
		disk,
		initiator: BUSY_INITIATOR,
		message: `disk ${disk}: its storage has not answered for 2 s`,
		atMs: minuteAgo + 20_000,
	});
}
