/** Nobody reads what a loss of power could take back: whoever asks for a name waits until it is on stable storage, also where another process has given it. */

import path from "node:path";
import t from "tap";
import { Shelf } from "../../lib/object-server/shelf.js";
import { syncFolder } from "../../lib/sync-folder.js";
import { scratchDirectory, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";

const BUCKET = "gold";
const NEW = { isNew: true, match: undefined };

/** Folders are synced when it is let. */
class Held {
	readonly folder = path.join(scratchDirectory(), "store");
	readonly bucket = path.join(this.folder, BUCKET);
	readonly waiting: { readonly folder: string; readonly goOn: (error?: Error) => void }[] = [];
	isHeld = false;

	readonly sync = async (folder: string): Promise<void> => {
		if (this.isHeld)
			await new Promise<void>((resolve, reject) => {
				const goOn = (error?: Error) => (error === undefined ? resolve() : reject(error));
				this.waiting.push({ folder, goOn });
			});
		await syncFolder(folder);
	};

	/** To be closed by whoever asks. */
	async start(): Promise<Shelf> {
		await Shelf.prepare(this.folder);
		return Shelf.open(this.folder, this.sync);
	}

	async open(): Promise<Shelf> {
		const shelf = await this.start();
		t.teardown(() => shelf.close());
		return shelf;
	}

	goOn(error?: Error): void {
		for (const { goOn } of this.waiting.splice(0)) goOn(error);
	}
}

async function put(shelf: Shelf, key: string): Promise<void> {
	const draft = await shelf.draft();
	try {
		await draft.write(Buffer.from(key));
		const wanted = { bytes: key.length, sha256: undefined, md5: undefined };
		await shelf.put(BUCKET, key, { draft, wanted, headers: {} }, NEW);
	} finally {
		await draft.discard();
	}
}

/** Whether it is over already, with what has to be let on for that. */
async function isOver(held: Held, asked: Promise<unknown>): Promise<boolean> {
	let over = false;
	void asked.then(
		() => {
			over = true;
		},
		() => {
			over = true;
		},
	);
	await until("somebody who waits, or is through", () => over || held.waiting.length > 0, LIMIT_MS);
	return over;
}

async function read(shelf: Shelf, key: string): Promise<number> {
	const { handle, bytes } = await shelf.find(BUCKET, key);
	await handle.close();
	return bytes;
}

t.test("a name that was just given is read when it is there for good", async (t) => {
	const held = new Held();
	const shelf = await held.open();
	await shelf.makeBucket(BUCKET);
	await put(shelf, "first");
	held.isHeld = true;
	const putting = put(shelf, "second");
	t.equal(await isOver(held, putting), false, "who puts it waits for that");
	t.strictSame(
		held.waiting.map(({ folder }) => folder),
		[held.bucket],
	);
	const reading = read(shelf, "second");
	t.equal(await isOver(held, reading), false, "and so does who reads it");
	t.equal(await read(shelf, "first"), 5, "what was there before is read");
	held.isHeld = false;
	held.goOn();
	await putting;
	t.equal(await reading, 6);
});

t.test("what a process has left that was killed is synced before anybody is told of it", async (t) => {
	const held = new Held();
	const before = await held.start();
	await before.makeBucket(BUCKET);
	await put(before, "first");
	before.close();
	const shelf = await held.open();
	held.isHeld = true;
	const reading = read(shelf, "first");
	t.equal(await isOver(held, reading), false);
	t.strictSame(
		held.waiting.map(({ folder }) => folder),
		[held.bucket, held.folder],
		"the names in the bucket, and its own",
	);
	held.isHeld = false;
	held.goOn();
	t.equal(await reading, 5);
});

t.test("after a sync that failed the next one who looks has it done again", async (t) => {
	const held = new Held();
	const shelf = await held.open();
	await shelf.makeBucket(BUCKET);
	await put(shelf, "first");
	held.isHeld = true;
	const putting = t.rejects(put(shelf, "second"), /no more/);
	await until("a sync", () => held.waiting.length > 0, LIMIT_MS);
	held.goOn(new Error("no more"));
	await putting;
	const reading = read(shelf, "second");
	t.equal(await isOver(held, reading), false);
	held.isHeld = false;
	held.goOn();
	t.equal(await reading, 6);
});
