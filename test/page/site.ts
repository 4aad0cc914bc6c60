/**
 * The page with a server behind it: a control process among fakes that serves a world of disks on a loopback address, with five
 * minutes of past. Used by the tests of the page and by who makes its pictures.
 */

import type { AddressInfo } from "node:net";
import path from "node:path";
import type { Test } from "tap";
import { loadAssets } from "../../lib/control/assets.js";
import type { Control } from "../../lib/control/control.js";
import { Stage, settle } from "../control/stage.js";
import { PROJECT } from "../support/paths.js";
import { BROKEN, BUSY_INITIATOR, SLOW, World } from "./world.js";

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
	stage.opener.text = world.toml();
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

/** A control process that was started so many seconds ago, and has looked every second. */
async function startedBefore(t: Test, stage: Stage, seconds: number, world: World): Promise<Control> {
	const { now } = Date;
	let agoMs = seconds * 1000;
	const startMs = now();
	// Who keeps the function keeps this one, and hears the true time later.
	Date.now = () => (agoMs > 0 ? startMs - agoMs : now());
	try {
		const control = await stage.start(t, { assets: loadAssets(PAGE) });
		await settle();
		for (; agoMs > 0; agoMs -= 1000) {
			const nowMs = Date.now();
			control.inside.observed.take([world.look(nowMs)], nowMs);
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
