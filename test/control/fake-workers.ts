// Workers that note what they are asked for, and fail as they are told: for a control process among fakes.

import { AbsentError } from "../../lib/control/refused.js";
import type {
	Comparing,
	DiskIdentity,
	Look,
	Removed,
	ServedDisk,
	Workers,
	WorkersListener,
} from "../../lib/control/seams.js";
import type { Compared } from "../../lib/daemon/mirrors.js";
import type { PoolAct } from "../../lib/daemon/worker-messages.js";
import { OperatorError, unreachable } from "../../lib/errors.js";
import type { PoolLook, Sight } from "../../lib/pool/looks.js";
import type { DiskConfig } from "../../lib/spec/configuration.js";

export class FakeWorkers implements Workers {
	/** What was asked for, a word and a name each. */
	readonly calls: string[] = [];
	readonly served = new Map<string, string>();
	readonly fenced = new Set<string>();
	/** Who disks are, that it serves. */
	readonly identities = new Map<string, DiskIdentity>();
	/** By directory. */
	readonly pools = new Map<string, PoolLook>();
	/** Why disks can't be added. */
	readonly reasons = new Map<string, string>();
	/** Disks whose removal does not end before this does. */
	readonly hanging = new Map<string, Promise<Removed>>();
	looks: readonly Look[] = [];
	listener: WorkersListener | undefined;
	trouble: readonly string[] = [];
	/** How the worker is not there. */
	absence: string | undefined;

	listen(listener: WorkersListener): void {
		this.listener = listener;
	}

	async serving(): Promise<ServedDisk[]> {
		for (const [name, identity] of this.identities) this.listener?.recognized(name, identity);
		return [...this.served].map(([name, fingerprint]) => ({ name, fingerprint }));
	}

	arrange(): void {}

	workerOf(): number {
		return 0;
	}

	async add({ name }: DiskConfig, _links: unknown, _kept: unknown, fingerprint: string): Promise<void> {
		this.calls.push(`add ${name}`);
		if (this.absence !== undefined) throw new AbsentError(this.absence);
		const reason = this.reasons.get(name);
		if (reason !== undefined) throw new OperatorError(reason);
		this.served.set(name, fingerprint);
	}

	async expect(): Promise<void> {}

	async change({ name }: DiskConfig, fingerprint: string): Promise<void> {
		this.calls.push(`change ${name}`);
		this.served.set(name, fingerprint);
	}

	async withdraw(name: string): Promise<void> {
		this.calls.push(`withdraw ${name}`);
	}

	async remove(name: string): Promise<Removed> {
		this.calls.push(`remove ${name}`);
		const end = await (this.hanging.get(name) ?? "closed");
		this.served.delete(name);
		return end;
	}

	async fence(name: string, fenced: boolean): Promise<void> {
		this.calls.push(`${fenced ? "fence" : "unfence"} ${name}`);
		if (fenced) this.fenced.add(name);
		else this.fenced.delete(name);
	}

	/** Two stretches, with something different at the beginning. */
	async compare({ name, offsetBytes, byMajority, from }: Comparing): Promise<Compared> {
		const words = [byMajority ? "by majority" : "", from === undefined ? "" : `from ${from}`];
		this.calls.push(["compare", name, String(offsetBytes), ...words].filter((word) => word !== "").join(" "));
		await this.hanging.get(name);
		const isFirst = offsetBytes === 0;
		const range = {
			offsetBytes: 1024,
			lengthBytes: 512,
			disk: "a",
			differing: ["b"],
			isRepaired: byMajority,
		};
		return {
			...{ reachedBytes: isFirst ? 4096 : 8192, sizeBytes: 8192, comparedBytes: 4096, unknownBytes: 0 },
			...{ differentBytes: isFirst ? 512 : 0, repairedBytes: isFirst && byMajority ? 512 : 0 },
			...{ ranges: isFirst ? [range] : [], rangeCount: isFirst ? 1 : 0 },
		};
	}

	async resync(name: string, part: string): Promise<void> {
		this.calls.push(`resync ${name} ${part}`);
	}

	async pool(folder: string, act: PoolAct): Promise<PoolLook> {
		// (Unasked, and at any time.)
		if (act.act === "configure") return {} as PoolLook;
		this.calls.push(`pool ${folder} ${JSON.stringify(act)}`);
		const look = this.pools.get(folder);
		if (look === undefined) throw new OperatorError(`${folder}: is no pool`);
		return act.act === "look" ? seen(look, act.sight) : look;
	}

	/** A test that has volumes puts another one in its place. */
	volume: Workers["volume"] = async (folder) => {
		throw new OperatorError(`${folder}: is no pool`);
	};

	async look(): Promise<readonly Look[]> {
		return this.looks;
	}

	forget(): void {}

	answers(): readonly boolean[] {
		return [this.trouble.length === 0];
	}

	troubles(): readonly string[] {
		return this.trouble;
	}
}

/** The part of it that is looked at. */
function seen(look: PoolLook, sight: Sight): PoolLook {
	switch (sight.of) {
		case "pool":
			return { ...look, volumes: [] };
		case "volumes":
			return { ...look, volumes: look.volumes.map((each) => ({ ...each, snapshots: [] })) };
		case "summary": {
			const volumes = look.volumes.filter(({ name }) => name === sight.name);
			return { ...look, volumes: volumes.map((each) => ({ ...each, snapshots: [] })) };
		}
		case "volume":
			return { ...look, volumes: look.volumes.filter(({ name }) => name === sight.name) };
		case "snapshots": {
			const volumes = look.volumes.flatMap((volume) =>
				volume.snapshots
					.filter(({ name }) => sight.names.includes(`${volume.name}@${name}`))
					.map((each) => ({ ...volume, snapshots: [each] })),
			);
			return { ...look, volumes };
		}
		default:
			return unreachable(sight);
	}
}
