// A disk of disks in the daemon: served over NBD and AoE, and changed by reloads and by the API while others serve.

import { truncateSync } from "node:fs";
import t from "tap";
import { DaemonTree } from "../daemon/tree-bench.js";
import { asked } from "../support/asked.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { run } from "../support/process.js";

const MIB = 1024 * 1024;

if (await inNamespace(import.meta.url)) {
	const tree = new DaemonTree();
	const near = tree.path("near.sock");
	const [a, b] = [tree.file("a.img"), tree.file("b.img", MIB / 2)];
	const file = (name: string, path: string): string => `[disk.${name}]\nfile = "${path}"\n`;
	const linear = (name: string, ...parts: string[]): string =>
		`[disk.${name}]\nlinear = ${JSON.stringify(parts)}\n[disk.${name}.nbd]\n`;
	const aoe = `[disk.both.aoe]\naddress = "9.0"\nnetif = ["unix:${tree.frames}"]\n`;
	const here = `[disk.here]\nmemory = "1M"\n[disk.here.nbd]\n`;
	const configure = (...parts: string[]): void =>
		tree.configure([`[nbd]\nlisten = ["unix:${near}"]\n`, here, ...parts].join(""));
	// The whole before its parts.
	configure(linear("both", "a", "b"), aoe, file("a", a), file("b", b));
	await tree.start();
	t.teardown(() => tree.stop());
	const io = async (name: string, ...commands: string[]): Promise<string> => {
		const words = commands.flatMap((command) => ["-c", command]);
		const done = await run(
			["qemu-io", "-f", "raw", ...words, `nbd+unix:///${name}?socket=${near}`],
			LIMIT_MS,
		);
		return done.output;
	};
	const FAILED = /fail|error/i;
	const read = (): Promise<string> =>
		io("both", "read -P 1 0 512k", "read -P 2 768k 512k", "read -P 3 1280k 256k");
	const show = async (name: string) => (await tree.ask("GET", `/api/v1/disks/${name}`)).body;
	const ask = (...words: string[]): Promise<string> => asked(tree.socket, ...words);

	t.test("it is served by both protocols, across its border", async (t) => {
		await tree.state("both", "open");
		const write = ["write -P 1 0 512k", "write -P 2 768k 512k", "write -P 3 1280k 256k", "flush"];
		t.notMatch(await io("both", ...write), FAILED);
		t.notMatch(await read(), FAILED);
		const disk = await tree.open(9, 0);
		t.equal(disk.sectorCount * 512, 1.5 * MIB);
		t.match(await show("both"), {
			storage: "linear:a,b",
			sizeBytes: 1.5 * MIB,
			partOf: null,
			parts: [
				{ disk: "a", state: "open", offsetBytes: 0, sizeBytes: MIB },
				{ disk: "b", state: "open", offsetBytes: MIB, sizeBytes: MIB / 2 },
			],
		});
		t.match(await show("a"), { partOf: "both", parts: null, state: "open" });
		await until("what is asked of a part counts", async () => writesOf(await show("b")) > 0, LIMIT_MS);
		t.match(await ask("disk", "show", "both"), /made of +disk a: open, 1M from byte 0 on/);
		t.match(await ask("disk", "show", "b"), /part of +disk both/);
	});

	t.test("a part that has grown, and is not the last, moves nothing, over restarts too", async (t) => {
		truncateSync(a, 2 * MIB);
		await tree.kill("worker");
		await tree.state("both", "open");
		t.notMatch(await read(), FAILED);
		await tree.stop();
		await tree.start();
		await tree.state("both", "open");
		t.notMatch(await read(), FAILED);
		t.equal((await show("both")).sizeBytes, 1.5 * MIB);
		t.match(await ask("events"), /disk a has 2097152 bytes now, of which 1048576 are used/);
		truncateSync(b, MIB);
		await until("the last one may", async () => Number((await show("both")).sizeBytes) === 2 * MIB, LIMIT_MS);
	});

	t.test("what is a part stays one, and is not served beside the whole", async (t) => {
		t.match(await ask("disk", "rm", "a"), /disk "a": is a part of disk both; take it out of that first/);
		t.match(await ask("disk", "set", "b", "nbd.name=b"), /disk b .* is served itself/);
		t.match(await ask("disk", "add", "other", "linear=b,here"), /disk b is a part of disk both/);
		t.match(await ask("disk", "add", "other", "linear=here"), /disk here .* is served itself/);
		t.match(
			await ask("disk", "add", "other", "linear=other"),
			/it would be a part of itself \(other in other\)/,
		);
		t.match(await ask("disk", "add", "other", "linear=nobody"), /disk "nobody": there is none of this name/);
		t.notMatch(await read(), FAILED);
	});

	t.test("others in other places, by a reload, while others serve", async (t) => {
		configure(file("b", b), file("a", a), linear("both", "b", "a"), aoe);
		t.match(await ask("diff"), /disk both: linear \["a","b"\] -> \["b","a"\] \(closed and opened\)/);
		await ask("reload");
		await tree.nothingUnderWay();
		await tree.state("both", "open");
		t.notMatch(await io("both", "read -P 2 0 256k", "read -P 3 256k 256k", "read -P 1 1M 512k"), FAILED);
		configure(
			linear("both", "b", "a").replace("[disk.both.nbd]", 'durability = "flush"\n[disk.both.nbd]'),
			file("b", b) + file("a", a) + aoe,
		);
		t.match(await ask("diff"), /disk a: durability ack -> flush/);
		await ask("reload");
		await tree.nothingUnderWay();
		await tree.state("both", "open");
		t.match(await show("a"), { durability: "flush", partOf: "both" });
		t.notMatch(await io("both", "read -P 1 1M 512k", "write -P 9 896k 256k", "flush"), FAILED);
	});

	t.test("one that is missing takes down what is made of it alone, which is tried again", async (t) => {
		const late = tree.path("late.img");
		configure(
			linear("outer", "inner", "b"),
			linear("inner", "late", "a").replace("[disk.inner.nbd]\n", ""),
			file("late", late),
			file("a", a),
			file("b", b),
		);
		await ask("reload");
		await until(
			"it says why",
			async () =>
				/its disk inner is failed: its disk late is failed: /.test(String((await show("outer")).reason)),
			LIMIT_MS,
		);
		t.match(await show("outer"), {
			state: "failed",
			parts: [
				{ disk: "inner", state: "failed" },
				{ disk: "b", state: "open" },
			],
		});
		t.notMatch(await io("here", "write -P 1 0 4k"), FAILED);
		tree.file("late.img");
		await tree.state("outer", "open");
		t.equal((await show("outer")).sizeBytes, 4 * MIB);
		t.notMatch(await io("outer", "write -P 4 512k 3M", "flush", "read -P 4 512k 3M"), FAILED);
		await tree.kill("control");
		t.notMatch(await io("outer", "read -P 4 512k 3M"), FAILED);
		await tree.kill("worker");
		await tree.state("outer", "open");
		t.notMatch(await io("outer", "read -P 4 512k 3M"), FAILED);
	});

	t.test("it is added and taken away by command", async (t) => {
		configure(file("a", a), file("b", b));
		await ask("reload");
		t.match(await ask("disk", "add", "both", "linear=a,b", "nbd.name=both"), /disk both: added/);
		await tree.state("both", "open");
		t.match(await show("a"), { partOf: "both" });
		t.notMatch(await io("both", "write -P 5 1M 2M"), FAILED);
		t.match(await ask("dump"), /linear = \[ "a", "b" \]/);
		await ask("disk", "rm", "both", "--force");
		await until("it is gone", async () => (await show("a")).partOf === null, LIMIT_MS);
		await tree.state("a", "open");
	});
}

function writesOf({ counters }: Readonly<Record<string, unknown>>): number {
	return (counters as { writes: number }).writes;
}
