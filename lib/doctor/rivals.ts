/**
 * Who else answers for an address: asks everybody on each interface, and names those of whom there are two, or of whom this machine
 * is one. Initiators take two for two paths to one disk; whether it is one, the disks themselves are asked.
 */

import { InitiatorError } from "../client/errors.js";
import type { Initiator } from "../client/initiator.js";
import type { FoundBlade } from "../client/query.js";
import { RemoteDisk } from "../client/remote-disk.js";
import type { InterfaceInfo } from "../link/interfaces.js";
import { counted, quote } from "../text.js";
import { formatMac } from "../wire/mac.js";
import { addressOf, nameOf, onEachInterface } from "./ask.js";
import { type Check, type Context, type Finding, fault, ok, warn } from "./check.js";
import { askSocket } from "./daemon.js";
import { isMeant, servedByProcess } from "./servers.js";

const WAIT_MS = 600;
const MEND = "stop one of them, or give it another shelf or slot";

export const rivals: Check = {
	name: "rivals",
	limitMs: 30_000,
	run: (context) => onEachInterface(context, (initiator, info) => look(initiator, info, context)),
};

async function look(initiator: Initiator, info: InterfaceInfo, context: Context): Promise<Finding[]> {
	const found = await initiator.discover({ waitMs: WAIT_MS });
	const name = nameOf(info);
	const here = servedByProcess(context.servers, name);
	const byAddress = new Map<string, FoundBlade[]>();
	for (const blade of found)
		byAddress.set(addressOf(blade), [...(byAddress.get(addressOf(blade)) ?? []), blade]);
	const findings: Finding[] = [];
	for (const [address, blades] of byAddress) {
		if (blades.length > 1) findings.push(await twoAnswer(initiator, `${name}: ${address}`, blades));
		const [{ shelf, slot } = { shelf: 0, slot: 0 }] = blades;
		const pid = here.get(`${shelf}.${slot}`);
		const server = pid === undefined ? await ofDaemon(context, `${shelf}.${slot}`, name) : `process ${pid}`;
		if (server !== undefined)
			findings.push(
				fault(
					`${name}: ${address} is answered by ${macsOf(blades)}, and is served here, too, by ${server}`,
					"an initiator takes both for one disk, and destroys the data of both",
					MEND,
				),
			);
	}
	if (findings.length > 0) return findings;
	const who = found.length === 0 ? "nobody else answers" : `${counted(found.length, "blade")} answered`;
	return [ok(`${name}: no address has two owners`, who)];
}

async function twoAnswer(
	initiator: Initiator,
	what: string,
	blades: readonly FoundBlade[],
): Promise<Finding> {
	const serials: (string | undefined)[] = [];
	for (const blade of blades) serials.push(await serialOf(initiator, blade));
	const told = serials
		.map((serial) => (serial === undefined ? "one that does not say" : quote(serial)))
		.join(", ");
	const message = `${what} is answered by ${macsOf(blades)}`;
	const [first] = serials;
	if (first !== undefined && serials.every((serial) => serial === first))
		return warn(
			message,
			`the disks have the same serial number ${quote(first)}: two ways to one disk, or two machines with a copy of it each`,
			`if it is not one disk, ${MEND}`,
		);
	return fault(
		message,
		`these are different disks (serial numbers ${told}): initiators write to both as if they were one`,
		MEND,
	);
}

async function serialOf(initiator: Initiator, blade: FoundBlade): Promise<string | undefined> {
	try {
		return (await RemoteDisk.open(initiator, blade)).identity.serial;
	} catch (error) {
		if (!(error instanceof InitiatorError)) throw error;
		return undefined;
	}
}

function macsOf(blades: readonly FoundBlade[]): string {
	return blades.map(({ mac }) => formatMac(mac)).join(" and ");
}

/** The daemon's disk that has the address on the interface. A question is not heard where it left, so the daemon is asked. */
async function ofDaemon(
	{ daemon }: Context,
	address: string,
	interfaceName: string,
): Promise<string | undefined> {
	if (daemon === undefined) return undefined;
	const { Disk, DiskList } = await import("../control/model.js");
	const { data: list } = DiskList.safeParse(daemon.answers.disks);
	const disk = list?.disks.find((each) => each.address === address);
	if (disk === undefined) return undefined;
	const answer = await askSocket(daemon.socket, `/api/v1/disks/${disk.name}`).catch(() => null);
	const { data: whole } = Disk.safeParse(answer);
	const netifs = whole?.aoe?.netif ?? [];
	return netifs.some((netif) => isMeant(netif, interfaceName)) ? `the daemon (disk ${disk.name})` : undefined;
}
