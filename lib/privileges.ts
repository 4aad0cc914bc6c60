/**
 * Going on as an ordinary user: what is open stays open, and nothing else can be had any more. Called by `lib/daemon/`
 * when every link and file is open, if the operator has named a user; the work is done in `native/common/privileges.c`.
 */

import { userInfo } from "node:os";
import { getSystemErrorName } from "node:util";
import { OperatorError } from "./errors.js";
import { Errno, isNativeError, native } from "./native.js";
import { quote } from "./text.js";

declare global {
	namespace NodeJS {
		interface Process {
			/** Node has it, its types have not. */
			initgroups?(user: string, extraGroup: number): void;
		}
	}
}

/** Throws an OperatorError unless this process can become the user `name`. */
export function checkUser(name: string): void {
	if (process.geteuid?.() !== 0)
		throw new OperatorError(`user ${quote(name)}: only root can become another user; start vblade as root`);
	if (userId(name) === 0) throw new OperatorError(`user ${quote(name)}: is root; name an ordinary user`);
}

/**
 * Whether a process has a capability, by its number (capabilities(7)): as /proc/PID/status says, of which `status` is the text. Undefined if
 * that does not tell.
 */
export function isCapable(status: string, capability: number): boolean | undefined {
	const [, bits] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? [];
	return bits === undefined ? undefined : ((BigInt(`0x${bits}`) >> BigInt(capability)) & 1n) === 1n;
}

/** As whom the processes of a daemon serve where nobody is named, and where there is no such user. */
const OWN_USER = "vblade";
const ANYBODY = "nobody";

/** As whom the processes of a daemon serve: the user that is `named`, if one is. Throws an OperatorError as `checkUser` does. */
export function daemonUser(named: string | undefined): string {
	const name = named ?? (findUser(OWN_USER) === undefined ? ANYBODY : OWN_USER);
	checkUser(name);
	return name;
}

/** The group whose members may ask a daemon: undefined if there is none of this name, and then root alone may. */
export function findGroup(name: string = OWN_USER): number | undefined {
	return ifThere(() => native.findGroup(name));
}

/**
 * Becomes the user `name`, in every thread: the user's groups, no capability but CAP_NET_RAW where `keepRaw` asks for it
 * (a packet socket has to be opened anew when its interface changes), none to be gained, and from here on neither files
 * nor programs can be opened. One of several processes names its `parent`: it ends with that one, and can't disturb the others,
 * which are of the same user. Throws an OperatorError if that can't be had; the process must then end.
 */
export function becomeUser(name: string, keepRaw: boolean, parent = 0): void {
	// What Node would open when it is needed for the first time.
	void [process.stdout, process.stderr];
	try {
		native.becomeUser(name, keepRaw, parent);
	} catch (error) {
		if (!isNativeError(error)) throw error;
		const why = `${getSystemErrorName(-error.errno)} at ${error.step}`;
		throw new OperatorError(`user ${quote(name)}: this system does not let root go (${why})`);
	}
}

/** The numbers of a user that `checkUser` takes. */
export function idsOf(name: string): { readonly uid: number; readonly gid: number } {
	const uid = userId(name);
	// The system tells it of who asks.
	process.seteuid?.(uid);
	try {
		return { uid, gid: userInfo().gid };
	} finally {
		process.seteuid?.(0);
	}
}

/** Becomes the user `name`, in every thread, for good, and may open what that user may. For a program that serves files of his. */
export function becomePlainUser(name: string): void {
	// What Node would open when it is needed for the first time.
	void [process.stdout, process.stderr];
	const { uid, gid } = idsOf(name);
	process.initgroups?.(name, gid);
	process.setgid?.(gid);
	process.setuid?.(uid);
}

/** The number of a user; undefined if there is none of this name. */
export function findUser(name: string = OWN_USER): number | undefined {
	return ifThere(() => native.findUser(name));
}

function ifThere(find: () => number): number | undefined {
	try {
		return find();
	} catch (error) {
		if (isNativeError(error) && error.errno === Errno.ENOENT) return undefined;
		throw error;
	}
}

function userId(name: string): number {
	try {
		return native.findUser(name);
	} catch (error) {
		if (!isNativeError(error)) throw error;
		const why =
			error.errno === Errno.ENOENT ? "there is no such user" : `can't be looked up (${error.message})`;
		throw new OperatorError(`user ${quote(name)}: ${why}`);
	}
}
