// Whoever has taken over control can't end a worker by what it asks: what is no request is refused, what is one is carried out or refused.
import * as fc from "fast-check";
import t from "tap";
import { Daemon } from "../../lib/daemon/daemon.js";
import { WorkerDisks } from "../../lib/daemon/worker-disks.js";
import { requestOf } from "../../lib/daemon/worker-requests.js";
import { OperatorError } from "../../lib/errors.js";
import { isNativeError } from "../../lib/native.js";
import { scratchDirectory } from "../support/cleanup.js";
import { mutated } from "../support/mutated.js";
import { diskSpec } from "./stage.js";

// Paths that are relative lead nowhere else.
process.chdir(scratchDirectory());
const path = `${process.cwd()}/frames`;
const NETIF = { kind: "unix", name: `unix:${path}`, path } as const;
const EXPORT = {
	protocol: "aoe",
	name: "web",
	disk: "web",
	shelf: 9,
	slot: 0,
	netifs: [NETIF],
	macs: [2],
	bufferCount: 16,
	configString: "a",
	force: false,
	access: { mask: [1], reserved: [1], configString: "b" },
} as const;
const DISK = {
	...diskSpec("web"),
	limit: { iops: 5 },
	identity: { serial: "0123", wwn: "3000000000000001" },
} as const;
const ADD = {
	kind: "add",
	disk: {
		disk: DISK,
		exports: [EXPORT],
		links: [{ netif: NETIF, pollUs: 0, xdp: false }],
		fenced: false,
		fingerprint: "1",
		set: { web: { macs: null, configString: null, access: EXPORT.access } },
	},
} as const;
const CHANGE = { kind: "change", disk: DISK, exports: [EXPORT], fingerprint: "2" } as const;
const RIGHT: object[] = [
	ADD,
	CHANGE,
	{ kind: "alive" },
	{ kind: "serving", from: 0 },
	{ kind: "withdraw", name: "web" },
	{ kind: "remove", name: "web", limitMs: 10 },
	{ kind: "fence", name: "web", fenced: true },
	{ kind: "look", since: 0 },
	{ kind: "reports" },
];
const say = (): void => {};
const log = { error: say, warn: say, info: say, verbose: say };

t.test("what is right is taken as it is", async (t) => {
	for (const each of RIGHT)
		t.strictSame(requestOf(JSON.parse(JSON.stringify(each))), JSON.parse(JSON.stringify(each)));
	t.throws(() => requestOf({ ...CHANGE, exports: [{ ...EXPORT, disk: "mail" }] }), OperatorError);
	t.throws(() => requestOf({ kind: "toString" }), OperatorError);
});

t.test("a disk that is nearly right is served, or refused", async (t) => {
	const daemon = new Daemon({ log, version: "1.0" });
	const disks = new WorkerDisks(daemon);
	t.teardown(() => daemon.close(1000));
	let served = 0;
	const act = async (body: object): Promise<void> => {
		try {
			const request = requestOf(body as Record<string, unknown>);
			if (request.kind === "add") await disks.add(request.disk);
			if (request.kind === "change") await disks.change(request);
			served += 1;
		} catch (error) {
			if (!(error instanceof OperatorError || isNativeError(error))) throw error;
		}
	};
	await fc.assert(
		fc.asyncProperty(mutated(ADD), mutated(CHANGE), async (add, change) => {
			await act(add);
			await act(change);
			for (const name of disks.names) await disks.remove(name, { limitMs: 1000 });
		}),
		// What is right is among them: by chance all others may be refused.
		{ numRuns: 60, examples: [[structuredClone(ADD), structuredClone(CHANGE)]] },
	);
	t.ok(served > 0, `${served} were carried out`);
});
