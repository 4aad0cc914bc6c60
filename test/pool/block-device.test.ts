// A pool on a block device of this machine: made, refused while something is on it, served, and nobody else's as long as it is open.
import { execFileSync } from "node:child_process";
import path from "node:path";
import t from "tap";
import { poolCreateCommand, poolShowCommand } from "../../lib/cli/pools/pool.js";
import { volumeCreateCommand } from "../../lib/cli/pools/volume.js";
import { openVolume } from "../../lib/pool/openings.js";
import { isAll, makeBench, named, read, write } from "../block/file-bench.js";
import { LIMIT_MS } from "../support/limit.js";
import { inMounts, loopDevice, mountsMissing, newDirectory, newFile } from "../support/mounts.js";
import { told } from "../support/pools.js";

const MIB = 2 ** 20;

if (await inMounts(import.meta.url))
	t.test("on a loop device", { skip: mountsMissing }, async (t) => {
		const { path: device } = loopDevice(newFile(newDirectory(), 96 * MIB), 512);
		const bench = makeBench(t);
		execFileSync("mkfs.ext4", ["-q", device], { timeout: LIMIT_MS });
		await t.rejects(told(poolCreateCommand, device), /has an ext2, ext3 or ext4 file system on it; --force/);
		t.match(await told(poolCreateCommand, device, "--force", "--preallocate"), /^pool +\/dev\/loop/);
		t.throws(() => execFileSync("blkid", ["-p", device], { timeout: LIMIT_MS }), "nothing else is on it");
		await t.rejects(
			told(poolCreateCommand, device, "--preallocate", "--size=1G"),
			/is a block device, of which/,
		);
		await told(volumeCreateCommand, `${device}/web`, "16M");
		const plain = { readOnly: false, offsetSectors: 0, lengthSectors: undefined };
		const options = { ...plain, durability: "ack" } as const;
		const open = async (name: string) => (await openVolume(bench, device, name, options)).device;
		const web = await open("web");
		t.equal(named(await write(web, MIB, 65536, 9)), "ok");
		await t.rejects(openVolume(makeBench(t), device, "web", options), /is in use on this machine/, "trap 12");
		await t.rejects(told(poolShowCommand, device), /is in use on this machine/);
		t.throws(() => execFileSync("mkfs.ext4", ["-q", device], { timeout: LIMIT_MS, stdio: "ignore" }));
		await web.close();
		t.match(await told(poolShowCommand, device), /^pool +\/dev\/loop.*\n/);
		const again = await open("web");
		t.ok(isAll((await read(again, MIB, 65536)).bytes, 9));
		await again.close();
		await told(poolCreateCommand, path.join("/dev", path.basename(device)), "--force");
		t.match(await told(poolShowCommand, device), /volumes +0\n/, "made anew");
	});
