// Whoever has taken over control can't end a worker by what it asks of pools and volumes, either: what is no request is refused, what is one is
// carried out or refused.
import * as fc from "fast-check";
import t from "tap";
import { volumeCreateCommand } from "../../lib/cli/pools/volume.js";
import { requestOf } from "../../lib/daemon/worker-requests.js";
import { OperatorError } from "../../lib/errors.js";
import { quote } from "../../lib/text.js";
import { newPool, told, workerPools } from "../support/pools.js";

const HUGE = Number.MAX_SAFE_INTEGER;
const NAMES = [
	"web",
	"web@s",
	"web@",
	"@",
	"",
	"web@s@s",
	"new.part",
	"new.part.state",
	"new.part@s",
	"../web",
	"web@-1s",
	"web@-0s",
	`web@-${"9".repeat(20)}d`,
	`web@-${"9".repeat(400)}d`,
	"web@0000-01-01T00:00:00Z",
	"web@1969-12-31T23:59:59.5Z",
	"web@9999-12-31T23:59:59.999999Z",
	"web@2026-02-31T00:00:00Z",
	"x".repeat(4096),
];
const OFFSETS = [0, 1, 511, 512, 4096, 2 ** 20 - 512, 2 ** 20, 2 ** 32, 2 ** 52, HUGE - 511, HUGE];
const name = fc.constantFrom(...NAMES);
const offsetBytes = fc.constantFrom(...OFFSETS);
const lengthBytes = fc.constantFrom(...OFFSETS);
const isHeld = fc.boolean();
const asked = (ask: string, more: Record<string, fc.Arbitrary<unknown>> = {}) =>
	fc.record({ ask: fc.constant(ask), name, ...more });
const acted = (act: string, more: Record<string, fc.Arbitrary<unknown>> = {}) =>
	fc.record({ act: fc.constant(act), ...more });

const question = fc.oneof(
	asked("about"),
	asked("read", { offsetBytes, lengthBytes: fc.constantFrom(0, 1, 512, 4096, 2 ** 20) }),
	asked("runs", { offsetBytes, lengthBytes }),
	asked("changes", { before: name, offsetBytes }),
	asked("write", {
		pieces: fc.array(fc.record({ kind: fc.constantFrom("data", "zero"), offsetBytes, lengthBytes }), {
			maxLength: 4,
		}),
		sync: isHeld,
	}),
	asked("verify", { before: fc.option(name, { nil: undefined }), offsetBytes, doPages: isHeld }),
	asked("flatten", { offsetBytes }),
	asked("release"),
);
const act = fc.oneof(
	acted("look", {
		isNow: isHeld,
		sight: fc.oneof(
			fc.record({ of: fc.constantFrom("pool", "volumes", "none") }),
			fc.record({ of: fc.constantFrom("volumes", "volume"), name, after: fc.constantFrom("", "s", "web") }),
			fc.record({
				of: fc.constant("snapshots"),
				names: fc.array(fc.constantFrom("web@s", "@", "web", "a@b@c")),
			}),
		),
	}),
	acted("create", { name, sizeBytes: offsetBytes, pageBytes: fc.constantFrom(...OFFSETS) }),
	acted("resize", { name, sizeBytes: offsetBytes, mayShrink: isHeld, isAnother: isHeld }),
	acted("rename", { name, to: name }),
	acted("replace", { name, by: name, isAnother: isHeld }),
	acted("snapshot", {
		wanted: fc.array(fc.record({ volume: name, name: fc.constantFrom("s", "", "a/b", "-1s") }), {
			maxLength: 3,
		}),
	}),
	acted("clone", { volume: name, snapshot: fc.constantFrom("s", "", "-0s", `-${"9".repeat(20)}d`), name }),
	acted("rollback", { volume: name, snapshot: fc.constantFrom("s", `-${"9".repeat(20)}d`) }),
	acted("forget", { volume: name, snapshot: fc.constantFrom("s", "") }),
	acted("hold", { volume: name, snapshot: fc.constantFrom("s", ""), isHeld }),
);

t.test("what is asked of volumes is answered, or refused", async (t) => {
	const folder = await newPool();
	for (const volume of ["web", "new.part"]) await told(volumeCreateCommand, `${folder}/${volume}`, "1M");
	const pools = workerPools(t);
	await pools.act(folder, { act: "snapshot", wanted: [{ volume: "web", name: "s" }] });
	const bytes = new Uint8Array(2 ** 16);
	const ask = async (body: object): Promise<boolean> => {
		try {
			const request = requestOf(body as Record<string, unknown>);
			if (request.kind === "pool") await pools.act(folder, request.act);
			if (request.kind === "volume") await pools.volumes.answer(folder, request.question, bytes);
			return true;
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			return false;
		}
	};
	const done = new Set<unknown>();
	await fc.assert(
		fc.asyncProperty(fc.oneof(question, act), async (what) => {
			const kind = "ask" in what ? "volume" : "pool";
			const word = kind === "volume" ? { question: what } : { act: what };
			const isDone = await ask(JSON.parse(JSON.stringify({ kind, pool: folder, ...word })));
			if (isDone) done.add(Object.values(what)[0]);
		}),
		{ numRuns: 500 },
	);
	t.ok(done.size > 3, `of them were carried out: ${[...done].join(", ")}`);
});

t.test("a moment that is in no calendar, and a volume that is being filled", async (t) => {
	const folder = await newPool();
	for (const volume of ["web", "new.part"]) await told(volumeCreateCommand, `${folder}/${volume}`, "1M");
	const pools = workerPools(t);
	for (const moment of [`-${"9".repeat(20)}d`, `-${"9".repeat(400)}d`, "1969-12-31T23:59:59.5Z"])
		await t.rejects(
			pools.volumes.answer(folder, { ask: "about", name: `web@${moment}` }),
			new OperatorError(`moment ${quote(moment)}: is before 1970`),
		);
	const data = { kind: "data", offsetBytes: 0, lengthBytes: 512 } as const;
	const write = { ask: "write", name: "new.part", pieces: [data], sync: true } as const;
	await pools.volumes.answer(folder, write, new Uint8Array(512).fill(1));
	const since = { ask: "changes", name: "new.part", before: "new.part", offsetBytes: 0 } as const;
	t.strictSame((await pools.volumes.answer(folder, since)).body, { ranges: [] }, "of its whole name");
	await t.rejects(
		pools.volumes.answer(folder, { ask: "flatten", name: "new.part", offsetBytes: 0 }),
		/changes while it is copied/,
		"what is written meanwhile is not written over",
	);
});

t.test("a volume of petabytes without data is gone through a stretch at a time", async (t) => {
	const folder = await newPool();
	const sizeBytes = 2 ** 52;
	await told(volumeCreateCommand, `${folder}/web`, "1M");
	const pools = workerPools(t);
	await pools.act(folder, { act: "create", name: "wide", sizeBytes, pageBytes: 4096 });
	await pools.act(folder, { act: "snapshot", wanted: [{ volume: "wide", name: "s" }] });
	const verify = { ask: "verify", name: "wide@s", offsetBytes: 0, doPages: true } as const;
	const { body } = await pools.volumes.answer(folder, verify);
	const { reachedBytes } = body as { reachedBytes: number };
	t.ok(reachedBytes > 0 && reachedBytes < sizeBytes, `${reachedBytes}`);
	const flatten = { ask: "flatten", name: "wide", offsetBytes: 0 } as const;
	const done = (await pools.volumes.answer(folder, flatten)).body as { reachedBytes: number };
	t.equal(done.reachedBytes, sizeBytes, "it has nothing from another one");
	await pools.act(folder, { act: "clone", volume: "wide", snapshot: "s", name: "copy" });
	const copy = (await pools.volumes.answer(folder, { ...flatten, name: "copy" })).body;
	t.match(copy, { reachedBytes: sizeBytes }, "by the map, which is empty");
});
