/** What the keys of a disk come to, as a spec: where it is stored, and how. Used by `config.ts`. */

import type { PoolConfig } from "./configuration.js";
import { DISK_DEFAULTS, DISK_TIMEOUT_DEFAULT, RESYNC_RATE_DEFAULT } from "./keys.js";
import type { DiskSettings, DiskValues, LimitValues } from "./schema.js";
import type { DiskSpec, MirroringSpec, StorageSpec } from "./spec.js";

/** Where its bytes are. */
export function storageOf(
	settings: DiskSettings,
	values: DiskValues,
	pools: readonly PoolConfig[],
): StorageSpec {
	const { file = "", memory, volume, remote, linear, mirror, resend, interval } = values;
	if (volume !== undefined) {
		// Without such a pool it is a conflict (`conflicts.ts`), and never opened.
		const pool = pools.find(({ name }) => name === volume.pool)?.path ?? "";
		return { kind: "volume", name: settings.volume ?? "", pool, volume: volume.volume };
	}
	if (remote !== undefined)
		return {
			...remote,
			...(resend !== undefined && { resend }),
			...(interval !== undefined && { intervalMs: interval * 1000 }),
		};
	// Which disks these are is found out when all are known (`assembly.ts`).
	if (linear !== undefined) return { kind: "linear", name: `linear:${linear.join(",")}`, members: [] };
	if (mirror !== undefined) return mirrorOf(mirror, values);
	if (memory !== undefined) return { kind: "memory", name: `mem:${settings.memory}`, sizeBytes: memory };
	return { kind: "file", name: file, path: file };
}

function mirrorOf(names: readonly string[], { from, degraded }: DiskValues): StorageSpec {
	return {
		...{ kind: "mirror", name: `mirror:${names.join(",")}`, members: [] },
		...(from !== undefined && { from }),
		degraded: degraded ?? DISK_DEFAULTS.degraded,
	};
}

/** All that it is, but what it is served as. */
export function diskSpecOf(name: string, storage: StorageSpec, values: DiskValues): DiskSpec {
	const { read_only, scratch = DISK_DEFAULTS.scratch, direct, durability, offset, length } = values;
	return {
		name,
		storage,
		offsetSectors: offset ?? DISK_DEFAULTS.offset,
		lengthSectors: length,
		readOnly: read_only ?? DISK_DEFAULTS.read_only,
		...(scratch && { scratch }),
		direct: direct ?? DISK_DEFAULTS.direct,
		durability: durability ?? DISK_DEFAULTS.durability,
		...limitOf(values.limit),
		...(values.mirror !== undefined && { mirroring: mirroringOf(values) }),
	};
}

function mirroringOf({ resync_rate, disk_timeout }: DiskValues): MirroringSpec {
	const timeoutMs = (disk_timeout ?? DISK_TIMEOUT_DEFAULT) * 1000;
	return { resyncRate: resync_rate ?? RESYNC_RATE_DEFAULT, timeoutMs };
}

/** An empty table is no limit. */
function limitOf(values: LimitValues = {}): Pick<DiskSpec, "limit"> {
	const limit = {
		...(values.iops !== undefined && { iops: values.iops }),
		...(values.bandwidth !== undefined && { bandwidth: values.bandwidth }),
		...(values.read_iops !== undefined && { readIops: values.read_iops }),
		...(values.write_iops !== undefined && { writeIops: values.write_iops }),
		...(values.read_bandwidth !== undefined && { readBandwidth: values.read_bandwidth }),
		...(values.write_bandwidth !== undefined && { writeBandwidth: values.write_bandwidth }),
	};
	return Object.keys(limit).length === 0 ? {} : { limit };
}
