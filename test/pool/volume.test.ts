// A volume as a device: the conformance suite with every kind of durability and page size, and what is there when its pool is opened again.
import t from "tap";
import { Pool } from "../../lib/pool/pool.js";
import { openVolumeStack } from "../../lib/pool/volume-stack.js";
import { Pump } from "../../lib/pump.js";
import { blockConformance } from "../../lib/testing/block-conformance.js";
import { strictly } from "../../lib/testing/strict-layer.js";
import { MemoryFolder, testWorld } from "./memory-folder.js";

const MIB = 1024 * 1024;
const PLAIN = { readOnly: false, offsetSectors: 0, lengthSectors: undefined, between: strictly };

for (const durability of ["ack", "flush", "none"] as const)
	for (const pageBytes of durability === "ack" ? [512, 4096, 65536] : [4096])
		t.test(`a volume of pages of ${pageBytes} bytes, ${durability}`, async (t) => {
			const pump = new Pump();
			const make = async (readOnly: boolean) => {
				const pool = await Pool.create(testWorld(new MemoryFolder(), 1, pump));
				await pool.administration.create("web", 2 * MIB, pageBytes);
				return (await openVolumeStack(pool, "web", { ...PLAIN, readOnly, durability })).device;
			};
			await blockConformance(t, durability, () => make(false), {
				pump,
				ordered: true,
				makeReadOnly: () => make(true),
			});
		});
