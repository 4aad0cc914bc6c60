/** Tells the log of initiators that come, go and are refused, by disk, and counts refusals. Used by `iscsi-exporter.ts`. */

import type { Session } from "../iscsi/session.js";
import type { Refused } from "../iscsi/talk.js";
import type { Initiator } from "../iscsi/target.js";
import type { Log } from "../log.js";
import { ClientLog } from "./client-log.js";
import { IscsiRefusals } from "./iscsi-refusals.js";
import { ExportedTarget } from "./iscsi-target.js";

export class IscsiTold {
	readonly refusals = new IscsiRefusals();
	readonly #log: Log;
	readonly #clients: ClientLog;

	constructor(log: Log) {
		this.#log = log;
		this.#clients = new ClientLog(log, "iscsi");
	}

	came({ of: target, identity, connection }: Session): void {
		for (const of of disksOf(target))
			this.#clients.came({ of }, whoIs(connection.peer, identity.initiatorName));
	}

	/** `session`: null: it has come to none; `why`: that was not in good order. */
	went(peer: string, session: Session | null, why: string | null): void {
		for (const of of disksOf(session?.of ?? null))
			this.#clients.went({ of }, whoIs(peer, session?.identity.initiatorName ?? null), why);
		if (session === null && why !== null) this.#log.verbose(`iscsi: ${peer}: ${why}`);
	}

	/** `target`: what it wanted, if there is such a one. */
	refused(peer: string, login: Refused, target: ExportedTarget | undefined): void {
		const { status, initiatorName, why } = login;
		// (It went, and has done nothing wrong.)
		if (status === null) return;
		this.refusals.count(peer, status, login);
		const who = whoIs(peer, initiatorName);
		if (target === undefined) {
			this.#clients.strange(who, why);
			return;
		}
		target.refused += 1;
		for (const of of target.disks) this.#clients.refused({ of }, who, why);
	}

	/** It has asked what there is, and was shown no target. */
	shownNothing({ peer, name }: Initiator, why: string): void {
		this.#clients.unaware(whoIs(peer, name), why);
	}

	crowded(peer: string): void {
		this.#clients.crowded(peer);
	}

	close(): void {
		this.#clients.close();
	}
}

function disksOf(target: unknown): readonly string[] {
	return target instanceof ExportedTarget ? target.disks : [];
}

function whoIs(peer: string, initiatorName: string | null): string {
	return initiatorName === null ? peer : `${initiatorName} at ${peer}`;
}
