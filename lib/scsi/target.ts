/**
 * A SCSI target device: logical units by number, and the nexuses with whoever uses them. Made by `lib/daemon/`; a transport begins and ends
 * nexuses here, and has tasks carried out and managed.
 */

import type { DiskIdentity } from "../disk.js";
import { absence } from "./absence.js";
import { conflicts } from "./conflicts.js";
import { hindrance } from "./hindrance.js";
import { manage } from "./management.js";
import type { Nexus } from "./nexus.js";
import type { AwaitedUnit, Operation, Units } from "./operation.js";
import { operationOf } from "./operations.js";
import { type GroupPort, type PortGroup, portName } from "./port-group.js";
import { Asc, ScsiStatus, SenseKey, type TaskFunction, type TaskResponse } from "./protocol.js";
import { conflict, refuse } from "./reply.js";
import { BECOMING_READY, illegal, invalidField, type Sense } from "./sense.js";
import { NO_LUN, type ScsiTask } from "./task.js";
import type { LogicalUnit } from "./unit.js";

export class ScsiTarget implements Units {
	readonly #units = new Map<number, LogicalUnit>();
	readonly #nexuses = new Set<Nexus>();

	/** Whether a unit of that number is to come, or to come again. */
	isAwaited: (lun: number) => boolean = () => false;
	/** Whom initiators know by numbers that nobody has now. */
	readonly #gone = new Map<number, DiskIdentity>();

	/** Through which ports it is reached: at least one group. */
	portGroups: readonly PortGroup[];

	/** `name`: of the device, as its transport has it: an iqn. */
	constructor(readonly name: string) {
		this.portGroups = [groupOfOne(name, 1)];
	}

	/** By which port whoever comes from now on reaches it. */
	get port(): GroupPort {
		return this.portGroups[0]!.ports[0]!;
	}

	/** It is another one, for whoever comes from now on: 1..65535. */
	set portNumber(number: number) {
		this.portGroups = [groupOfOne(this.name, number)];
	}

	/** False if there is one of this number. Who is connected is told that there is another. */
	add(lun: number, unit: LogicalUnit): boolean {
		if (this.#units.has(lun)) return false;
		this.#units.set(lun, unit);
		this.#gone.delete(lun);
		for (const nexus of this.#nexuses) unit.meet(nexus);
		this.#lunsChanged();
		return true;
	}

	remove(lun: number): void {
		const unit = this.#units.get(lun);
		if (unit === undefined) return;
		this.#units.delete(lun);
		this.#gone.set(lun, unit.disk.identity);
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

	awaited(lun: number): AwaitedUnit | undefined {
		if (lun === NO_LUN || !this.isAwaited(lun)) return undefined;
		return { identity: this.#gone.get(lun) ?? null };
	}

	luns(): number[] {
		const awaited = [...this.#gone.keys()].filter((lun) => this.isAwaited(lun));
		return [...this.#units.keys(), ...awaited].sort((one, other) => one - other);
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
			else task.end(ScsiStatus.checkCondition, absence(this, task.lun));
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
		else if (unit.disk.phase !== "open") refuse(task, BECOMING_READY);
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

function groupOfOne(target: string, number: number): PortGroup {
	return { id: number, ports: [{ name: portName(target, number), relative: number }] };
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
