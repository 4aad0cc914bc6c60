// A replica costs its pool nothing where its table on this host can't be written, or does not answer; and nothing is believed afterwards that was not known there.
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import type { BlockDevice } from "../../../lib/block/device.js";
import { DeviceLayer } from "../../../lib/block/layer.js";
import { BlockOp, type BlockRequest } from "../../../lib/block/request.js";
import { StorageStatus } from "../../../lib/errors.js";
import { Pool } from "../../../lib/pool/pool.js";
import type { ReplicaFolder } from "../../../lib/pool/store/replica-folder.js";
import { VirtualClock } from "../../../lib/testing/virtual-clock.js";
import { Power, powered } from "../crash-folder.js";
import { MemoryFolder, Stage, show, testWorld } from "../memory-folder.js";
import { ReplicaStage } from "./replica-stage.js";

type Ill = StorageStatus | "hangs";

/** What a table does by now. */
class Health {
	ill: Ill | null = null;
	/** Also what is read. */
	isAll = false;
	held: (() => void)[] = [];

	well(): void {
		this.ill = null;
		for (const submit of this.held.splice(0)) submit();
	}
}

class Ailing extends DeviceLayer {
	constructor(
		device: BlockDevice,
		readonly health: Health,
	) {
		super(device);
	}

	protected handle(request: BlockRequest): void {
		const { health } = this;
		const concerns = health.isAll || request.op !== BlockOp.read;
		if (health.ill === null || !concerns) this.device.submit(request);
		else if (health.ill === "hangs") health.held.push(() => this.device.submit(request));
		else request.complete(health.ill);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

const PAGES = 3000;
/** More than it takes to bring it all. */
const WHILE_MS = 120_000;

/** A host with a pool and its replica's table, whose power can be cut. */
class Host {
	readonly clock = new VirtualClock();
	readonly there = new ReplicaStage(this.clock);
	readonly health = new Health();
	#power = new Power(Number.POSITIVE_INFINITY);
	readonly #files = new Map<string, MemoryFolder>();
	#folder!: ReplicaFolder;
	stage!: Stage;

	#disk(name: string): MemoryFolder {
		const wrap = (device: BlockDevice): BlockDevice =>
			powered(name === "local" ? new Ailing(device, this.health) : device, this.#power);
		const disk = new MemoryFolder(wrap);
		for (const [file, device] of this.#files.get(name)?.files ?? []) disk.files.set(file, device);
		this.#files.set(name, disk);
		return disk;
	}

	in<T>(act: Promise<T>): Promise<T> {
		return this.clock.until(act, 1e9);
	}

	async begin(isNew = false): Promise<void> {
		this.#folder = this.there.follow(this.#disk("files"), this.#disk("local"));
		const world = testWorld(this.#folder);
		const pool = await this.in(isNew ? Pool.create(world) : Pool.open(world));
		if (isNew) await this.in(pool.administration.create("web", 64 * 2 ** 20, 4096));
		this.stage = await Stage.of(pool);
	}

	/** Statuses that were not ok. */
	async fill(from: number, value: number): Promise<number> {
		const write = async (): Promise<number> => {
			let failed = 0;
			for (let page = from; page < from + PAGES; page++)
				if ((await this.stage.write(page, value)) !== StorageStatus.ok) failed++;
			return failed;
		};
		return this.in(write());
	}

	async pass(ms = WHILE_MS): Promise<void> {
		for (let second = 0; second < ms; second += 1000) {
			this.clock.pass(1000);
			for (let turn = 0; turn < 10; turn++) await nextTurn();
		}
	}

	get replica() {
		return this.#folder.states[0]!;
	}

	/** What the replica goes on from: another one after it was begun anew. */
	get life(): string {
		const [, life = ""] = /"life":"([0-9a-f]+)"/.exec(String(this.there.head.values.at(-1))) ?? [];
		return life;
	}

	/** Nobody hears of it any more, and what it was doing is not done. */
	cut(): void {
		this.#power.end();
		this.#power = new Power(Number.POSITIVE_INFINITY);
		this.health.held = [];
		this.health.ill = null;
	}

	/** Some pages, as the replica has them. */
	async found(...pages: number[]): Promise<number[]> {
		const other = await this.in(this.there.copy().promote());
		const values = await this.in(show(other, "web", ...pages));
		await this.in(other.close());
		return values;
	}
}

const ILLS: readonly Ill[] = [StorageStatus.noSpace, StorageStatus.mediumError, "hangs"];

for (const ill of ILLS) {
	t.test(
		`a table that is ill (${ill}) holds up no write, and is not believed after the power was cut`,
		async (t) => {
			const host = new Host();
			await host.begin(true);
			t.equal(await host.fill(0, 1), 0);
			await host.pass();
			t.equal(host.replica.lagBytes, 0);
			host.health.ill = ill;
			t.equal(await host.fill(PAGES, 2), 0, "all are written");
			t.match(host.replica.trouble, /its table can't be written: /);
			t.ok(host.replica.lagBytes > 0, "not all of that is there");
			host.cut();
			await host.begin();
			await host.pass();
			t.same([host.replica.lagBytes, host.replica.trouble], [0, null]);
			t.same(await host.found(0, PAGES - 1, PAGES, 2 * PAGES - 1), [1, 1, 2, 2]);
			await host.in(host.stage.close());
		},
	);

	t.test(
		`a replica goes on while its table is ill (${ill}), and needs nothing anew once it is well again`,
		async (t) => {
			const host = new Host();
			await host.begin(true);
			await host.fill(0, 1);
			await host.pass();
			host.health.ill = ill;
			await host.fill(PAGES, 2);
			await host.pass();
			t.equal(host.replica.lagBytes, 0);
			t.same(await host.found(0, 2 * PAGES - 1), [1, 2]);
			t.match(host.replica.trouble, /its table can't be written: /);
			host.health.well();
			await host.pass(30_000);
			t.equal(host.replica.trouble, null);
			const { life } = host;
			t.not(life, "");
			t.equal(await host.fill(2 * PAGES, 3), 0);
			host.cut();
			await host.begin();
			await host.pass();
			t.equal(host.replica.lagBytes, 0);
			t.equal(host.life, life, "it was not begun anew");
			t.same(await host.found(0, 2 * PAGES - 1, 3 * PAGES - 1), [1, 2, 3]);
			await host.in(host.stage.close());
		},
	);

	t.test(`a pool is opened, served and closed whose replica's table can't be read (${ill})`, async (t) => {
		const host = new Host();
		await host.begin(true);
		await host.fill(0, 1);
		await host.pass();
		await host.in(host.stage.close());
		Object.assign(host.health, { ill, isAll: true });
		await host.begin();
		t.match(host.replica.trouble, /its table can't be read: /);
		t.equal(await host.fill(PAGES, 2), 0);
		await host.pass();
		t.same(await host.found(0, 2 * PAGES - 1), [1, 2], "it is brought anew, from what is in memory");
		await host.in(host.stage.close());
	});
}
