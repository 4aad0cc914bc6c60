// Files that have been opened for workers, and others that are put in their places since: told when it is so, and when it is no more.
import { closeSync, linkSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { native } from "../../lib/native.js";
import type { Replacement } from "../../lib/opener/messages.js";
import { OpenedFiles } from "../../lib/opener/opened.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";

const SECTOR = "x".repeat(512);

// Threads that look keep no process from ending.
const stay = setInterval(() => {}, 1000);
t.teardown(() => clearInterval(stay));

t.test("another file by the name of one that is served, and the old one back in its place", async (t) => {
	const folder = t.testdir({ web: SECTOR, mail: SECTOR });
	const at = (name: string): string => path.join(folder, name);
	const told: Replacement[][] = [];
	const other = (name: string): Replacement => ({ path: at(name), isGone: false });
	const clock = new VirtualClock();
	const files = new OpenedFiles((replaced) => void told.push([...replaced]), clock);
	const open = async (name: string, beginBytes = 0): Promise<void> => {
		const { descriptor, identity } = await native.fileOpenFor("", at(name), 0, 0, 0);
		closeSync(descriptor);
		const request = { path: at(name), beginBytes, lengthBytes: 0, readOnly: false, flags: 0 };
		files.opened({ kind: "open", ...request }, identity);
	};
	/** Looks are taken until something is told. */
	const telling = async (count: number): Promise<void> => {
		const looks = (): boolean => {
			clock.pass(5000);
			return told.length >= count;
		};
		await until("it is told", looks, LIMIT_MS);
	};
	await open("web");
	await open("mail");
	linkSync(at("web"), at("kept"));
	writeFileSync(at("new"), SECTOR);
	renameSync(at("new"), at("web"));
	await telling(1);
	t.strictSame(told, [[other("web")]]);
	t.strictSame(files.replaced, [other("web")]);
	renameSync(at("kept"), at("web"));
	await telling(2);
	t.strictSame(told[1], [], "the old one is there again");
	writeFileSync(at("new"), SECTOR);
	renameSync(at("new"), at("web"));
	await telling(3);
	await open("web");
	t.strictSame(told.slice(2), [[other("web")], []], "it was closed and opened");
	writeFileSync(at("new"), SECTOR);
	renameSync(at("new"), at("web"));
	await telling(5);
	t.ok(files.isOpened(at("web")));
	files.retain((name) => name === at("mail"));
	t.notOk(files.isOpened(at("web")));
	t.strictSame(files.replaced, [], "nobody wants it any more");
	rmSync(at("mail"));
	await telling(6);
	t.strictSame(files.replaced, [{ path: at("mail"), isGone: true }], "nothing is there");
	writeFileSync(at("mail"), SECTOR);
	await telling(7);
	// The kernel may have given it the number of the one before, which is closed here.
	t.notOk(
		files.replaced.some(({ isGone }) => isGone),
		"something is there again",
	);
	files.close();
});
