/**
 * The report as one archive, to be sent to somebody who helps: findings, versions, what the kernel says, what the daemon says, and
 * the configuration, all without secrets. `lib/cli/doctor.ts` writes it.
 */

import { version as kernelVersion, release } from "node:os";
import type { Context } from "./check.js";
import { redact } from "./redact.js";
import { type Report, resultText, summary } from "./report.js";
import { tarGz } from "./tar.js";

/** Where everything lies in the archive. */
const FOLDER = "vblade-doctor";
/** None of these has anything but figures and names of devices, of sockets and of mounts. */
const FACTS = [
	"/proc/version",
	"/proc/uptime",
	"/proc/loadavg",
	"/proc/meminfo",
	"/proc/interrupts",
	"/proc/softirqs",
	"/proc/net/dev",
	"/proc/net/packet",
	"/proc/net/softnet_stat",
	"/proc/self/limits",
	"/proc/self/status",
	"/proc/self/cgroup",
	"/proc/self/mountinfo",
	"/proc/pressure/cpu",
	"/proc/pressure/io",
	"/proc/pressure/memory",
] as const;
/** Of one file: nobody wants to read more. */
const FACT_CHARACTERS_MAX = 256 * 1024;

/** `configuration`: files without their secrets, by their names. */
export function bundle(report: Report, context: Context, configuration: ReadonlyMap<string, string>): Buffer {
	const files = new Map<string, string>();
	const add = (name: string, text: string): void => void files.set(`${FOLDER}/${name}`, text);
	const { findings } = report;
	add("report.txt", `${findings.map(resultText).join("")}${summary(findings)}\n`);
	add("report.json", json(report));
	add(
		"versions.json",
		json({ vblade: report.version, ...process.versions, linux: `${release()} ${kernelVersion()}` }),
	);
	add("interfaces.json", json(context.interfaces));
	add("servers.json", json(context.servers));
	for (const file of FACTS) {
		const text = context.machine.read(file);
		if (text !== undefined)
			add(`machine/${file.slice(1).replaceAll("/", "-")}`, `${text.slice(0, FACT_CHARACTERS_MAX)}\n`);
	}
	for (const [name, answer] of Object.entries(context.daemon?.answers ?? {}))
		add(`daemon/${name}.json`, json(answer));
	for (const [name, text] of configuration) add(`configuration/${name}`, text);
	return tarGz(files, Date.parse(report.time) / 1000);
}

function json(value: unknown): string {
	return `${JSON.stringify(redact(value), null, "\t")}\n`;
}
