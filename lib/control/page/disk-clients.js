/** Who is connected to a disk by NBD and iSCSI: a table of them, with what each has asked for. Used by `disk.js`. */

import { el } from "./dom.js";
import { ago, bytes, count } from "./format.js";
import { Table } from "./table.js";

/** @import { Disk } from "../model.js" */

/**
 * @typedef {object} Connected
 * @property {string} who
 * @property {string} where an address and port, which no other has at the same time
 * @property {string} how what it has proved, and what else it has agreed on
 * @property {string} since
 * @property {number} underWay
 * @property {number} reads
 * @property {number} readBytes
 * @property {number} writes
 * @property {number} writtenBytes
 * @property {number} errors
 */

/** @param {Disk} disk @returns {Connected[]} */
function connectedTo({ nbd, iscsi }) {
	const clients = (nbd?.clients ?? []).map((each) => ({
		...each,
		who: each.identity ?? "NBD",
		where: each.peer,
		how: [each.encryption, each.past && `reads ${each.past}`, each.readOnly && "reads only"],
	}));
	const sessions = (iscsi?.sessions ?? []).map((each) => ({
		...each,
		who: each.initiator,
		where: each.peer,
		how: [
			each.user && `CHAP ${each.user}`,
			each.headerDigest && "digests of headers",
			each.dataDigest && "digests of data",
		],
	}));
	return [...clients, ...sessions].map((each) => ({
		...each,
		how: each.how.filter((part) => typeof part === "string").join(", "),
	}));
}

/** @param {Disk} disk how many are connected whom the table does not have */
function others({ nbd, iscsi }) {
	const nbdOthers = nbd === null ? 0 : nbd.clientCount - nbd.clients.length;
	return nbdOthers + (iscsi === null ? 0 : iscsi.sessionCount - iscsi.sessions.length);
}

export function clientsPart() {
	/** @type {Table<Connected>} */
	const table = new Table({
		caption: "Clients of NBD and initiators of iSCSI that are connected",
		keyOf: ({ where, since }) => `${where} ${since}`,
		empty: "Nobody is connected.",
		cards: true,
		columns: [
			{ title: "Who", isHeader: true, text: ({ who }) => who },
			{ title: "Where", whole: true, text: ({ where }) => where },
			{ title: "How", text: ({ how }) => how },
			{ title: "Since", text: ({ since }) => ago(since) },
			{ title: "Waiting", numeric: true, text: ({ underWay }) => count(underWay) },
			{ title: "Reads", numeric: true, text: ({ reads }) => count(reads) },
			{ title: "Read", numeric: true, text: ({ readBytes }) => bytes(readBytes) },
			{ title: "Writes", numeric: true, text: ({ writes }) => count(writes) },
			{ title: "Written", numeric: true, text: ({ writtenBytes }) => bytes(writtenBytes) },
			{ title: "Errors", numeric: true, text: ({ errors }) => count(errors) },
		],
	});
	const more = el("p", { class: "muted" });
	const figures = "Figures of an initiator are of what it does on all disks of its target.";
	return {
		element: el("div", {}, el("p", { class: "muted" }, figures), table.element, more),
		/** @param {Disk} disk */
		show(disk) {
			table.update(connectedTo(disk));
			more.textContent = others(disk) > 0 ? `And ${count(others(disk))} others.` : "";
		},
	};
}
