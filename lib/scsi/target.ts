/**
 * A SCSI target device: logical units by number, and the nexuses with whoever uses them. Made by `lib/daemon/`; a transport begins and ends
 * nexuses here, and has tasks carried out and managed.
 */

import { conflicts } from "./conflicts.js";
import { hindrance } from "./hindrance.js";
import { manage } from "./management.js";
import type { Nexus } from "./nexus.js";
import type { Operation, Units } from "./operation.js";
import { operationOf } from "./operations.js";
import { type PortGroup, PortGroupState, portName } from "./port-group.js";
import { Asc, ScsiStatus, SenseKey, type TaskFunction, type TaskResponse } from "./protocol.js";
import { conflict, refuse } from "./reply.js";
import { illegal, invalidField, type Sense } from "./sense.js";
import type { ScsiTask } from "./task.js";
import type { LogicalUnit } from "./unit.js";

export class ScsiTarget implements Units {
	readonly #units = new Map<number, LogicalUnit>();
	readonly #nexuses = new Set<Nexus>();

	/** Through which ports it is reached: at least one group. */
	portGroups: readonly PortGroup[];

	/** `name`: of the device, as its transport has it: an iqn. */
	constructor(readonly name: string) {
		const port = { name: portName(name, 1), relative: 1 };
		this.portGroups = [{ id: 1, state: PortGroupState.optimized, ports: [port] }];
	}

	/** False if there is one of this number. Who is connected is told that there is another. */
	add(lun: number, unit: LogicalUnit): boolean {
		if (this.#units.has(lun)) return false;
		this.#units.set(lun, unit);
		for (const nexus of this.#nexuses) unit.meet(nexus);
		this.#lunsChanged();
		return true;
	}

	remove(lun: number): void {
		const unit = this.#units.get(lun);
		if (unit === undefined) return;
		this.#units.delete(lun);
		for (const nexus of this.#nexuses) unit.forget(nexus);
		this.#lunsChanged();
	}

	#lunsChanged(): void {
		for (const unit of this.#units.values())
			for (const nexus of this.#nexuses) unit.attend(nexus, Asc.lunsChanged);
	}

	unit(lun: number): LogicalUnit | undefined {
		return this.#units.get(lun);
	}

	/** In ascending order. */
	luns(): number[] {
		return [...this.#units.keys()].sort((one, other) => one - other);
	}

	/** An initiator has come. */
	begin(nexus: Nexus): void {
		this.#nexuses.add(nexus);
		for (const unit of this.#units.values()) unit.meet(nexus);
	}

	/** It is gone, and so is all that it had under way: the transport has aborted that, and waited. */
	end(nexus: Nexus): void {
		this.#nexuses.delete(nexus);
		for (const unit of this.#units.values()) unit.forget(nexus);
	}

	/** Has begun (`ScsiTask.begin`). Ends with `host.ended`, before or after this returns. Never throws for what a CDB or data hold. */
	execute(task: ScsiTask): void {
		const unit = this.#units.get(task.lun);
		const operation = operationOf(task.cdb);
		if (unit === undefined) {
			if (operation?.startWithout !== undefined) operation.startWithout(task, this);
			else task.end(ScsiStatus.checkCondition, illegal(Asc.noUnit));
			return;
		}
		const set = unit.begin(task);
		if (operation?.ignoresAttention !== true) {
			const asc = set.attention(true);
			if (asc !== undefined) {
				task.end(ScsiStatus.checkCondition, { key: SenseKey.unitAttention, asc });
				return;
			}
		}
		if (conflicts(unit, task.nexus, task.cdb)) conflict(task);
		else if (unit.disk.phase !== "open") refuse(task, { key: SenseKey.notReady, asc: Asc.unavailable });
		else if (operation === null) refuse(task, illegal(Asc.opcode));
		else if (operation === undefined) refuse(task, invalidField(1, 4));
		else {
			const sense = sanitizing(unit, operation) ?? hindrance(unit, task.cdb);
			if (sense === null) operation.start(task, unit, this);
			else refuse(task, sense);
		}
	}

	/** Resolves when what it is about can no longer change the disk. `tag`: of the task that is meant. Other tasks of whoever asks are not waited for. */
	manage(nexus: Nexus, what: TaskFunction, lun: number, tag: number): Promise<TaskResponse> {
		return manage(what, { nexus, unit: this.#units.get(lun), all: [...this.#units.values()], tag });
	}
}

/** What of a SANITIZE keeps a unit from being used; null: nothing. */
function sanitizing(
	{ sanitization }: LogicalUnit,
	{ ignoresAttention, mayFollowFailure }: Operation,
): Sense | null {
	const { sense } = sanitization;
	if (sense === null || ignoresAttention === true) return null;
	return mayFollowFailure === true && !sanitization.isUnderWay ? null : sense;
}
