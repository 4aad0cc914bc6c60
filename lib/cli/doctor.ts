/**
 * `vblade doctor`: what is wrong here. Called by `commands.ts` with the arguments after the word "doctor"; the looking is in
 * `lib/doctor/`, here is who asks, what is asked of whom, and where the answer goes.
 */

import { closeSync, fchmodSync, fstatSync, openSync, writeFileSync } from "node:fs";
import { isIPv4 } from "node:net";
import { hostname } from "node:os";
import { bundle } from "../doctor/bundle.js";
import type { Context } from "../doctor/check.js";
import { CHECKS } from "../doctor/checks.js";
import { askDaemon } from "../doctor/daemon.js";
import { examine } from "../doctor/examine.js";
import { Machine } from "../doctor/machine.js";
import { type Report, resultText, summary } from "../doctor/report.js";
import { findServers } from "../doctor/servers.js";
import { OperatorError } from "../errors.js";
import { type InterfaceInfo, interfaceInfo, interfaceNames } from "../link/interfaces.js";
import { parseNetif } from "../spec/netif.js";
import { oneLine, quote } from "../text.js";
import { EXIT_FAILED, type Output, processOutput, putJson, understand } from "./client.js";
import { DOCTOR } from "./options.js";
import { packageVersion } from "./version.js";

/** ARPHRD_ETHER of linux/if_arp.h. */
const TYPE_ETHERNET = 1;
const LOOPBACK = "lo";
const OWNER_ALONE = 0o600;

/**
 * Looks at everything and tells each finding. Resolves to the exit status: 0, or 1 if there is a fault. Throws an OperatorError for
 * what the operator got wrong.
 */
export async function doctorCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	const line = await understand(DOCTOR, argv, output);
	if (line === undefined) return 0;
	const [netif] = line.positionals;
	const machine = new Machine();
	const interfaces = netif === undefined ? allInterfaces(machine) : namedInterfaces(netif);
	const peer = line.last("peer");
	if (peer !== undefined && !isIPv4(peer))
		throw new OperatorError(`peer ${quote(peer)}: an IPv4 address is allowed`);
	const socket = line.last("socket") ?? "";
	const daemon = await askDaemon(socket, (why) =>
		output.err(`vblade: ${oneLine(socket)}: no daemon was asked (${why}); looking at the machine alone\n`),
	);
	const context: Context = { machine, interfaces, daemon, servers: findServers(machine), peer };
	const asJson = line.has("json");
	const findings = await examine(CHECKS, context, (result) => {
		if (!asJson) output.out(resultText(result));
	});
	const report: Report = {
		version: packageVersion(),
		time: new Date().toISOString(),
		host: hostname(),
		findings,
	};
	if (asJson) putJson(output, report);
	else output.out(`${summary(findings)}\n`);
	const file = line.last("bundle");
	if (file !== undefined) {
		const { configurationOf } = await import("../doctor/configuration.js");
		const configuration = configurationOf(machine, line.last("config") ?? "");
		write(file, bundle(report, context, configuration), output);
	}
	return findings.some(({ level }) => level === "fault") ? EXIT_FAILED : 0;
}

/** Only its owner may read it. */
function write(file: string, archive: Buffer, output: Output): void {
	try {
		const descriptor = openSync(file, "w", OWNER_ALONE);
		// It may have been there, for others to read.
		if (fstatSync(descriptor).isFile()) fchmodSync(descriptor, OWNER_ALONE);
		writeFileSync(descriptor, archive);
		closeSync(descriptor);
	} catch (error) {
		throw new OperatorError(`${quote(file)}: can't be written (${(error as NodeJS.ErrnoException).code})`);
	}
	output.err(`vblade: ${oneLine(file)}: the report, without secrets; have a look at it before you send it\n`);
}

/** Ethernet interfaces that are up, but for ports of bridges. */
function allInterfaces(machine: Machine): InterfaceInfo[] {
	return interfaceNames()
		.filter(
			(name) =>
				name !== LOOPBACK &&
				(machine.number(`/sys/class/net/${name}/type`) ?? TYPE_ETHERNET) === TYPE_ETHERNET,
		)
		.map((name) => interfaceInfo(name))
		.filter((info) => info !== undefined)
		.filter(({ up, bridge }) => up && bridge === 0);
}

function namedInterfaces(netif: string): InterfaceInfo[] {
	return parseNetif(netif, interfaceNames).map((spec) => {
		if (spec.kind !== "interface")
			throw new OperatorError(`netif ${quote(spec.name)}: interfaces are allowed here`);
		const info = interfaceInfo(spec.name);
		if (info === undefined)
			throw new OperatorError(
				`${quote(spec.name)}: there is no such network interface; there are ${interfaceNames().join(", ")}`,
			);
		return info;
	});
}
