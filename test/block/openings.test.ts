// Opening files by threads: so many at a time, what finds no thread is tried again, and nobody waits for ever.
import t from "tap";
import { FileDevice } from "../../lib/block/file.js";
import { MOST_OPENINGS, Openings } from "../../lib/block/openings.js";
import { OperatorError } from "../../lib/errors.js";
import { type NativeFile, native } from "../../lib/native.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { newDirectory, newFile } from "../support/mounts.js";
import { makeBench, read } from "./file-bench.js";

const EAGAIN = 11;
const FILE = { file: 1 } as NativeFile;

function noThread(): Error {
	return Object.assign(new Error("no thread"), { errno: EAGAIN, step: "thread" });
}

/** Openings that hang until they are told how to end. */
class Hanging {
	readonly begun: { resolve: (file: NativeFile) => void; reject: (error: Error) => void }[] = [];
	readonly begin = () =>
		new Promise<NativeFile>((resolve, reject) => {
			this.begun.push({ resolve, reject });
		});
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

t.test("so many at a time, the others in turn", async (t) => {
	const openings = new Openings();
	const hanging = new Hanging();
	t.notOk(openings.expects);
	const all = Array.from({ length: MOST_OPENINGS + 2 }, () => openings.open("disk", hanging.begin));
	t.equal(hanging.begun.length, MOST_OPENINGS);
	hanging.begun[3]?.resolve(FILE);
	t.equal(await all[3], FILE);
	await turn();
	t.equal(hanging.begun.length, MOST_OPENINGS + 1, "the next has its turn");
	hanging.begun[4]?.reject(new Error("no disk"));
	await t.rejects(all[4] as Promise<NativeFile>, { message: "no disk" });
	await turn();
	for (const { resolve } of hanging.begun) resolve(FILE);
	await Promise.all(all.filter((_, i) => i !== 4));
	await turn();
	t.notOk(openings.expects);
	t.equal(openings.putOff, 0);
});

t.test("without threads it is tried again", async (t) => {
	const openings = new Openings();
	let tries = 0;
	const begin = async () => {
		tries += 1;
		if (tries < 3) throw noThread();
		return FILE;
	};
	const opening = openings.open("disk", begin);
	await turn();
	t.strictSame([tries, openings.lack, openings.putOff], [1, EAGAIN, 1]);
	const behind = openings.open("disk", begin);
	await turn();
	t.equal(tries, 1, "nor is another tried until it is time");
	openings.retry();
	await turn();
	openings.retry();
	t.strictSame(await Promise.all([opening, behind]), [FILE, FILE]);
	t.strictSame([openings.lack, openings.putOff], [0, 1], "counted once");
});

t.test("what waits can be called off, and all ends with the engine", async (t) => {
	const openings = new Openings();
	const hanging = new Hanging();
	const all = Array.from({ length: MOST_OPENINGS }, () => openings.open("disk", hanging.begin));
	const controller = new AbortController();
	const waiting = openings.open("disk", hanging.begin, controller.signal);
	controller.abort(new Error("not wanted"));
	await t.rejects(waiting, { message: "not wanted" });
	const refused = [...all, openings.open("disk", hanging.begin)].map((opening) =>
		t.rejects(opening, new OperatorError("disk: closed before it was open")),
	);
	openings.close();
	await Promise.all(refused);
	t.notOk(openings.expects);
	for (const { reject } of hanging.begun) reject(noThread());
	await turn();
	t.notOk(openings.expects, "nor is it tried again");
});

t.test(
	"a machine without threads: files are opened while all wait only as long as nobody does",
	async (t) => {
		const own = native.fileOpenLater;
		t.teardown(() => Object.assign(native, { fileOpenLater: own }));
		Object.assign(native, { fileOpenLater: () => Promise.reject(noThread()) });
		const bench = makeBench(t);
		const told: string[] = [];
		bench.engine.watchLack({ lacking: (errno) => told.push(`${errno}`), supplied: () => {} });
		const open = async (signal?: AbortSignal) => {
			const file = newFile(newDirectory(), 2 ** 20);
			const options = { readOnly: false, direct: false, ...(signal && { signal }) };
			const device = await FileDevice.open(bench.engine, file, options);
			t.teardown(() => device.close());
			return device;
		};
		const [first] = [await open(), await open()];
		await read(first, 0, 512);
		let isOpen = false;
		const later = open().then(() => {
			isOpen = true;
		});
		const controller = new AbortController();
		const calledOff = t.rejects(open(controller.signal), { message: "not wanted" });
		await until("the lack is told", () => told.length > 0, LIMIT_MS);
		controller.abort(new Error("not wanted"));
		await calledOff;
		t.notOk(isOpen, "others are served: this one waits");
		Object.assign(native, { fileOpenLater: own });
		await later;
		t.strictSame(told, [`${EAGAIN}`]);
	},
);
