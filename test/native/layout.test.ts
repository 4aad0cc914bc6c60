// The numbers that the addon and TypeScript both count on are the same, and an addon that has others is not used.
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { ExtentFlag } from "../../lib/block/extents.js";
import { RANGES_MAX } from "../../lib/block/ranges.js";
import { BlockOp } from "../../lib/block/request.js";
import { EXTENT_ZERO, native, OPERATION_LIST_MAX, OperationKind } from "../../lib/native.js";
import { layoutDifferences } from "../../lib/native-layout.js";
import { atEnd } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { builtVblade, PROJECT } from "../support/paths.js";
import { run } from "../support/process.js";

t.test("both tables say the same", async (t) => {
	t.strictSame(layoutDifferences(native.layout), []);
	t.ok(Object.keys(native.layout).length > 20);
});

t.test("any difference is told", async (t) => {
	const { layout } = native;
	const without = { ...layout };
	delete without.SEND_FIELDS;
	for (const [theirs, told] of [
		[{ ...layout, SEND_FIELDS: 5 }, "SEND_FIELDS is 5 instead of 4"],
		[without, "SEND_FIELDS is missing instead of 4"],
		[{ ...layout, more: 1 }, "more is 1 instead of missing"],
	] as const)
		t.strictSame(layoutDifferences(theirs), [told]);
});

t.test("requests go to the addon as they are", async (t) => {
	for (const [name, number] of Object.entries(OperationKind))
		t.equal(BlockOp[name as keyof typeof OperationKind], number, name);
	t.equal(RANGES_MAX, OPERATION_LIST_MAX);
	t.equal(ExtentFlag.zero, EXTENT_ZERO);
});

t.test("an addon of another version ends the program with one line", async (t) => {
	const folder = mkdtempSync(path.join(PROJECT, "build", `vb${process.pid}-`));
	atEnd(() => rmSync(folder, { recursive: true, force: true }));
	const release = path.join(folder, "build/Release");
	mkdirSync(release, { recursive: true });
	const file = path.join(release, "vblade.node");
	copyFileSync(path.join(PROJECT, "native/build/Release/vblade.node"), file);
	const vblade = [process.execPath, builtVblade(PROJECT), "--version"];
	const env = { VBLADE_ADDON: folder };
	t.match(await run(vblade, LIMIT_MS, { env }), { code: 0 }, "a copy is as good");
	const bytes = readFileSync(file);
	const at = bytes.indexOf("\0field park\0");
	t.ok(at > 0);
	bytes.write("field pork", at + 1);
	writeFileSync(file, bytes);
	const { code, output } = await run(vblade, LIMIT_MS, { env });
	t.equal(code, 2);
	t.match(output, /^vblade: the addon is not of this version \(field park is missing instead of 5\): .*\n$/);
});
