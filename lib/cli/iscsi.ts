/**
 * `vblade iscsi`: one disk over iSCSI, as a LUN of a target, from the start-up lines to the last signal. Called by `commands.ts`; hands what
 * that asks for to `serve.ts`, as a spec of one disk and one export, and tells what to type at an initiator.
 */

import { existsSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import path from "node:path";
import { createLog } from "../log.js";
import type { CommandLine } from "../spec/getopt.js";
import { derivedTarget, readIscsiName } from "../spec/iscsi-name.js";
import { chapOf, readChapUser, readInitiators } from "../spec/iscsi-schema.js";
import { ISCSI_PORT, NUMBERS } from "../spec/ranges.js";
import type { ChapSpec, IscsiExportSpec, SocketSpec, Spec } from "../spec/spec.js";
import { isLoopback, readNumber, readSocket, readStorage, readUser } from "../spec/values.js";
import { type Output, processOutput, understand } from "./client.js";
import { diskOf, withActivated } from "./one-disk.js";
import type { OptionName } from "./options.js";
import { serve } from "./serve.js";
import { ISCSI } from "./stream-options.js";

/** The disk, and its export. */
const NAME = "disk";
/** Without IPv6 the kernel has no such file. */
const IPV6_HERE = "/proc/net/if_inet6";

type Line = CommandLine<OptionName<typeof ISCSI>>;

/** Resolves to the exit status; throws an OperatorError for a mistake. */
export async function iscsiCommand(argv: readonly string[], output: Output = processOutput): Promise<number> {
	const line = await understand(ISCSI, argv, output);
	if (line === undefined) return 0;
	const exported = exportOf(line);
	return serve(specOf(line, exported), createLog(line.has("verbose")), wordsOf(exported));
}

function specOf(line: Line, exported: IscsiExportSpec): Spec {
	const user = line.last("user");
	return {
		disks: [diskOf(line, NAME, readStorage(line.positionals.at(-1) ?? ""))],
		exports: [exported],
		links: [],
		process: { user: user === undefined ? undefined : readUser(user) },
	};
}

function exportOf(line: Line): IscsiExportSpec {
	const filename = line.positionals.at(-1) ?? "";
	const address = line.positionals.length > 1 ? line.positionals[0] : undefined;
	const target = line.last("target");
	const initiators = line.all("initiator");
	const chap = chapIn(line);
	return {
		...{ protocol: "iscsi", name: NAME, disk: NAME },
		target:
			target === undefined ? derivedTarget(hostname(), called(filename)) : readIscsiName("target", target),
		lun: readNumber("lun", line.last("lun") ?? "", NUMBERS.lun),
		removable: line.has("removable"),
		...(initiators.length > 0 && { initiators: readInitiators("initiator", initiators) }),
		...(chap && { chap }),
		listen: withActivated(address === undefined ? everywhere() : [socketAt(address)]),
	};
}

/** `web` of `pool:/srv/pool/web`, `disk.img` of a file, `mem-64m`. */
function called(filename: string): string {
	return path.basename(filename);
}

function everywhere(): SocketSpec[] {
	const addresses = existsSync(IPV6_HERE) ? ["0.0.0.0", "[::]"] : ["0.0.0.0"];
	return addresses.map(socketAt);
}

/** Without a port it is that of iSCSI. */
function socketAt(address: string): SocketSpec {
	const hasPort = /^unix:|^[^:]*:[0-9]+$|\]:[0-9]+$/.test(address);
	return readSocket("address", hasPort ? address : `${address}:${ISCSI_PORT}`, ISCSI_PORT, address);
}

const CHAP_WORDS = {
	user: "--chap-user",
	secretFile: "--chap-file",
	mutualUser: "--mutual-user",
	mutualSecretFile: "--mutual-file",
};

function chapIn(line: Line): ChapSpec | undefined {
	const file = (option: "chap-file" | "mutual-file"): string | undefined => {
		const given = line.last(option);
		return given === undefined ? undefined : path.resolve(given);
	};
	const user = (option: "chap-user" | "mutual-user"): string | undefined => {
		const given = line.last(option);
		return given === undefined ? undefined : readChapUser(option, given);
	};
	const given = {
		user: user("chap-user"),
		secretFile: file("chap-file"),
		mutualUser: user("mutual-user"),
		mutualSecretFile: file("mutual-file"),
	};
	if (Object.values(given).every((each) => each === undefined)) return undefined;
	return chapOf(given, CHAP_WORDS);
}

/** What to type at an initiator, once it is served. */
function wordsOf({ target, lun, listen = [], chap, initiators }: IscsiExportSpec): string[] {
	const [socket] = listen;
	if (socket === undefined || socket.kind === "unix") return [`target ${target}, LUN ${lun}`];
	const host = socket.address === "0.0.0.0" || socket.address === "::" ? reachable() : socket.address;
	const bracketed = host.includes(":") ? `[${host}]` : host;
	const portal = socket.port === ISCSI_PORT ? bracketed : `${bracketed}:${socket.port}`;
	const node = `iscsiadm -m node -T ${target} -p ${portal}`;
	const update = (name: string, value: string): string =>
		`  ${node} -o update -n node.session.auth.${name} -v ${value}`;
	return [
		`target ${target}, LUN ${lun}; at an initiator that runs Linux:`,
		`  iscsiadm -m discovery -t sendtargets -p ${portal}`,
		...(chap === undefined
			? []
			: [
					...[update("authmethod", "CHAP"), update("username", chap.user), update("password", "SECRET")],
					...(chap.mutual === undefined
						? []
						: [update("username_in", chap.mutual.user), update("password_in", "OTHER_SECRET")]),
				]),
		`  ${node} --login`,
		...(initiators === undefined ? [] : [`for ${initiators.join(", ")} alone`]),
	];
}

/** An address of this machine by which others come to it, as far as can be seen here. */
function reachable(): string {
	const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
	const others = all.filter(({ address, internal }) => !internal && !address.startsWith("fe80:"));
	const found = others.find(({ family }) => family === "IPv4") ?? others[0];
	return found === undefined || isLoopback(found.address) ? "127.0.0.1" : found.address;
}
