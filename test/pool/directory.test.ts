// A pool in a directory: its volumes pass the conformance suite on files, as the engine serves them; several are open at once, and
// nobody else can open their pool meanwhile.
import path from "node:path";
import t from "tap";
import { nativeMemory } from "../../lib/native.js";
import { directoryWorld } from "../../lib/pool/directory.js";
import { makeFolder } from "../../lib/pool/directory-files.js";
import { openVolume } from "../../lib/pool/openings.js";
import { Pool } from "../../lib/pool/pool.js";
import { blockConformance } from "../../lib/testing/block-conformance.js";
import { strictly } from "../../lib/testing/strict-layer.js";
import { bytesAt, flush, isAll, makeBench, named, read, write } from "../block/file-bench.js";
import { newDirectory } from "../support/mounts.js";

const MIB = 1024 * 1024;
const PLAIN = { readOnly: false, offsetSectors: 0, lengthSectors: undefined, between: strictly };

t.test("a volume on files is a device", async (t) => {
	const { engine, pump } = makeBench(t);
	const folder = path.join(newDirectory(), "pool");
	await makeFolder(folder);
	const pool = await Pool.create(directoryWorld(folder, engine, pump));
	for (let i = 0; i < 40; i++) await pool.administration.create(`v${i}`, 2 * MIB, 4096);
	await pool.close();
	let made = 0;
	await blockConformance(
		t,
		"on files",
		async () => {
			const options = { ...PLAIN, durability: "ack" } as const;
			return (await openVolume({ engine, pump }, folder, `v${made++}`, options)).device;
		},
		{ pump, ordered: true, allocate: nativeMemory, borrowed: bytesAt },
	);
});

t.test("one pool for several disks, and for nobody else", async (t) => {
	const { engine, pump } = makeBench(t);
	const other = makeBench(t);
	const folder = newDirectory();
	const pool = await Pool.create(directoryWorld(folder, engine, pump));
	for (const name of ["a", "b"]) await pool.administration.create(name, 64 * MIB, 4096);
	await pool.close();
	const options = { ...PLAIN, durability: "flush" } as const;
	const opened = await Promise.all(
		["a", "b"].map((name) => openVolume({ engine, pump }, folder, name, options)),
	);
	const [a, b] = opened.map(({ device }) => device);
	t.match(opened[0]?.identity, { serial: /^[0-9a-f]{16}$/, wwn: /^3[0-9a-f]{15}$/ });
	const elsewhere = openVolume(other, folder, "a", options);
	await t.rejects(elsewhere, /head: is in use by another vblade/, "trap 12");
	await t.rejects(openVolume({ engine, pump }, folder, "c", options), /has no volume "c"/);
	for (let i = 0; i < 30; i++) {
		t.equal(named(await write(a!, i * MIB, MIB, i + 1)), "ok");
		t.equal(named(await write(b!, i * MIB, MIB, 0x80 + i)), "ok");
	}
	t.equal(named(await flush(a!)), "ok");
	await a!.close();
	await b!.close();
	const again = await openVolume(other, folder, "b", options);
	for (const i of [0, 7, 29])
		t.ok(isAll((await read(again.device, i * MIB, MIB)).bytes, 0x80 + i), `${i}, by whoever opens it then`);
	t.ok(
		isAll((await read(again.device, 29 * MIB, MIB, true)).bytes, 0x80 + 29),
		"lent, when it was looked at",
	);
	await again.device.close();
});

t.test("a pool that is being closed is opened again when that is over", async (t) => {
	const { engine, pump } = makeBench(t);
	const folder = newDirectory();
	const pool = await Pool.create(directoryWorld(folder, engine, pump));
	await pool.administration.create("a", MIB, 4096);
	await pool.close();
	const options = { ...PLAIN, durability: "ack" } as const;
	for (let round = 1; round <= 3; round++) {
		const { device } = await openVolume({ engine, pump }, folder, "a", options);
		t.equal(named(await write(device, 0, 4096, round)), "ok");
		// Nobody waits for this one.
		void device.close();
	}
	const { device } = await openVolume({ engine, pump }, folder, "a", options);
	const outside = { ...options, readOnly: true, offsetSectors: 2 ** 30 };
	await t.rejects(
		openVolume({ engine, pump }, folder, "a@-1s", outside),
		/there was no such volume then|has 2048 sectors/,
	);
	t.ok(isAll((await read(device, 0, 4096)).bytes, 3), "one that can't be opened closes nobody else's pool");
	await device.close();
	const gone = openVolume({ engine, pump }, `${folder}/gone`, "a", options);
	await t.rejects(gone, /there is no such directory/);
	await t.rejects(
		openVolume({ engine, pump }, `${folder}/gone`, "a", options),
		/there is no such directory/,
		"again",
	);
});
