/**
 * What a server does apart from answering frames: what becomes of it when its link, its file or its command line is not as
 * one hopes. Each is tried on Debian's vblade 25 and on ours; the outcome, in a few words, is held against the table in
 * `docs/differences.md` by `side-by-side.test.ts`.
 */

import { appendFileSync, truncateSync } from "node:fs";
import { until } from "../support/cleanup.js";
import { fieldsOf } from "../support/frames.js";
import { LIMIT_MS } from "../support/limit.js";
import type { CableOptions } from "../support/netns.js";
import { VBLADE25 } from "../support/paths.js";
import type { Program } from "../support/process.js";
import { CLIENT_MAC, FILE_SECTORS, SERVER_MAC, Stage, startOutcome, told } from "./stage.js";

/** How long vblade 25 has to notice what has become of its file: it never does. */
const UNNOTICED_MS = 1000;

export interface Behaviour {
	/** As in the first column of docs/differences.md. */
	readonly name: string;
	/** Tries it on the server `command` and says how it went. */
	readonly outcome: (command: readonly string[]) => Promise<string>;
}

/** Whether a server starts with these arguments. */
function starting(name: string, args: (stage: Stage) => readonly string[]): Behaviour {
	return onStage(name, {}, (stage) => startOutcome(stage.start(...args(stage))));
}

/** What happens to a server that serves. */
function serving(
	name: string,
	act: (stage: Stage, server: Program) => Promise<string>,
	cable: CableOptions = {},
): Behaviour {
	return onStage(name, cable, async (stage) => act(stage, await stage.serve()));
}

function onStage(name: string, cable: CableOptions, act: (stage: Stage) => Promise<string>): Behaviour {
	return {
		name,
		outcome: async (command) => {
			const stage = new Stage(command, cable);
			try {
				return await act(stage);
			} finally {
				await stage.close();
			}
		},
	};
}

/** Changes the file of a server and says what IDENTIFY DEVICE gives in the end. */
async function resized(stage: Stage, expected: number): Promise<string> {
	let sectors = 0;
	const seen = async () => {
		sectors = await stage.sectors();
		return sectors === expected;
	};
	const limitMs = stage.command[0] === VBLADE25 ? UNNOTICED_MS : LIMIT_MS;
	await until("size", seen, limitMs).catch(() => undefined);
	return `${sectors} sectors`;
}

const LINKS: readonly Behaviour[] = [
	serving("the link goes down and up", async (stage, server) => {
		stage.lan.server.ip("link", "set", "lan0", "down");
		stage.lan.server.ip("link", "set", "lan0", "up");
		return stage.recovery(server);
	}),
	serving(
		"a query after the MTU has shrunk",
		async (stage, server) => {
			for (const side of [stage.lan.client, stage.lan.server]) side.ip("link", "set", "lan0", "mtu", "1500");
			return stage.recovery(server);
		},
		{ mtu: 9000 },
	),
	serving(
		"sectors per frame after the MTU has shrunk from 9000 to 1500",
		async (stage) => {
			for (const side of [stage.lan.client, stage.lan.server]) side.ip("link", "set", "lan0", "mtu", "1500");
			let sectors = 0;
			const seen = async () => {
				const [reply] = await stage.askInVain();
				sectors = reply ? (fieldsOf(reply).sectorsPerFrame ?? 0) : sectors;
				return sectors === 2;
			};
			await until("sectors per frame", seen, LIMIT_MS).catch(() => undefined);
			return `${sectors}`;
		},
		{ mtu: 9000 },
	),
	serving("the interface is deleted and made again", async (stage, server) => {
		await stage.closePort();
		stage.lan.cut("lan0");
		stage.lan.cable("lan0", { serverMac: SERVER_MAC, clientMac: CLIENT_MAC });
		return stage.recovery(server);
	}),
	serving(
		"sectors per frame at MTU 9000",
		async (stage) => {
			const [reply = Buffer.alloc(60)] = await stage.ask();
			return `${fieldsOf(reply).sectorsPerFrame}`;
		},
		{ mtu: 9000 },
	),
];

const FILES: readonly Behaviour[] = [
	serving("the file grows", async (stage) => {
		appendFileSync(stage.file, Buffer.alloc(FILE_SECTORS * 512));
		return resized(stage, 2 * FILE_SECTORS);
	}),
	serving("a second server on the same file", (stage) =>
		startOutcome(stage.start("9", "1", "lan0", stage.file)),
	),
	serving("a second server, read-only, on the same file", (stage) =>
		startOutcome(stage.start("-r", "9", "1", "lan0", stage.file)),
	),
	starting("a file of no whole sector", (stage) => {
		truncateSync(stage.file, 100);
		return ["9", "0", "lan0", stage.file];
	}),
	starting("a file that is missing", (stage) => ["9", "0", "lan0", `${stage.file}.missing`]),
];

const ADDRESSES: readonly Behaviour[] = [
	serving("a shelf and slot that another host answers for", async (stage) => {
		const other = stage.addFile("other.img");
		return startOutcome(stage.startOpposite("9", "0", "lan0", other));
	}),
	starting("two disks in one command", (stage) => [
		...["9", "0", "lan0", stage.file],
		...["9", "1", "lan0", stage.addFile("other.img")],
	]),
];

const COMMAND_LINE: readonly Behaviour[] = [
	starting("shelf 70000", (stage) => ["70000", "0", "lan0", stage.file]),
	starting("shelf abc", (stage) => ["abc", "0", "lan0", stage.file]),
	starting("slot 300", (stage) => ["9", "300", "lan0", stage.file]),
	starting("-b 65536", (stage) => ["-b", "65536", "9", "0", "lan0", stage.file]),
	starting("-b 1", (stage) => ["-b", "1", "9", "0", "lan0", stage.file]),
	starting("-m with something that is no MAC address", (stage) => [
		"-m",
		"xyz",
		"9",
		"0",
		"lan0",
		stage.file,
	]),
	starting("-o at the end of the file", (stage) => [
		"-o",
		String(FILE_SECTORS),
		"9",
		"0",
		"lan0",
		stage.file,
	]),
	starting("-l past the end of the file", (stage) => ["-l", "2000", "9", "0", "lan0", stage.file]),
	starting("an interface that is missing", (stage) => ["9", "0", "lan9", stage.file]),
	starting("no arguments", () => []),
	serving("SIGTERM", async (_stage, server) => {
		await server.stop("SIGTERM");
		return told(server);
	}),
];

export const BEHAVIOURS: readonly Behaviour[] = [...LINKS, ...FILES, ...ADDRESSES, ...COMMAND_LINE];
