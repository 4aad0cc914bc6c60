/**
 * Replicas of pools, as they are configured: the opener says where they are, and opens what is known of them on this host; their stores and heads are spoken to from
 * here, as soon as they answer: no pool waits for its replica. Used by `store-pools.ts`.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Asking } from "../channel/asking.js";
import { systemClock } from "../clock.js";
import { nativeMemory } from "../native.js";
import type { ReplicasOpening, StorePoolOpening } from "../opener/messages.js";
import { directoryFolder, type PoolFiles } from "../pool/directory.js";
import type { PoolWorld } from "../pool/folder.js";
import type { PoolHome } from "../pool/openings.js";
import { ReplicaFolder } from "../pool/store/replica-folder.js";
import { replicaLook } from "../pool/store/replica-look.js";
import type { ReplicaOptions } from "../pool/store/replica-options.js";
import { replicaPlace } from "../pool/store/replica-place.js";
import { replicasText } from "../spec/replicas.js";
import { askOpener } from "./ask-opener.js";
import { openedStores } from "./coming-stores.js";
import { identifier, keeperWorld } from "./store-keepers.js";
import { makeStores, type StoreWays } from "./stores.js";

/** Longer than the opener gives a file system. */
const LIMIT_MS = 70_000;

export function replicasThrough(
	opener: Asking,
	files: PoolFiles,
	ways: StoreWays,
): Required<Pick<PoolHome, "withReplicas" | "replicasNow">> {
	const replicasNow = async (pool: string): Promise<string> =>
		replicasText((await configuredBy(opener, pool)).replicas);
	const withReplicas: NonNullable<PoolHome["withReplicas"]> = async (pool, world, home) => {
		const { replicas, pool: name, host } = await configuredBy(opener, pool);
		if (replicas.length === 0) return world;
		const options = replicas.map((replica): ReplicaOptions => {
			const { name: place, path, log, bytesPerSecond } = replica;
			const tell = teller(home, pool, place);
			const connect = async () => {
				const asked = await askOpener(opener, { kind: "storePool", pool: path }, LIMIT_MS);
				const opening = asked.body as unknown as StorePoolOpening;
				const { stores } = await openedStores(async () => ({
					opening,
					stores: makeStores(path, opening, ways),
				}));
				const { store, head } = stores;
				const close = (): Promise<void> => stores.close();
				return replicaPlace({ store, head, of: { name, host }, world: keeperWorld, identifier, tell, close });
			};
			const local = directoryFolder(log, home.engine, files);
			return {
				...{ name: place, local, connect, bytesPerSecond, tell, nextTurn, identifier },
				...{ clock: systemClock, allocate: nativeMemory },
			};
		});
		return following(world, new ReplicaFolder(world.folder, options), replicasText(replicas));
	};
	return { withReplicas, replicasNow };
}

async function configuredBy(opener: Asking, pool: string): Promise<ReplicasOpening> {
	const { body } = await askOpener(opener, { kind: "replicas", pool }, LIMIT_MS);
	return body as unknown as ReplicasOpening;
}

function following(world: PoolWorld, folder: ReplicaFolder, replicasAre: string): PoolWorld {
	return {
		...world,
		...{ folder, replicasAre },
		replicas: (written) => folder.states.map((state) => replicaLook(state, written)),
	};
}

/** Says each trouble once, and that it is over. */
function teller(home: PoolHome, pool: string, place: string): (trouble: string | null) => void {
	let told: string | null = null;
	return (trouble) => {
		if (trouble === told) return;
		told = trouble;
		const message =
			trouble === null
				? `its replica ${place} answers`
				: `its replica ${place} is not brought up to date: ${trouble}`;
		home.tell?.(pool, { kind: "pool-replica", level: trouble === null ? "info" : "warn", message });
	};
}
