/**
 * Fields of a form by the schema of their value: a choice, a number, a text, a list with an entry in each line, or a group of fields.
 * What is left empty is not set. Used by `form.js`.
 */

import { el } from "./dom.js";

/**
 * As far as it is used, JSON Schema.
 * @typedef {object} Schema
 * @property {string} [type]
 * @property {Schema[]} [anyOf]
 * @property {Record<string, Schema>} [properties]
 * @property {string} [description]
 */

/**
 * @typedef {object} Field
 * @property {string} key
 * @property {HTMLElement} element
 * @property {() => unknown} value undefined: not set
 * @property {(path: string, message: string) => boolean} complain says what is wrong at a path (`limit/iops`; "" takes all back); false: that is not here
 */

/** What the schema does not say. @type {Readonly<Record<string, { label?: string, hint?: string, choices?: readonly string[], isAll?: string }>>} `isAll`: the group says something with nothing in it, and what */
const WORDS = {
	file: { label: "File or block device", hint: "an absolute path, such as /srv/vblade/web.img" },
	memory: {
		label: "Memory instead of a file",
		hint: "a size, such as 64M; what is in it is lost at the end",
	},
	volume: { label: "Volume of a pool instead", hint: "pool and volume, such as fast/web" },
	remote: {
		label: "Disk of another server instead",
		hint: "its address, such as nbd://host/web or nbd+unix:///web?socket=/run/nbd.sock",
	},
	linear: {
		label: "Other disks one behind the other instead",
		hint: "their names, one in each line; none of them may be served itself",
	},
	mirror: {
		label: "Other disks that each have everything instead",
		hint: "their names, one in each line; none of them may be served itself",
	},
	from: { label: "The disk of a mirror that counts", hint: "where nobody else can say" },
	degraded: { label: "A mirror goes on without disks that were in sync" },
	disk_timeout: { label: "For how long a disk of a mirror may be silent", hint: "such as 30s" },
	resync_rate: { label: "Bytes per second that a mirror copies", hint: "at most, such as 100M" },
	resend: { label: "Intervals", hint: "that an outage of that server may take: 20" },
	interval: { label: "Interval", hint: "after which it is asked again, such as 5s" },
	read_only: { label: "Read-only" },
	scratch: {
		label: "Writes are forgotten",
		hint: "of a snapshot or moment of a volume, such as fast/web@monday",
	},
	durability: {
		label: "Durability",
		hint: "when a write is acknowledged: on stable storage (ack), in memory with flushes (flush), in memory (none)",
		choices: ["ack", "flush", "none"],
	},
	direct: { label: "Past the page cache" },
	offset: { label: "Offset", hint: "first sector of 512 bytes of the file" },
	length: { label: "Length", hint: "sectors of 512 bytes" },
	limit: { label: "Limit" },
	iops: { label: "Operations per second" },
	bandwidth: { label: "Bytes per second", hint: "such as 100M" },
	read_iops: { label: "Reads per second" },
	write_iops: { label: "Writes per second" },
	read_bandwidth: { label: "Bytes read per second" },
	write_bandwidth: { label: "Bytes written per second" },
	aoe: { label: "Served by ATA over Ethernet" },
	nbd: { label: "Served by NBD", isAll: "As the disk is called, for everyone, unless this says otherwise:" },
	iscsi: {
		label: "Served by iSCSI",
		isAll: "As LUN 0 of a target of its own, for everyone, unless this says otherwise:",
	},
	target: {
		label: "Target",
		hint: "such as iqn.2026-11.org.example:web; none: one that is called after the disk",
	},
	lun: { label: "LUN", hint: "its number in the target" },
	removable: { label: "Initiators may eject it" },
	initiators: { label: "Initiators", hint: "their names, one in each line; none: everyone" },
	chap: { label: "What initiators have to prove (CHAP)" },
	user: { label: "Name" },
	secret_file: { label: "File with the secret", hint: "one that root's configuration names" },
	mutual_user: { label: "Our name", hint: "for initiators that want a proof of us" },
	mutual_secret_file: { label: "File with our secret" },
	name: { label: "Name", hint: "what clients ask for; none: the disk's" },
	description: { label: "Description", hint: "for people" },
	clients: {
		label: "Clients",
		hint: "addresses, ranges or users, such as 192.0.2.0/24 or uid:1000, one in each line; none: everyone",
	},
	readers: { label: "Readers", hint: "who may only read, one in each line" },
	address: { label: "Address", hint: "shelf and slot, such as 9.0" },
	netif: { label: "Links", hint: "one in each line, such as eth0" },
	macs: { label: "Initiators", hint: "MAC addresses, one in each line; none: everyone" },
	config_string: { label: "Config string" },
	buffer_count: { label: "Buffer count", hint: "frames that an initiator is told it may have outstanding" },
	force: { label: "Although another host serves the address" },
	poll_us: {
		label: "Longest wait without sleeping",
		hint: "microseconds, for the whole link; counts from the next start",
	},
	no_xdp: {
		label: "Through the queue of the interface",
		hint: "every frame, for the whole link; counts from the next start",
	},
};
let ids = 0;

/** @param {readonly string[]} path @param {Schema} schema @param {unknown} value @returns {Field} */
export function fieldOf(path, schema, value) {
	const key = path.at(-1) ?? "";
	if (schema.type === "object") return group(path, schema, value);
	const { label = key, hint = schema.description, choices } = WORDS[key] ?? {};
	const id = `field-${ids++}`;
	const wrong = el("p", { class: "error", id: `${id}-wrong`, role: "alert" });
	const input = inputOf(id, schema, choices, value);
	input.setAttribute("aria-describedby", `${id}-hint ${id}-wrong`);
	const element = el(
		"div",
		{ class: "field" },
		el("label", { for: id }, label, " ", label === key ? null : el("code", {}, key)),
		input,
		hint && el("p", { class: "muted", id: `${id}-hint` }, hint),
		wrong,
	);
	return {
		key,
		element,
		value: () => read(schema, choices, input.value.trim()),
		complain(where, message) {
			// An entry of a list is pointed at by its number.
			const [first, ...rest] = where.split("/");
			const isOurs = first === key && rest.every((part) => /^\d+$/.test(part));
			if (where !== "" && !isOurs) return false;
			wrong.textContent = message;
			input.setAttribute("aria-invalid", String(message !== ""));
			return isOurs;
		},
	};
}

/** @param {readonly string[]} path @param {Schema} schema @param {unknown} value @returns {Field} */
function group(path, { properties = {} }, value) {
	const key = path.at(-1) ?? "";
	const given = /** @type {Record<string, unknown>} */ (value ?? {});
	const all = WORDS[key]?.isAll;
	const box = el("input", { type: "checkbox", checked: value === undefined ? null : "" });
	const fields = Object.entries(properties).map(([name, schema]) =>
		fieldOf([...path, name], schema, given[name]),
	);
	return {
		key,
		element: el(
			"fieldset",
			{},
			el("legend", {}, WORDS[key]?.label ?? key),
			all && el("label", { class: "whole" }, box, " ", all),
			...fields.map(({ element }) => element),
		),
		value() {
			const entered = fields.map((field) => /** @type {const} */ ([field.key, field.value()]));
			const set = entered.filter(([, each]) => each !== undefined);
			const isNothing = set.length === 0 && !(all && box.checked);
			return isNothing ? undefined : Object.fromEntries(set);
		},
		complain(where, message) {
			const [first, ...rest] = where.split("/");
			if (where !== "" && first !== key) return false;
			return fields.map((field) => field.complain(rest.join("/"), message)).includes(true);
		},
	};
}

/** @param {string} id @param {Schema} schema @param {readonly string[] | undefined} choices @param {unknown} value */
function inputOf(id, { type }, choices, value) {
	const text = Array.isArray(value) ? value.join("\n") : value === undefined ? "" : String(value);
	if (type === "boolean" || choices) {
		const options = choices ?? ["true", "false"];
		const words = { true: "yes", false: "no" };
		const select = el(
			"select",
			{ id },
			el("option", { value: "" }, "(default)"),
			...options.map((each) =>
				el("option", { value: each }, Object.entries(words).find(([name]) => name === each)?.[1] ?? each),
			),
		);
		select.value = text;
		return select;
	}
	const plain = { id, autocomplete: "off", spellcheck: "false" };
	if (type === "array") {
		const area = el("textarea", { ...plain, rows: "2" });
		area.value = text;
		return area;
	}
	const input = el("input", { ...plain, type: "text", inputmode: type === "number" ? "numeric" : null });
	input.value = text;
	return input;
}

/** @param {Schema} schema @param {readonly string[] | undefined} choices @param {string} text */
function read({ type }, choices, text) {
	if (text === "") return undefined;
	if (choices) return text;
	if (type === "boolean") return text === "true";
	if (type === "array") return text.split(/[\s,]+/).filter((entry) => entry !== "");
	// What is no number is sent as it is: the server says what is allowed.
	if (type === "number" || type === "integer") return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
	return text;
}
