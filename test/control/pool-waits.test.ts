// Disks on a pool that is on other disks: they begin when these have been tried, and that they failed is told only if it stays so.

import t, { type Test } from "tap";
import { OperatorError } from "../../lib/errors.js";
import type { DiskConfig } from "../../lib/spec/configuration.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { FakeWorkers } from "./fake-workers.js";
import { Stage, settle } from "./stage.js";

const TEXT = `
[pool.fast]
disks = ["a", "b"]
[disk.web]
volume = "fast/web"
[disk.a]
file = "/srv/a.img"
[disk.b]
remote = "nbd://host/b"
`;
const MISSING = 'fast: what is on disk "b" is missing';
const REASON = `pool ${MISSING}; its disk b is failed: connection refused`;
const HELD_MS = 10_000;

/** The pool is open when its disks are. A disk in `slow` is added when that is done. */
class PoolWorkers extends FakeWorkers {
	readonly slow = new Map<string, Promise<void>>();

	override async add(disk: DiskConfig, ...rest: [unknown, unknown, string]): Promise<void> {
		const isThere = this.served.has("a") && this.served.has("b");
		await this.slow.get(disk.name);
		if (disk.disk.storage.kind === "volume" && !isThere) {
			this.calls.push(`add ${disk.name}`);
			throw new OperatorError(MISSING);
		}
		await super.add(disk, ...rest);
	}
}

class PoolStage extends Stage {
	override readonly workers = new PoolWorkers();
	readonly clock = new VirtualClock();

	async begin(t: Test): Promise<this> {
		this.opener.text = TEXT;
		await this.start(t, { clock: this.clock });
		await settle();
		return this;
	}

	failures(): string[] {
		const { events } = this.control.inside;
		return events
			.latest(1000)
			.filter(({ kind }) => kind === "disk-failed")
			.map(({ message }) => message);
	}

	addsOf(name: string): number {
		return this.workers.calls.filter((call) => call === `add ${name}`).length;
	}
}

function gate(): { promise: Promise<void>; open: () => void } {
	let open = (): void => {};
	const promise = new Promise<void>((resolve) => {
		open = resolve;
	});
	return { promise, open };
}

t.test(
	"a start at which all disks of the pool come is told of without an error, and asks once",
	async (t) => {
		const stage = new PoolStage();
		const { promise, open } = gate();
		stage.workers.slow.set("b", promise);
		await stage.begin(t);
		t.equal(await stage.state("web"), "opening");
		t.equal(stage.addsOf("web"), 0, "its pool is waited for");
		open();
		await settle();
		t.equal(await stage.state("web"), "open");
		t.equal(stage.addsOf("web"), 1);
		stage.clock.pass(HELD_MS);
		t.strictSame(stage.failures(), []);
	},
);

t.test("one that comes a little later is none, either", async (t) => {
	const stage = new PoolStage();
	stage.workers.reasons.set("b", "connection refused");
	await stage.begin(t);
	t.match((await stage.ask("GET", "/api/v1/disks/web")).body, { state: "failed", reason: REASON });
	stage.workers.reasons.clear();
	stage.clock.pass(1000);
	await settle();
	t.equal(await stage.state("web"), "open");
	stage.clock.pass(2 * HELD_MS);
	t.strictSame(stage.failures(), ["connection refused"], "of b, which is on no pool");
});

t.test("one that stays away is told of after a while, with the pool, its disk, and why", async (t) => {
	const stage = new PoolStage();
	stage.workers.reasons.set("b", "connection refused");
	await stage.begin(t);
	for (let ms = 0; ms < HELD_MS - 1; ms += 999) {
		t.strictSame(stage.failures(), ["connection refused"]);
		stage.clock.pass(999);
		await settle();
	}
	stage.clock.pass(1000);
	t.strictSame(stage.failures(), ["connection refused", REASON]);
	stage.clock.pass(10 * HELD_MS);
	await settle();
	t.strictSame(stage.failures(), ["connection refused", REASON], "once");
});

t.test("one that hangs is not waited for for ever", async (t) => {
	const stage = new PoolStage();
	const { promise, open } = gate();
	stage.workers.slow.set("b", promise);
	await stage.begin(t);
	stage.clock.pass(HELD_MS);
	await settle();
	t.match((await stage.ask("GET", "/api/v1/disks/web")).body, {
		state: "failed",
		reason: `pool ${MISSING}; its disk b is opening`,
	});
	open();
	await settle();
	t.equal(await stage.state("web"), "open");
});

t.test("what comes while the pool is asked for is not too late", async (t) => {
	const stage = new PoolStage();
	stage.workers.reasons.set("b", "connection refused");
	const { promise, open } = gate();
	stage.workers.slow.set("web", promise);
	await stage.begin(t);
	// (It has found b missing, and does not say so yet.)
	t.equal(await stage.state("web"), "opening");
	stage.workers.reasons.clear();
	stage.control.inside.desired.steward("b")?.hurry();
	await settle();
	open();
	await settle();
	t.equal(await stage.state("web"), "open", "without waiting for the next try");
	t.strictSame(stage.failures(), ["connection refused"]);
});

t.test("one that is removed meanwhile is not told to have failed", async (t) => {
	const stage = new PoolStage();
	stage.workers.reasons.set("b", "connection refused");
	await stage.begin(t);
	stage.opener.text = TEXT.replace(/\[disk.web\]\n.*\n/, "");
	await stage.done(await stage.ask("POST", "/api/v1/reload", { body: {} }));
	stage.clock.pass(2 * HELD_MS);
	t.strictSame(stage.failures(), ["connection refused"]);
});
