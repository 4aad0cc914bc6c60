/**
 * An ATA disk: carries out ATA commands on a disk's device. Asked by the AoE target, one call a command;
 * hands block requests down to `BlockDevice` and answers the command when it is over. What each
 * command code does is in one table; every code that is not there (native size, security, write
 * uncorrectable, packet commands, ...) ends with ABRT, and IDENTIFY offers none of them.
 */

import { OP_TRAITS } from "../block/request.js";
import type { Disk } from "../disk.js";
import type { AtaCommand, Operation } from "./command.js";
import { SetFeatures, setMultipleMode } from "./features.js";
import { Flush, standby } from "./flush.js";
import { identifyDevice } from "./identify.js";
import { readLogExt } from "./logs.js";
import { Opcode } from "./opcodes.js";
import { Immediate, LBA28, LBA48 } from "./operation.js";
import { abort, succeedWithData } from "./reply.js";
import { smart } from "./smart.js";
import { DiskState } from "./state.js";
import { Status } from "./status.js";
import { Read, Write } from "./transfer.js";
import { Trim } from "./trim.js";
import { ReadVerify } from "./verify.js";

/** Of each disk that anybody serves by ATA commands. */
const ATA_DISKS = new WeakMap<Disk, AtaDisk>();

export class AtaDisk extends DiskState {
	/** The only one of its disk: who exports a disk once more meets the state that it has. */
	static of(disk: Disk): AtaDisk {
		const ata = ATA_DISKS.get(disk) ?? new AtaDisk(disk);
		ATA_DISKS.set(disk, ata);
		return ata;
	}

	/**
	 * Starts a command. Its owner is told exactly once that it is answered, before or after this returns, and
	 * may use it again from then on. Never throws for what registers or data hold.
	 */
	execute(command: AtaCommand): void {
		command.replyStatus = Status.drdy;
		command.replyError = 0;
		command.replyCount = command.count;
		command.replyLba = command.lba;
		command.dataInBytes = 0;
		command.isGone = false;
		const { request } = command;
		request.borrowedAddress = 0;
		request.isLent = false;
		request.mayBorrow = false;
		request.fua = false;
		const operation = OPERATIONS[command.command & 0xff]!;
		command.disk = this;
		command.operation = operation;
		command.kind = KINDS[command.command & 0xff]!;
		operation.start(this, command);
	}
}

const UNKNOWN = new Immediate(abort);

const OPERATIONS: readonly Operation[] = tableOf([
	[Opcode.readSectors, new Read(LBA28)],
	[Opcode.readSectorsExt, new Read(LBA48)],
	[Opcode.readDma, new Read(LBA28)],
	[Opcode.readDmaExt, new Read(LBA48)],
	[Opcode.readMultiple, new Read(LBA28, true)],
	[Opcode.readMultipleExt, new Read(LBA48, true)],
	[Opcode.writeSectors, new Write(LBA28)],
	[Opcode.writeSectorsExt, new Write(LBA48)],
	[Opcode.writeDma, new Write(LBA28)],
	[Opcode.writeDmaExt, new Write(LBA48)],
	[Opcode.writeDmaFuaExt, new Write(LBA48, false, true)],
	[Opcode.writeMultiple, new Write(LBA28, true)],
	[Opcode.writeMultipleExt, new Write(LBA48, true)],
	[Opcode.writeMultipleFuaExt, new Write(LBA48, true, true)],
	[Opcode.readVerifySectors, new ReadVerify(LBA28)],
	[Opcode.readVerifySectorsExt, new ReadVerify(LBA48)],
	[Opcode.flushCache, new Flush()],
	[Opcode.flushCacheExt, new Flush()],
	[Opcode.dataSetManagement, new Trim()],
	[Opcode.identifyDevice, new Immediate(identify)],
	[Opcode.setFeatures, new SetFeatures()],
	[Opcode.setMultipleMode, new Immediate(setMultipleMode)],
	[Opcode.smart, new Immediate(smart)],
	[Opcode.readLogExt, new Immediate(readLogExt)],
	[Opcode.standby, standby],
	[Opcode.standbyImmediate, standby],
	[Opcode.sleep, standby],
	[Opcode.idle, new Immediate(idle)],
	[Opcode.idleImmediate, new Immediate(idle)],
	[Opcode.checkPowerMode, new Immediate(checkPowerMode)],
	[Opcode.executeDeviceDiagnostic, new Immediate(executeDeviceDiagnostic)],
	// What NOP does, by the standard, is to fail with ABRT.
	[Opcode.nop, UNKNOWN],
]);

const KINDS = Int8Array.from(OPERATIONS, ({ kind }) => kind ?? -1);

/** A command of this code changes what is stored. */
export function changesDisk(opcode: number): boolean {
	const { kind } = OPERATIONS[opcode & 0xff]!;
	return kind !== undefined && OP_TRAITS[kind].changes;
}

function tableOf(entries: readonly (readonly [number, Operation])[]): readonly Operation[] {
	const table = new Array<Operation>(256).fill(UNKNOWN);
	for (const [opcode, operation] of entries) table[opcode] = operation;
	return table;
}

/** IDENTIFY DEVICE: always 512 bytes, whatever the count register says. */
function identify(disk: DiskState, command: AtaCommand): void {
	succeedWithData(disk, command, identifyDevice(disk));
}

/** IDLE and IDLE IMMEDIATE: out of standby. The timer of IDLE is accepted and never fires. */
function idle(disk: DiskState, command: AtaCommand): void {
	disk.standby = false;
	command.answer();
}

/** CHECK POWER MODE: 00h in the count register is standby, FFh active or idle. */
function checkPowerMode(disk: DiskState, command: AtaCommand): void {
	command.replyCount = disk.standby ? 0x00 : 0xff;
	command.answer();
}

/**
 * EXECUTE DEVICE DIAGNOSTIC: "passed" in the error register, and the signature of an ATA disk in the others.
 */
function executeDeviceDiagnostic(_disk: DiskState, command: AtaCommand): void {
	command.replyError = 0x01;
	command.replyCount = 0x01;
	command.replyLba = 0x000001;
	command.answer();
}
