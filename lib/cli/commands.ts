/**
 * What carries out the commands of `options.ts`: each is loaded when it is asked for, as a server needs neither the other
 * commands nor what they are made of. Called by `vblade.ts`.
 */

import { OperatorError } from "../errors.js";
import { say } from "../output.js";
import { quote } from "../text.js";
import type { Form } from "./forms.js";
import { COMMANDS, type FORMS, GROUPS } from "./options.js";

type Run = (argv: readonly string[]) => Promise<number>;
type Name = (typeof FORMS)[number]["name"];

/** A word that is so many letters off is meant to be that one. */
const TYPO_MAX = 2;

const RUN: Readonly<Record<Name, Run>> = {
	"": async (argv) => (await import("./serve.js")).serveCommand(argv),
	daemon: async (argv) => (await import("./daemon.js")).daemonCommand(argv),
	nbd: async (argv) => (await import("./nbd.js")).nbdCommand(argv),
	iscsi: async (argv) => (await import("./iscsi.js")).iscsiCommand(argv),
	objects: async (argv) => (await import("./objects.js")).objectsCommand(argv),
	discover: async (argv) => (await import("./discover.js")).discoverCommand(argv),
	check: async (argv) => (await import("./check.js")).checkCommand(argv),
	doctor: async (argv) => (await import("./doctor.js")).doctorCommand(argv),
	capture: async (argv) => (await import("./capture.js")).captureCommand(argv),
	bench: async (argv) => (await import("./bench.js")).benchCommand(argv),
	reload: async (argv) => (await import("./asking/commands.js")).reloadCommand(argv),
	diff: async (argv) => (await import("./asking/commands.js")).diffCommand(argv),
	dump: async (argv) => (await import("./asking/commands.js")).dumpCommand(argv),
	status: async (argv) => (await import("./asking/commands.js")).statusCommand(argv),
	top: async (argv) => (await import("./asking/commands.js")).topCommand(argv),
	iostat: async (argv) => (await import("./asking/commands.js")).iostatCommand(argv),
	events: async (argv) => (await import("./asking/commands.js")).eventsCommand(argv),
	"pool create": async (argv) => (await import("./pools/pool.js")).poolCreateCommand(argv),
	"pool ls": async (argv) => (await import("./pools/pool.js")).poolLsCommand(argv),
	"pool show": async (argv) => (await import("./pools/pool.js")).poolShowCommand(argv),
	"pool check": async (argv) => (await import("./pools/examine.js")).poolCheckCommand(argv),
	"pool scrub": async (argv) => (await import("./pools/examine.js")).poolScrubCommand(argv),
	"pool add": async (argv) => (await import("./pools/pool-disks.js")).poolAddCommand(argv),
	"pool promote": async (argv) => (await import("./pools/pool-disks.js")).poolPromoteCommand(argv),
	"pool demote": async (argv) => (await import("./pools/pool-disks.js")).poolDemoteCommand(argv),
	"pool handover": async (argv) => (await import("./pools/pool-disks.js")).poolHandoverCommand(argv),
	"pool takeover": async (argv) => (await import("./pools/pool-disks.js")).poolTakeoverCommand(argv),
	"pool remove": async (argv) => (await import("./pools/pool-disks.js")).poolRemoveCommand(argv),
	"pool set": async (argv) => (await import("./pools/pool.js")).poolSetCommand(argv),
	"volume create": async (argv) => (await import("./pools/volume.js")).volumeCreateCommand(argv),
	"volume ls": async (argv) => (await import("./pools/volume.js")).volumeLsCommand(argv),
	"volume show": async (argv) => (await import("./pools/volume.js")).volumeShowCommand(argv),
	"volume du": async (argv) => (await import("./pools/space.js")).volumeDuCommand(argv),
	"volume history": async (argv) => (await import("./pools/space.js")).volumeHistoryCommand(argv),
	"volume import": async (argv) => (await import("./pools/image.js")).volumeImportCommand(argv),
	"volume export": async (argv) => (await import("./pools/image.js")).volumeExportCommand(argv),
	"volume send": async (argv) => (await import("./pools/stream.js")).volumeSendCommand(argv),
	"volume receive": async (argv) => (await import("./pools/stream.js")).volumeReceiveCommand(argv),
	"volume rm": async (argv) => (await import("./pools/remove.js")).volumeRmCommand(argv),
	"volume set": async (argv) => (await import("./pools/volume-changes.js")).volumeSetCommand(argv),
	"volume rename": async (argv) => (await import("./pools/volume-changes.js")).volumeRenameCommand(argv),
	"volume resize": async (argv) => (await import("./pools/volume-changes.js")).volumeResizeCommand(argv),
	"volume snapshot": async (argv) => (await import("./pools/volume-changes.js")).volumeSnapshotCommand(argv),
	"volume clone": async (argv) => (await import("./pools/volume-changes.js")).volumeCloneCommand(argv),
	"volume flatten": async (argv) => (await import("./pools/flatten.js")).volumeFlattenCommand(argv),
	"volume rollback": async (argv) => (await import("./pools/volume-changes.js")).volumeRollbackCommand(argv),
	"volume hold": async (argv) => (await import("./pools/volume-changes.js")).volumeHoldCommand(argv),
	"volume release": async (argv) => (await import("./pools/volume-changes.js")).volumeReleaseCommand(argv),
	"volume diff": async (argv) => (await import("./pools/difference.js")).volumeDiffCommand(argv),
	"machine ls": async (argv) => (await import("./asking/commands.js")).machineLsCommand(argv),
	"machine reset": async (argv) => (await import("./asking/commands.js")).machineResetCommand(argv),
	"machine keep": async (argv) => (await import("./asking/commands.js")).machineKeepCommand(argv),
	"machine golden": async (argv) => (await import("./asking/commands.js")).machineGoldenCommand(argv),
	"machine rm": async (argv) => (await import("./asking/commands.js")).machineRmCommand(argv),
	"disk ls": async (argv) => (await import("./asking/commands.js")).diskLsCommand(argv),
	"disk show": async (argv) => (await import("./asking/commands.js")).diskShowCommand(argv),
	"disk add": async (argv) => (await import("./asking/commands.js")).diskAddCommand(argv),
	"disk set": async (argv) => (await import("./asking/commands.js")).diskSetCommand(argv),
	"disk rm": async (argv) => (await import("./asking/commands.js")).diskRmCommand(argv),
	"disk fence": async (argv) => (await import("./asking/commands.js")).diskFenceCommand(argv),
	"disk verify": async (argv) => (await import("./asking/commands.js")).diskVerifyCommand(argv),
	"disk resync": async (argv) => (await import("./asking/commands.js")).diskResyncCommand(argv),
	"disk unfence": async (argv) => (await import("./asking/commands.js")).diskUnfenceCommand(argv),
};

/** What the program starts itself as, for a part of its work. Not for people: neither help nor the manual has them. */
const HIDDEN: ReadonlyMap<string | undefined, Run> = new Map([
	["gre", async (argv: readonly string[]) => (await import("./gre.js")).greCommand(argv)],
]);

/** Does what the words after `vblade` ask for. Resolves to the exit status; throws an OperatorError for a mistake. */
export async function runCommand(argv: readonly string[]): Promise<number> {
	if (process.env.VBLADE_CHILD !== undefined) {
		const { childCommand, childKind } = await import("./children.js");
		const kind = childKind(argv);
		if (kind !== undefined) return childCommand(kind);
	}
	const [first = ""] = argv;
	const hidden = HIDDEN.get(first);
	if (hidden !== undefined) return hidden(argv.slice(1));
	const group = GROUPS.find(({ name }) => name === first);
	if (group !== undefined) return runOfGroup(group, argv.slice(1));
	const form = COMMANDS.find(({ name }) => name === first);
	if (form !== undefined) return RUN[form.name](argv.slice(1));
	// Shelf, slot and options begin otherwise.
	if (/^[a-z]/.test(first)) await refuseTypo(first);
	return RUN[""](argv);
}

/** Options may stand before the command's second word, too. */
async function runOfGroup(group: (typeof GROUPS)[number], words: readonly string[]): Promise<number> {
	const forms = COMMANDS.filter(({ name }) => name.startsWith(`${group.name} `));
	const at = firstArgument(forms, words);
	const word = words[at];
	if (word === undefined && words.includes("--help")) {
		say(await (await import("./usage.js")).groupText(group));
		return 0;
	}
	if (word === undefined)
		throw new OperatorError(`missing argument: command; see vblade ${group.name} --help`);
	const called = `${group.name} ${word}`;
	const form = forms.find(({ name }) => name === called);
	if (form !== undefined) return RUN[form.name](words.toSpliced(at, 1));
	const { closest } = await import("fastest-levenshtein");
	const nearest = closest(
		called,
		forms.map(({ name }) => name),
	);
	throw new OperatorError(`${quote(called)}: no such command; did you mean "${nearest}"?`);
}

/** Where the first word is that is neither an option of one of these nor the value of one. */
function firstArgument(forms: readonly Form[], words: readonly string[]): number {
	const valued = forms.flatMap(({ options }) => options).filter(({ value, alone }) => value && !alone);
	const takesNext = new Set(
		valued.flatMap(({ name, short }) => [`--${name}`, ...(short ? [`-${short}`] : [])]),
	);
	let at = 0;
	while (words[at]?.startsWith("-")) at += takesNext.has(words[at] ?? "") ? 2 : 1;
	return at;
}

async function refuseTypo(word: string): Promise<void> {
	const { closest, distance } = await import("fastest-levenshtein");
	const known = [...COMMANDS, ...GROUPS].map(({ name }) => name);
	// `vblade unfence web` is `vblade disk unfence web`.
	const within = COMMANDS.flatMap(({ name }) => (name.endsWith(` ${word}`) ? [quote(name)] : []));
	if (within.length > 0)
		throw new OperatorError(`${quote(word)}: no such command; did you mean ${within.join(" or ")}?`);
	const nearest = closest(word, known);
	if (distance(word, nearest) <= TYPO_MAX)
		throw new OperatorError(`${quote(word)}: no such command; did you mean "${nearest}"?`);
}
