/**
 * `vblade objects`: a directory as an object store for pools of other hosts, from the start-up line to the last signal. Called by
 * `commands.ts`; what is in files is read here, before root is given up, and what serves is `lib/object-server/`.
 */

import path from "node:path";
import { codeOf, OperatorError } from "../errors.js";
import { createLog, type Log } from "../log.js";
import { Notifier } from "../notify.js";
import { ObjectServer, type ServerTls } from "../object-server/server.js";
import { Shelf } from "../object-server/shelf.js";
import type { Keys } from "../object-server/signature.js";
import { secretIn } from "../opener/store-keys.js";
import { say } from "../output.js";
import { becomePlainUser, daemonUser, idsOf } from "../privileges.js";
import type { CommandLine } from "../spec/getopt.js";
import { addressIn, isLoopback, readUser } from "../spec/values.js";
import { quote } from "../text.js";
import { readMaterial } from "../tls/material.js";
import { type Output, processOutput, understand } from "./client.js";
import { OBJECTS, type OptionName } from "./options.js";
import { stopSignal } from "./signals.js";

type Line = CommandLine<OptionName<typeof OBJECTS>>;

interface Place {
	readonly name: string;
	readonly address: string;
	readonly port: number;
}

/** How often who waits for signs of life gets one, at least twice in his time. */
const ALIVE_SHARE = 3;

/** Resolves to the exit status; throws an OperatorError for a mistake. */
export async function objectsCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	const line = await understand(OBJECTS, argv, output);
	if (line === undefined) return 0;
	const log = createLog(line.has("verbose"));
	const notifier = new Notifier();
	// (Until there is something to be read anew.)
	let reload = (): void => {};
	process.on("SIGHUP", () => reload());
	const stopping = stopSignal(["SIGINT", "SIGTERM"]);
	const server = await opened(line, log);
	reload = () => void renew(line, server.server, notifier, log);
	const where = server.places.join(", ");
	say(`vblade: ready: ${where}\n`);
	notifier.status(`serving objects at ${where}`);
	notifier.ready();
	const { watchdogMs } = notifier;
	const alive =
		watchdogMs === undefined ? undefined : setInterval(() => notifier.alive(), watchdogMs / ALIVE_SHARE);
	const signal = await stopping;
	log.verbose(`${signal}: stopping`);
	notifier.stopping();
	await server.server.close();
	server.shelf.close();
	clearInterval(alive);
	return 0;
}

async function opened(
	line: Line,
	log: Log,
): Promise<{ server: ObjectServer; shelf: Shelf; places: readonly string[] }> {
	const places = placesOf(line);
	const keys = await keysOf(line, log);
	const tls = await tlsOf(line, log);
	const folder = path.resolve(line.positionals[0] ?? "");
	const isRoot = process.geteuid?.() === 0;
	const named = line.last("user");
	const user = isRoot || named !== undefined ? daemonUser(named && readUser(named)) : undefined;
	process.umask(0o077);
	await Shelf.prepare(folder, user === undefined ? undefined : idsOf(user));
	if (tls === undefined)
		for (const { name, address } of places)
			if (!isLoopback(address))
				log.warn(`${name}: without a certificate whoever is on the way can read all of it`);
	const server = new ObjectServer({ keys, log, tls });
	const addresses: string[] = [];
	for (const place of places) addresses.push(await listening(server, place));
	// Ports may want root; files are opened as who will have them.
	if (user !== undefined) becomePlainUser(user);
	const shelf = await Shelf.open(folder);
	server.serve(shelf);
	return { server, shelf, places: addresses };
}

async function listening(server: ObjectServer, { name, address, port }: Place): Promise<string> {
	try {
		await server.listen({ address, port });
		return name;
	} catch (error) {
		const code = codeOf(error);
		if (code === undefined) throw error;
		throw new OperatorError(`--listen ${quote(name)}: can't be had (${code})`);
	}
}

function placesOf(line: Line): Place[] {
	const names = line.all("listen");
	if (names.length === 0) throw new OperatorError("--listen is missing: an address and a port");
	return names.map((name) => {
		const found = addressIn(name);
		if (found !== undefined) return { name, ...found };
		throw new OperatorError(
			`--listen ${quote(name)}: a number and a port are allowed, such as 192.0.2.1:9472 or [2001:db8::1]:9472`,
		);
	});
}

async function keysOf(line: Line, log: Log): Promise<Keys> {
	const accessKey = line.last("access-key");
	const file = line.last("secret-file");
	if (accessKey === undefined || file === undefined)
		throw new OperatorError(`--${accessKey === undefined ? "access-key" : "secret-file"} is missing`);
	if (!/^[\w.@:+-]{1,128}$/.test(accessKey))
		throw new OperatorError(
			`--access-key ${quote(accessKey)}: 1 to 128 letters, digits and ._@:+- are allowed`,
		);
	const { secret, warnings } = await secretIn(file);
	for (const warning of warnings) log.warn(warning);
	return { accessKey, secret };
}

/** Undefined: there is to be none. */
async function tlsOf(line: Line, log: Log): Promise<ServerTls | undefined> {
	const [certificate, keyFile] = [line.last("certificate"), line.last("key-file")];
	if (certificate === undefined && keyFile === undefined) return undefined;
	if (certificate === undefined || keyFile === undefined)
		throw new OperatorError(`--${certificate === undefined ? "certificate" : "key-file"} is missing`);
	const { material, warnings } = await readMaterial({ certificate, keyFile }, false);
	for (const warning of warnings) log.warn(warning);
	const { certificate: shown = "", key = "" } = material;
	return { certificate: shown, key };
}

/** Reads the certificate again. One that is not good changes nothing. */
async function renew(line: Line, server: ObjectServer, notifier: Notifier, log: Log): Promise<void> {
	notifier.reloading();
	try {
		const tls = await tlsOf(line, log);
		if (tls !== undefined) server.useTls(tls);
		log.info(
			tls === undefined ? "there is no certificate to be read again" : "the certificate was read again",
		);
	} catch (error) {
		if (!(error instanceof OperatorError)) throw error;
		log.error(`the certificate stays what it was: ${error.message}`);
	}
	notifier.ready();
}
