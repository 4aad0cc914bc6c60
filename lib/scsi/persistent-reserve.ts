/**
 * PERSISTENT RESERVE IN and OUT (SPC-4, 6.15 and 6.16): reads what is asked for, has it carried out by the unit's reservations, and tells others of it.
 * In the table of operations.
 */

import { uint16, uint32 } from "./cdb.js";
import { isLeaving, onceHere, whenKnownHere } from "./elsewhere.js";
import { type Nexus, nexusKey } from "./nexus.js";
import { ReserveIn, ReserveOut } from "./opcodes.js";
import type { Operation, Row, Units } from "./operation.js";
import { receiveParameters } from "./parameters.js";
import { isHolder, isOfAll, type Persistent, REGISTRATIONS_MAX, type Registrant } from "./persistent.js";
import type { GroupPort } from "./port-group.js";
import { portsOf } from "./port-groups.js";
import { Asc, SenseKey } from "./protocol.js";
import { conflict, refuse, succeed, succeedWith } from "./reply.js";
import type { OutOutcome, OutRequest } from "./reserve-out.js";
import { COMES_HERE, illegal, invalidParameter, type Sense } from "./sense.js";
import type { ScsiTask } from "./task.js";
import { readTransportId, type TransportId, transportIdBytes } from "./transport-id.js";
import type { LogicalUnit } from "./unit.js";
import { waitFor } from "./waiting.js";

const PARAMETER_BYTES = 24;
const SPEC_I_PT = 0x08;
const ALL_TG_PT = 0x04;
const APTPL = 0x01;
const UNREG = 0x02;
const UNKEPT: Sense = { key: SenseKey.hardwareError, asc: Asc.internalFailure };
/** How a Registration names its key, in 8 bytes. */
const KEY_BYTES = 8;

function header(state: Persistent, bytes: number): Buffer {
	const head = Buffer.alloc(8);
	head.writeUInt32BE(state.generation, 0);
	head.writeUInt32BE(bytes, 4);
	return head;
}

function answer(task: ScsiTask, state: Persistent, parts: readonly Uint8Array[]): void {
	const rest = Buffer.concat(parts);
	succeedWith(task, Buffer.concat([header(state, rest.length), rest]), uint16(task.cdb, 7));
}

function keyBytes(key: bigint): Buffer {
	const bytes = Buffer.alloc(KEY_BYTES);
	bytes.writeBigUInt64BE(key);
	return bytes;
}

function readKeys(task: ScsiTask, { reservations }: LogicalUnit): void {
	const state = reservations.persistent;
	answer(
		task,
		state,
		[...state.registrations.values()].map(({ key }) => keyBytes(key)),
	);
}

function readReservation(task: ScsiTask, { reservations }: LogicalUnit): void {
	const state = reservations.persistent;
	const { reservation } = state;
	if (reservation === null) {
		answer(task, state, []);
		return;
	}
	const key = isOfAll(reservation.type) ? 0n : (state.registrations.get(reservation.holder)?.key ?? 0n);
	answer(task, state, [keyBytes(key), Uint8Array.of(0, 0, 0, 0, 0, reservation.type, 0, 0)]);
}

/** CRH, SIP_C, ATP_C, and PTPL_C where there is somewhere to keep it; the mask of types is valid, and has all six. */
function reportCapabilities(task: ScsiTask, { reservations }: LogicalUnit): void {
	const canKeep = reservations.keep !== null ? APTPL : 0;
	const isKept = reservations.persistent.isKept ? 0x01 : 0;
	const bytes = Uint8Array.of(0, 8, 0x10 | SPEC_I_PT | ALL_TG_PT | canKeep, 0x80 | isKept, 0xea, 0x01, 0, 0);
	succeedWith(task, bytes, uint16(task.cdb, 7));
}

function readFullStatus(task: ScsiTask, { reservations }: LogicalUnit): void {
	const state = reservations.persistent;
	const parts: Uint8Array[] = [];
	for (const { nexus, key, relativePort, initiatorPort } of state.registrations.values()) {
		const id = transportIdBytes(initiatorPort);
		const bytes = Buffer.alloc(24);
		bytes.writeBigUInt64BE(key);
		if (isHolder(state, nexus)) bytes.set([0x01, state.reservation!.type], 12);
		bytes.writeUInt16BE(relativePort, 18);
		bytes.writeUInt32BE(id.length, 20);
		parts.push(bytes, id);
	}
	answer(task, state, parts);
}

/** PERSISTENT RESERVE OUT, with its parameters. */
function reserveOut(task: ScsiTask, unit: LogicalUnit, units: Units): void {
	const bytes = uint32(task.cdb, 5);
	if (bytes < PARAMETER_BYTES) refuse(task, illegal(Asc.listLength));
	else
		receiveParameters(task, bytes, 5, (list) =>
			whenKnownHere(task, unit, () => {
				const request = requestOf(task, unit, units, list);
				if ("sense" in request) refuse(task, request.sense);
				else change(task, unit, request);
			}),
		);
}

type Read<T> = T | Extract<OutOutcome, { sense: unknown }>;

function requestOf(task: ScsiTask, unit: LogicalUnit, units: Units, list: Buffer): Read<OutRequest> {
	const { cdb, nexus } = task;
	const action = cdb[1]! & 0x1f;
	const isMove = action === ReserveOut.registerAndMove;
	const registers = action === ReserveOut.register || action === ReserveOut.registerAndIgnore;
	const flags = list[isMove ? 17 : 20]!;
	// (Elsewhere it means nothing.)
	const isKept = (flags & APTPL) > 0 && (isMove || registers);
	if (isKept && unit.reservations.keep === null) return { sense: invalidParameter(isMove ? 17 : 20, 0) };
	const others = isMove ? movedTo(unit, units, list) : namedBy(action, nexus, unit, units, list);
	if ("sense" in others) return others;
	return {
		action,
		scope: cdb[2]! >> 4,
		type: cdb[2]! & 0x0f,
		key: list.readBigUInt64BE(0),
		actionKey: list.readBigUInt64BE(8),
		registrant: registrantOf(nexus.initiator.port, nexus.target),
		others,
		isKept,
		unregisters: isMove && (flags & UNREG) > 0,
	};
}

function registrantOf(initiatorPort: string, { name, relative }: GroupPort): Registrant {
	return { nexus: nexusKey(initiatorPort, name), initiatorPort, relativePort: relative };
}

function movedTo(unit: LogicalUnit, units: Units, list: Buffer): Read<Registrant[]> {
	const port = portsOf(units, unit).find(({ relative }) => relative === list.readUInt16BE(18));
	if (port === undefined) return { sense: invalidParameter(18) };
	const bytes = list.readUInt32BE(20);
	if (list.length !== PARAMETER_BYTES + bytes) return { sense: illegal(Asc.listLength) };
	const id = readTransportId(list.subarray(PARAMETER_BYTES));
	if (id === undefined || !id.isPort || id.length !== bytes) return { sense: invalidParameter(24) };
	return [registrantOf(id.name, port)];
}

/** Whom a registration is for, beside the one who asks: by other ports of the target, or of other initiators. */
function namedBy(
	action: number,
	nexus: Nexus,
	unit: LogicalUnit,
	units: Units,
	list: Buffer,
): Read<Registrant[]> {
	const flags = list[20]!;
	const names = (flags & SPEC_I_PT) > 0;
	if (!names && list.length !== PARAMETER_BYTES) return { sense: illegal(Asc.listLength) };
	if (names && action !== ReserveOut.register) return { sense: invalidParameter(20, 3) };
	const initiators = names ? initiatorsIn(unit, list) : [];
	if ("sense" in initiators) return initiators;
	const registers = action === ReserveOut.register || action === ReserveOut.registerAndIgnore;
	const ports = registers && (flags & ALL_TG_PT) > 0 ? portsOf(units, unit) : [nexus.target];
	const named = new Map<string, Registrant>();
	for (const initiator of [nexus.initiator.port, ...initiators])
		for (const port of ports) {
			const registrant = registrantOf(initiator, port);
			if (registrant.nexus !== nexus.key) named.set(registrant.nexus, registrant);
			if (named.size > REGISTRATIONS_MAX) return { sense: illegal(Asc.insufficientRegistration) };
		}
	return [...named.values()];
}

/** Ports of the initiators whose TransportIDs are there; of one that is named without its port, all that are known. */
function initiatorsIn(unit: LogicalUnit, list: Buffer): Read<string[]> {
	const bytes = list.length >= PARAMETER_BYTES + 4 ? list.readUInt32BE(PARAMETER_BYTES) : -1;
	if (list.length !== PARAMETER_BYTES + 4 + bytes) return { sense: illegal(Asc.listLength) };
	const ports: string[] = [];
	for (let at = PARAMETER_BYTES + 4; at < list.length; ) {
		const id = readTransportId(list.subarray(at));
		const known = id === undefined ? [] : portsNamed(unit, id);
		if (id === undefined || known.length === 0) return { sense: invalidParameter(at) };
		ports.push(...known);
		at += id.length;
	}
	return ports;
}

function portsNamed(unit: LogicalUnit, { name, isPort }: TransportId): string[] {
	if (isPort) return [name];
	const known = [...unit.nexuses.values()].filter(({ initiator }) => initiator.device === name);
	return [...new Set(known.map(({ initiator }) => initiator.port))];
}

function change(task: ScsiTask, unit: LogicalUnit, request: OutRequest): void {
	const outcome = unit.reservations.change(request);
	if (!(outcome instanceof Promise)) tell(task, unit, outcome);
	else
		waitFor(task, outcome, (kept) => {
			// (Its storage fails, and nothing has changed; or another host is about to have it, and is asked next.)
			if (kept === "unkept") refuse(task, isGone(unit) ? COMES_HERE : UNKEPT);
			else tell(task, unit, kept);
		});
}

function tell(task: ScsiTask, unit: LogicalUnit, outcome: OutOutcome): void {
	if (outcome === "conflict") conflict(task);
	else if ("sense" in outcome) refuse(task, outcome.sense);
	else {
		const nexuses = [...unit.nexuses.values()];
		for (const [key, asc] of outcome.told)
			for (const nexus of nexuses) if (nexus.key === key) unit.attend(nexus, asc);
		const { aborted = [] } = outcome;
		const gone = nexuses.filter(({ key }) => aborted.includes(key));
		const ends = gone.map((nexus) => unit.with(nexus).abortAll());
		// (What those have asked who come by the other host is known here as that host's.)
		if (gone.length < aborted.length && unit.partner?.settle !== undefined) ends.push(unit.partner.settle());
		if (ends.length === 0) succeed(task);
		else waitFor(task, Promise.all(ends), () => succeed(task));
	}
}

function isGone(unit: LogicalUnit): boolean {
	return isLeaving(unit) || (unit.partner !== undefined && unit.disk.device.memo === undefined);
}

const IN: readonly (readonly [action: number, start: Operation["start"]])[] = [
	[ReserveIn.readKeys, readKeys],
	[ReserveIn.readReservation, readReservation],
	[ReserveIn.reportCapabilities, reportCapabilities],
	[ReserveIn.readFullStatus, readFullStatus],
];

export const PERSISTENT_RESERVE_ROWS: readonly Row[] = [
	...IN.map(([action, start]) => ({
		...{ usage: "5e000000000000ffff00", action, operation: { start: onceHere(start) } },
	})),
	...Object.values(ReserveOut).map((action) => ({
		usage: "5f00ff0000ffffffff00",
		action,
		operation: { start: reserveOut },
	})),
];
