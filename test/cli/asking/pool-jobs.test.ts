// Jobs of a daemon that go through volumes and pools: what commands say of them, what they find, and that they can be cancelled.
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { poolCheckCommand, poolScrubCommand } from "../../../lib/cli/pools/examine.js";
import { volumeFlattenCommand } from "../../../lib/cli/pools/flatten.js";
import { volumeExportCommand } from "../../../lib/cli/pools/image.js";
import { volumeRmCommand } from "../../../lib/cli/pools/remove.js";
import { volumeCreateCommand } from "../../../lib/cli/pools/volume.js";
import { volumeCloneCommand } from "../../../lib/cli/pools/volume-changes.js";
import type { VolumeQuestion } from "../../../lib/daemon/worker-messages.js";
import { OperatorError } from "../../../lib/errors.js";
import { POOL } from "../../control/figures.js";
import { Stage } from "../../control/stage.js";
import { until } from "../../support/cleanup.js";
import { LIMIT_MS } from "../../support/limit.js";
import { newDirectory } from "../../support/mounts.js";
import { vbladeCommand } from "../../support/paths.js";
import { newPool, told } from "../../support/pools.js";
import { Program } from "../../support/process.js";
import { run } from "./ask.js";
import { stageOf, twoSnapshots } from "./pool-stage.js";

t.test("a clone is flattened, and is free afterwards", async (t) => {
	const folder = await newPool();
	const bytes = await twoSnapshots(folder);
	const { said, refused } = await stageOf(t, folder);
	await said(volumeCloneCommand, "fast/web@b", "copy");
	t.match(await said(volumeFlattenCommand, "fast/copy"), /^volume +fast\/copy\nsize +1\.1M\n/);
	t.match(JSON.parse(await said(volumeFlattenCommand, "fast/copy", "--json")), { name: "copy", wwn: /^3/ });
	const file = path.join(newDirectory(), "copy.raw");
	await said(volumeExportCommand, "fast/copy", file);
	t.ok(readFileSync(file).equals(bytes));
	await said(volumeRmCommand, "--force", "fast/copy");
	await said(volumeCreateCommand, "fast/db", "1M");
	t.match(await said(volumeFlattenCommand, "fast/db"), /^volume +fast\/db\n/, "it is served");
	t.match(await refused(volumeFlattenCommand, "fast/none"), /there is no volume "none"/);
});

/** Another byte in each place where the log has such a page. */
function damage(folder: string, page: Buffer): void {
	for (const name of readdirSync(folder).filter((each) => each.startsWith("log."))) {
		const file = path.join(folder, name);
		const all = readFileSync(file);
		const descriptor = openSync(file, "r+");
		for (let at = all.indexOf(page); at >= 0; at = all.indexOf(page, at + page.length))
			writeSync(descriptor, Buffer.from("x"), 0, 1, at);
		closeSync(descriptor);
	}
}

t.test("all that volumes and snapshots have is compared with its checksums", async (t) => {
	const [whole, damaged] = [await newPool(), await newPool()];
	for (const folder of [whole, damaged]) await twoSnapshots(folder);
	const { said, refused } = await stageOf(t, whole);
	for (const command of [poolCheckCommand, poolScrubCommand])
		t.equal(await said(command, "fast"), "fast: all is well in 1 volume, 2 snapshots\n");
	t.match(await refused(poolScrubCommand, "slow"), /pool "slow": there is none of this name/);
	// The page of which the first half kilobyte was written between the two snapshots.
	damage(damaged, Buffer.concat([Buffer.alloc(512, 3), Buffer.alloc(3584, 1)]));
	const { said: says, at } = await stageOf(t, damaged);
	const found = await run(poolScrubCommand, at, "fast");
	t.equal(found.status, 1);
	t.match(found.out, /^fast\/web@b, byte 8192: .*can't be read.*\n(fast\/.*\n)*fast: damaged in \d place/);
	const {
		damaged: places,
		findings,
		pool,
		segments,
	} = JSON.parse((await run(poolScrubCommand, at, "--json", "fast")).out);
	t.strictSame({ pool, segments, places }, { pool: "fast", segments: null, places: findings.length });
	t.match(findings[0], { place: "fast/web@b, byte 8192", what: /can't be read/ });
	const keys = async (line: Promise<string>) => Object.keys(JSON.parse(await line)).sort();
	t.strictSame(
		await keys(says(poolCheckCommand, "--json", "fast")),
		await keys(told(poolCheckCommand, "--json", await newPool())),
		"the same, whoever has the pool",
	);
	t.equal(
		await says(poolCheckCommand, "fast"),
		"fast: all is well in 1 volume, 2 snapshots\n",
		"it is known where the page is",
	);
	const { refused: neither } = await stageOf(t, newDirectory());
	t.match(await neither(poolCheckCommand, "fast"), /is no pool/);
});

t.test(
	"what is removed while a pool is looked at is no damage, and who can't be asked is no end",
	async (t) => {
		const folder = await newPool();
		await twoSnapshots(folder);
		const { stage, said, refused } = await stageOf(t, folder);
		const { volume } = stage.workers;
		let meanwhile = async (_: VolumeQuestion): Promise<void> => {};
		stage.workers.volume = async (...asked) => {
			const answer = await volume(...asked);
			await meanwhile(asked[1]);
			return answer;
		};
		meanwhile = async (question) => {
			const { ask, name } = { name: "", ...question };
			if (ask === "about" && name === "web@b") throw new OperatorError("worker 1 is being started");
		};
		t.match(await refused(poolScrubCommand, "fast"), /worker 1 is being started/);
		meanwhile = async (question) => {
			const { ask, name } = { name: "", ...question };
			const act = { act: "forget", volume: "web", snapshot: "a" } as const;
			if (ask === "verify" && name === "web@a") await stage.workers.pool(folder, act);
		};
		t.equal(await said(poolScrubCommand, "fast"), "fast: all is well in 1 volume, 2 snapshots\n");
		meanwhile = async (question) => {
			const { ask, name } = { name: "", ...question };
			if (ask === "verify" && name === "web@b")
				await stage.workers.pool(folder, { act: "remove", name: "web" });
		};
		t.equal(await said(poolScrubCommand, "fast"), "fast: all is well in 1 volume, 1 snapshot\n");
	},
);

t.test("a job is cancelled when whoever follows it is interrupted", async (t) => {
	const stage = new Stage();
	stage.opener.text += '[pool.fast]\npath = "/srv/fast"\n';
	stage.workers.pools.set("/srv/fast", POOL);
	let isHeld = true;
	stage.workers.volume = async (_, question) => {
		await until("that it may go on", () => !isHeld, LIMIT_MS);
		const reachedBytes = "offsetBytes" in question ? question.offsetBytes + 512 : 0;
		// biome-ignore lint/suspicious/noExplicitAny: it is only asked what it answers here
		return { reachedBytes, findings: [] } as any;
	};
	await stage.start(t);
	const at = `--socket=${stage.socketPath}`;
	const follower = new Program([...vbladeCommand(), "volume", "flatten", "fast/web", at]);
	const job = () => stage.control.inside.jobs.all().find(({ kind }) => kind === "flatten");
	await until("the job", () => job() !== undefined, LIMIT_MS);
	follower.signal("SIGINT");
	await until("that it is called off", () => stage.control.inside.jobs.get(job()!.id)!.isCancelled, LIMIT_MS);
	isHeld = false;
	t.equal((await follower.finished(LIMIT_MS)).code, 1);
	t.match(follower.stderr, /cancelled; what was done stays/);
	t.match(job(), { state: "cancelled" });
});

t.test("a job is cancelled between two stretches", async (t) => {
	const stage = new Stage();
	stage.opener.text += '[pool.fast]\npath = "/srv/fast"\n';
	stage.workers.pools.set("/srv/fast", POOL);
	const asked: VolumeQuestion["ask"][] = [];
	stage.workers.volume = async (_, question) => {
		await new Promise(setImmediate);
		asked.push(question.ask);
		const reachedBytes = "offsetBytes" in question ? question.offsetBytes + 512 : 0;
		// biome-ignore lint/suspicious/noExplicitAny: it is only asked what it answers here
		return { reachedBytes, findings: [] } as any;
	};
	await stage.start(t);
	const begun = await stage.ask("POST", "/api/v1/volumes/fast%2Fweb/flatten", { body: {} });
	t.match(begun, { status: 202, body: { state: "running", cancellable: true, total: 2 ** 30 } });
	const job = `/api/v1/jobs/${begun.body.id}`;
	await until("some of it", async () => (await stage.ask("GET", job)).body.done > 0, LIMIT_MS);
	t.equal((await stage.ask("DELETE", job)).status, 202);
	await stage.done(begun);
	t.match((await stage.ask("GET", job)).body, { state: "cancelled", cancellable: true });
	t.equal((await stage.ask("DELETE", job)).status, 409, "it is over");
	const reload = stage.control.inside.jobs.begin("reload", "one of the test").job.id;
	t.equal((await stage.ask("DELETE", `/api/v1/jobs/${reload}`)).status, 409, "nothing that can be left off");
	t.equal((await stage.ask("DELETE", "/api/v1/jobs/none")).status, 404);
});
