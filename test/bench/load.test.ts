/**
 * The load generator against our server: every sector stamped and checked under load, with each storage engine and each
 * durability; and that a wrong sector, a lost answer and a request past the end do not go unnoticed.
 */

import { closeSync, openSync, readFileSync, truncateSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { scratchDirectory, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { variants } from "../support/long.js";
import { Lan, namespacesMissing } from "../support/netns.js";
import { vbladeCommand } from "../support/paths.js";
import { Program } from "../support/process.js";
import { Loader } from "./loader.js";

const IMAGE_BYTES = 8 * 2 ** 20;

/** Half reads, half writes, so often on the same blocks that most reads find a stamp. */
const STAMPED = {
	shelf: 9,
	slot: 0,
	sectors: 8,
	window: 32,
	writePercent: 50,
	sequential: 0,
	verify: 1,
	firstLba: 0,
	blocks: 500,
	seconds: LIMIT_MS / 1000,
	requests: 4000,
	seed: 7,
};

function newImage(): string {
	const image = path.join(scratchDirectory(), "disk.img");
	closeSync(openSync(image, "w"));
	truncateSync(image, IMAGE_BYTES);
	return image;
}

async function serve(lan: Lan, image: string, options: readonly string[], engine: string): Promise<Program> {
	const command = [...vbladeCommand(), ...options, "9", "0", "lan0", image];
	const server = lan.server.start(command, { env: { VBLADE_ENGINE: engine } });
	await server.waitFor(/^pid \d+: e9\.0/m, LIMIT_MS);
	return server;
}

/** With each storage engine and each durability. */
async function everySector(t: Test, lan: Lan, loader: Loader): Promise<void> {
	for (const [at, engine] of ["auto", "threads"].entries()) {
		const ways = [["--durability=flush"], ["--direct", "--durability=ack"], ["--durability=ack"]];
		for (const options of variants(ways, at, 2 * at)) {
			await t.test(`every sector is what it has to be: engine ${engine}, ${options.join(" ")}`, async (t) => {
				const server = await serve(lan, newImage(), options, engine);
				const result = await loader.run(STAMPED);
				t.match(result, { requests: STAMPED.requests, errors: 0, wrong: 0 });
				t.ok(result.p50Us <= result.p99Us && result.p99Us <= result.p999Us, "percentiles in order");
				t.match(await server.stop(), { code: 0 });
			});
		}
	}
}

async function sharedWindow(t: Test, lan: Lan, loader: Loader): Promise<void> {
	const images = [newImage(), newImage(), newImage()];
	const blades = images.flatMap((image, index) => ["9", String(index), "lan0", image]);
	const server = lan.server.start([...vbladeCommand(), "--durability=flush", ...blades]);
	await server.waitFor(/^pid \d+: e9\.2/m, LIMIT_MS);
	const written = { ...STAMPED, verify: 0, writePercent: 100, sequential: 1, window: 8 };
	t.match(await loader.run({ ...written, slot: 1, slots: 2, requests: 8 }), { requests: 8, errors: 0 });
	await server.stop();
	const blocks = images.map((image) => readFileSync(image).filter((byte) => byte === 0x5a).length / 4096);
	t.strictSame(blocks, [0, 4, 4]);
}

t.test("load", { skip: namespacesMissing() ?? false }, async (t) => {
	const lan = new Lan({ mtu: 9000 });
	const loader = new Loader(lan, 0);
	t.teardown(async () => {
		await loader.stop();
		lan.remove();
	});

	await everySector(t, lan, loader);

	await t.test("one request at a time, in order, and none more than asked for", async (t) => {
		const server = await serve(lan, newImage(), [], "auto");
		const alone = { ...STAMPED, window: 1, sequential: 1, requests: 100 };
		t.match(await loader.run(alone), { requests: 100, errors: 0, wrong: 0 });
		await server.stop();
	});

	await t.test("a disk that changes behind our back is found out", async (t) => {
		const image = newImage();
		const server = await serve(lan, image, ["--durability=flush"], "auto");
		const meddle = `echo meddles; while :; do head -c ${IMAGE_BYTES} /dev/urandom 1<>"$0"; done`;
		const meddler = new Program(["sh", "-c", meddle, image]);
		await meddler.waitFor(/meddles/, LIMIT_MS);
		// (It is done by another process, which may have no turn while a run lasts.)
		let wrong = 0;
		for (let run = 0; wrong === 0 && run < 50; run++)
			wrong = (await loader.run({ ...STAMPED, requests: 20_000 })).wrong;
		await meddler.stop("SIGKILL");
		t.ok(wrong > 0, `${wrong} sectors`);
		await server.stop();
	});

	await t.test("what gets no answer is sent again, counted, and does no harm", async (t) => {
		const server = await serve(lan, newImage(), ["--durability=flush"], "auto");
		const frames = () => Number(lan.server.exec("cat", "/sys/class/net/lan0/statistics/rx_packets"));
		server.signal("SIGSTOP");
		const before = frames();
		const running = loader.run(STAMPED);
		await until("all are sent again", () => frames() >= before + 2 * STAMPED.window, LIMIT_MS);
		server.signal("SIGCONT");
		const result = await running;
		t.match(result, { requests: STAMPED.requests, errors: 0, wrong: 0 });
		t.ok(result.lost > 0 && result.late > 0, `sent again ${result.lost}, late answers ${result.late}`);
		await server.stop();
	});

	await t.test("blades that share the window get as much each", (t) => sharedWindow(t, lan, loader));

	await t.test("requests past the end are errors, and those that fit no frame are refused", async (t) => {
		const server = await serve(lan, newImage(), [], "auto");
		const past = { ...STAMPED, verify: 0, firstLba: IMAGE_BYTES / 512, requests: 50 };
		t.match(await loader.run(past), { requests: 0, errors: 50 });
		await t.rejects(loader.run({ ...STAMPED, sectors: 64 }), { message: "Message too long" });
		await server.stop();
	});
});
