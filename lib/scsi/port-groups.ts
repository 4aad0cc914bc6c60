/**
 * Target port groups (SPC-4, 5.15): through which ports a unit is reached how well. Which state a group is in is decided by who serves it, not by
 * initiators (implicit asymmetric access): they may ask for it, and are told when it changes. In the table of operations.
 */

import { uint32 } from "./cdb.js";
import type { Row, Units } from "./operation.js";
import { type GroupPort, hostNumber, type PortGroup, PortGroupState, portName } from "./port-group.js";
import { refuse, succeedWith } from "./reply.js";
import { invalidField } from "./sense.js";
import type { ScsiTask } from "./task.js";
import type { LogicalUnit } from "./unit.js";

interface ReachedGroup extends PortGroup {
	readonly state: PortGroupState;
}

/** States that a group can be in: optimized, not optimized, standby, unavailable (T_SUP is left out: nobody is told of a change under way). */
const SUPPORTED_STATES = 0x0f;
/** Why it is in its state: that was changed implicitly. */
const IMPLICITLY = 0x02;
const EXTENDED_FORMAT = 0x20;

/** The group of the port of that name; of one that is in none, the first. */
export function groupOf({ portGroups }: Units, port: string): PortGroup {
	return portGroups.find(({ ports }) => ports.some(({ name }) => name === port)) ?? portGroups[0]!;
}

/** All ports by which that unit is reached. */
export function portsOf(units: Units, unit: LogicalUnit): GroupPort[] {
	return groupsOf(units, unit).flatMap(({ ports }) => ports);
}

/**
 * All groups, and how well that unit is reached by each. Where two hosts serve it, whoever has what is stored is reached best; of the other one it is known by which number its ports
 * go, as soon as it is known what it is called.
 */
export function groupsOf({ name, portGroups }: Units, { partner }: LogicalUnit): ReachedGroup[] {
	const state = partner?.hasIt ? PortGroupState.nonOptimized : PortGroupState.optimized;
	const own = portGroups.map((group) => ({ ...group, state }));
	const host = partner?.name ?? null;
	const id = host === null ? undefined : hostNumber(host);
	if (id === undefined || own.some((group) => group.id === id)) return own;
	const others = partner?.hasIt ? PortGroupState.optimized : PortGroupState.nonOptimized;
	return [...own, { id, state: others, ports: [{ name: portName(name, id), relative: id }] }];
}

/** REPORT TARGET PORT GROUPS (SPC-4, 6.37). */
function report(task: ScsiTask, unit: LogicalUnit, units: Units): void {
	const format = task.cdb[1]! & 0xe0;
	if (format !== 0 && format !== EXTENDED_FORMAT) {
		refuse(task, invalidField(1, 7));
		return;
	}
	const groups = Buffer.concat(groupsOf(units, unit).map(descriptor));
	// (Extended: how long a change of state takes at most; not told.)
	const header = Buffer.alloc(format === EXTENDED_FORMAT ? 8 : 4);
	header.writeUInt32BE(header.length - 4 + groups.length, 0);
	if (format === EXTENDED_FORMAT) header[4] = 0x10;
	succeedWith(task, Buffer.concat([header, groups]), uint32(task.cdb, 6));
}

function descriptor({ id, state, ports }: ReachedGroup): Buffer {
	const bytes = Buffer.alloc(8 + 4 * ports.length);
	bytes[0] = state;
	bytes[1] = SUPPORTED_STATES;
	bytes.writeUInt16BE(id, 2);
	bytes[5] = IMPLICITLY;
	bytes[7] = ports.length;
	ports.forEach(({ relative }, index) => {
		bytes.writeUInt16BE(relative, 10 + 4 * index);
	});
	return bytes;
}

/** (SET TARGET PORT GROUPS is not known at all: explicit access is not supported.) */
export const PORT_GROUP_ROWS: readonly Row[] = [
	{ usage: "a3e000000000ffffffff0000", action: 0x0a, operation: { start: report } },
];
