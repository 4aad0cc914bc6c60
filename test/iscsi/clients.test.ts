// Other people's clients of iSCSI on `vblade iscsi`: QEMU's, which is libiscsi's, on a volume of a pool: written, trimmed, converted, compared; and
// libiscsi's own programs on a file.

import { execFileSync } from "node:child_process";
import path from "node:path";
import t, { type Test } from "tap";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { run } from "../support/process.js";
import { programsMissing } from "../support/programs.js";
import { serveLun } from "./luns.js";

const MIB = 1024 * 1024;
const PROGRAMS = ["qemu-img", "qemu-io", "iscsi-ls", "iscsi-inq", "iscsi-readcapacity16", "iscsi-perf"];
const folder = t.testdir();

/** What a program says that ends well. */
async function said(...command: string[]): Promise<string> {
	const { code, output } = await run(command, LIMIT_MS);
	if (code !== 0) throw new Error(`${command.join(" ")}: ${code}: ${output}`);
	return output;
}

async function qemu(t: Test): Promise<void> {
	const lun = await serveLun("thin", 64);
	t.teardown(() => lun.kill());
	const [url = ""] = lun.urls;
	const commands = [
		"write -P 7 1M 30M",
		"read -P 7 1M 30M",
		"discard 2M 1M",
		"read -P 0 2M 1M",
		"write -zu 8M 1M",
		"read -P 0 8M 1M",
		"write -P 9 -f 63M 1M",
		"flush",
	];
	const done = await said("qemu-io", "-f", "raw", ...commands.flatMap((each) => ["-c", each]), url);
	t.notMatch(done, /fail|error/i);
	const image = path.join(folder, "image.qcow2");
	await said("qemu-img", "convert", "-f", "raw", "-O", "qcow2", url, image);
	t.match(await said("qemu-img", "compare", "-f", "raw", "-F", "qcow2", url, image), "Images are identical.");
	const map = await said("qemu-img", "map", "--output=json", "-f", "raw", url);
	const data = JSON.parse(map) as { start: number; length: number; data: boolean }[];
	t.strictSame(
		data.flatMap(({ start, length, data }) => (data ? [[start / MIB, length / MIB]] : [])),
		[
			[1, 1],
			[3, 5],
			[9, 22],
			[63, 1],
		],
		"what is mapped is told",
	);
	t.ok(await lun.end(), "the server ends well");
}

async function libiscsi(t: Test): Promise<void> {
	const lun = await serveLun("removable", 64);
	t.teardown(() => lun.kill());
	const [url = ""] = lun.urls;
	const inquiry = await said("iscsi-inq", url);
	t.match(inquiry, "Peripheral Device Type:DIRECT_ACCESS");
	t.match(inquiry, "Removable:1");
	const identity = await said("iscsi-inq", "-e", "1", "-c", "131", url);
	t.match(identity, /Designator Type:\(3\) NAA/);
	t.match(await said("iscsi-readcapacity16", url), String(64 * MIB));
	t.match(await said("iscsi-perf", "-t", "1", "-r", "-b", "8", url), /iops/i);
	t.ok(await lun.end(), "the server ends well");
}

async function readOnly(t: Test): Promise<void> {
	const lun = await serveLun("read-only", 64);
	t.teardown(() => lun.kill());
	const [url = ""] = lun.urls;
	const refused = await run(["qemu-io", "-f", "raw", "-c", "write 0 4k", url], LIMIT_MS);
	t.match(refused.output, /read.?only|Permission|protected/i);
	t.match(await said("qemu-io", "-r", "-f", "raw", "-c", "read -P 0 0 4k", url), "read 4096/4096 bytes");
	t.ok(await lun.end(), "the server ends well");
}

const lack = programsMissing(...PROGRAMS);
if (lack !== undefined) t.pass("not run", { skip: lack });
else if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	await t.test("QEMU's, on a volume of a pool: written, trimmed, converted", qemu);
	await t.test("libiscsi's own programs", libiscsi);
	await t.test("a disk that can only be read", readOnly);
}
