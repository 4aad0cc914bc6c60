// Control's side of one worker, and a worker that says what it is told to.

import type { Test } from "tap";
import { Asking, type Parcel } from "../../lib/channel/asking.js";
import { type Clock, systemClock } from "../../lib/clock.js";
import type { Happening } from "../../lib/control/event-log.js";
import type { Look } from "../../lib/control/seams.js";
import { TreeWorkers } from "../../lib/control/tree-workers.js";
import { FIGURES_LAYOUT, FigureWriter } from "../../lib/daemon/figures-frame.js";
import { native } from "../../lib/native.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { NO_ISCSI } from "../support/no-iscsi.js";

const MIRRORED = {
	standing: "behind",
	why: "gone",
	behindBytes: 512,
	since: "2026-11-27T10:00:00.000Z",
	errors: 1,
	repairs: 0,
};

const ACCESS = { mask: [1], reserved: [2], configString: "a" };
export const SET = { web: { macs: null, configString: null, access: ACCESS } };
export const SERVING = { disks: [{ name: "web", fingerprint: "1", set: SET }], isMore: false };
const PLACE = { link: "eth0", state: "serving", rival: null, since: null };
export const LOOK = {
	names: {
		isWhole: true,
		disks: [
			{ number: 1, name: "web" },
			{ number: 2, name: "other" },
		],
		links: [{ number: 3, name: "eth0" }],
		initiators: [{ number: 4, mac: 5, disk: 1, link: 3 }],
		gone: { disks: [7], links: [8], initiators: [9] },
	},
	worker: {
		links: [
			{
				name: "eth0",
				status: "up",
				isUp: true,
				mac: "02:00:00:00:00:01",
				mtu: 1500,
				blades: 1,
				pollUs: 50,
				xdp: false,
			},
		],
		unheard: ["127.0.0.1:10809: can't listen there"],
		nbdTls: { count: 3, latest: [{ at: "2026-11-26T10:00:00.000Z", peer: "192.0.2.7:4711", why: "no TLS" }] },
		iscsi: NO_ISCSI,
	},
	disks: [
		{
			name: "web",
			phase: "open",
			open: { sizeBytes: 512, readOnly: false, serial: "a", wwn: "3000000000000000" },
			lastFault: { what: "read", lba: 7, cause: "EIO", at: "2026-11-26T10:00:00.000Z" },
			stalledSince: null,
			shrunkBytes: null,
			nbd: null,
			iscsi: null,
			remote: null,
			parts: [{ disk: "a", offsetBytes: 0, sizeBytes: 512, mirrored: MIRRORED }],
			exports: [{ address: "9.0", places: [PLACE], macs: [], reservedBy: [], configString: "a" }],
		},
	],
	isMore: false,
};

export function figures(): number[] {
	const writer = new FigureWriter(1);
	for (const number of [1, 2])
		writer.row(
			"disks",
			FIGURES_LAYOUT.disks.map((name) => (name === "number" ? number : 1)),
		);
	writer.latency("disks", 1, 0, 100, [0, 1, 2]);
	return [...writer.written];
}

/** Control's side of one worker, and the worker, which says what it is told to. */
export class Pair {
	readonly replaced: number[] = [];
	readonly happened: Happening[] = [];
	readonly sets: string[] = [];
	readonly seen: string[] = [];
	readonly refusals = new Map<string, Error>();
	keep: Promise<void> = Promise.resolve();
	readonly workers: TreeWorkers;
	readonly worker: Asking;
	answers: Record<string, Parcel | Promise<Parcel>> = { serving: { body: SERVING } };

	constructor(t: Pick<Test, "teardown">, clock: Clock = systemClock) {
		this.workers = new TreeWorkers(1, (index) => void this.replaced.push(index), clock);
		const [ours, theirs] = native.socketPair();
		this.workers.listen({
			started: () => {},
			recognized: () => {},
			seen: ({ name, aoe }) => void this.seen.push(`${name} ${aoe?.macs}`),
			happened: (happening) => void this.happened.push(happening),
			set: (disk) => {
				this.sets.push(disk);
				return this.keep;
			},
		});
		this.workers.join(0, ours);
		this.worker = new Asking(theirs, {
			answer: ({ body }) => {
				const refusal = this.refusals.get(String(body.kind));
				if (refusal !== undefined) throw refusal;
				return this.answers[String(body.kind)] ?? { body: {} };
			},
			told: () => {},
			ended: () => {},
		});
		t.teardown(() => this.worker.close());
	}

	/** What it tells, however long that takes. */
	async looks(): Promise<readonly Look[]> {
		let looks: readonly Look[] = [];
		const look = async (): Promise<boolean> => {
			looks = await this.workers.look();
			return looks.length > 0;
		};
		await until("its answer", look, LIMIT_MS);
		return looks;
	}

	answer(look: object, numbers: readonly number[], cut = 0): void {
		const bytes = new Uint8Array(Float64Array.from(numbers).buffer);
		this.answers.look = { body: look, bytes: bytes.subarray(0, bytes.length - cut) };
	}
}
