/**
 * An initiator of iSCSI that does what tests tell it to, right or wrong: commands with their data in any form, task management, texts, PDUs
 * damaged on purpose. Over any socket, so that it can be tried against other targets, too. One connection a session.
 */

import type { Duplex } from "node:stream";
import { textOf } from "../../../lib/iscsi/keys.js";
import {
	Field,
	Flag,
	IMMEDIATE,
	isBefore,
	LoginStatus,
	NO_TAG,
	Opcode,
	putLun,
} from "../../../lib/iscsi/pdu.js";
import { Inbox, limited } from "./inbox.js";
import {
	type CommandLine,
	type CommandOptions,
	type CommandResult,
	CommandUnderWay,
	commandPdu,
} from "./initiator-command.js";
import { type LoginOutcome, type LoginWishes, logIn } from "./initiator-login.js";
import { opcode, type Pairs, type Pdu, pairsOf, pdu, viewOf } from "./pdus.js";
import { type Damage, Wire } from "./wire.js";

/** What a task management function is about. */
export interface ManagementOptions {
	readonly lun?: number;
	/** Of the task that is meant. */
	readonly itt?: number;
	readonly refCmdSN?: number;
	readonly isImmediate?: boolean;
}

export class Initiator implements CommandLine {
	readonly wire: Wire;
	cmdSN = 1;
	expStatSN = 0;
	/** The last that the target has told. */
	maxCmdSN = 0;
	expCmdSN = 0;
	/** What nobody has asked for: NOP-In of the target's own, asynchronous messages, rejects. */
	readonly events = new Inbox();
	/** What is not in order; null: nothing. */
	trouble: string | null = null;
	/** Pings of the target are answered. */
	answersPings = true;
	readonly #inboxes = new Map<number, Inbox>();
	#itt = 100;
	/** Resolves when the connection is over. */
	over: Promise<void> = Promise.resolve();
	isOver = false;

	constructor(socket: Duplex) {
		this.wire = new Wire(socket);
	}

	/** And from then on what comes is received, if the login has been successful. */
	async login(wishes: LoginWishes): Promise<LoginOutcome> {
		const outcome = await limited(logIn(this.wire, wishes, this.cmdSN), "a login");
		if (outcome.status !== LoginStatus.success) return outcome;
		const { head } = outcome.last;
		this.expStatSN = (head.readUInt32BE(Field.statSN) + 1) >>> 0;
		this.maxCmdSN = head.readUInt32BE(Field.maxCmdSN);
		this.expCmdSN = head.readUInt32BE(Field.expCmdSN);
		const { HeaderDigest, DataDigest } = outcome.keys;
		this.wire.headerDigest = HeaderDigest === "CRC32C";
		this.wire.dataDigest = DataDigest === "CRC32C";
		this.over = this.#receive();
		return outcome;
	}

	async #receive(): Promise<void> {
		for (;;) {
			const come = await this.wire.receive();
			if (come === null) break;
			this.#counted(come);
			this.#taken(come);
		}
		this.trouble ??= this.wire.trouble;
		this.isOver = true;
		this.events.end();
		for (const inbox of this.#inboxes.values()) inbox.end();
	}

	/** Numbers of what comes (RFC 7143, 4.2.2). */
	#counted({ head }: Pdu): void {
		const code = opcode({ head } as Pdu);
		const statSN = head.readUInt32BE(Field.statSN);
		const isData = code === Opcode.dataIn && (head.readUInt8(Field.flags) & Flag.status) === 0;
		const isPing = code === Opcode.nopIn && head.readUInt32BE(Field.itt) === NO_TAG;
		if (!isData) {
			if (statSN !== this.expStatSN) this.trouble ??= `StatSN is ${statSN} instead of ${this.expStatSN}`;
			if (!isPing && code !== Opcode.r2t) this.expStatSN = (statSN + 1) >>> 0;
		}
		const [expCmdSN, maxCmdSN] = [head.readUInt32BE(Field.expCmdSN), head.readUInt32BE(Field.maxCmdSN)];
		if (isBefore(expCmdSN, this.expCmdSN)) this.trouble ??= "ExpCmdSN has gone back";
		if (isBefore(maxCmdSN, this.maxCmdSN)) this.trouble ??= "MaxCmdSN has gone back";
		this.expCmdSN = expCmdSN;
		this.maxCmdSN = maxCmdSN;
	}

	#taken(come: Pdu): void {
		let itt = come.head.readUInt32BE(Field.itt);
		if (opcode(come) === Opcode.reject && come.data.length >= Field.itt + 4)
			itt = come.data.readUInt32BE(Field.itt);
		const ttt = come.head.readUInt32BE(Field.ttt);
		if (opcode(come) === Opcode.nopIn && ttt !== NO_TAG && this.answersPings) this.#pong(come, ttt);
		(this.#inboxes.get(itt) ?? this.events).put(come);
	}

	#pong({ head, data }: Pdu, ttt: number): void {
		const fill = (out: Buffer): void => {
			head.copy(out, Field.lun, Field.lun, Field.lun + 8);
			out.writeUInt32BE(NO_TAG, Field.itt);
			out.writeUInt32BE(ttt, Field.ttt);
			this.#number(out, true);
		};
		this.send(pdu(Opcode.nopOut | IMMEDIATE, Flag.final, data, fill));
	}

	/** Fills in CmdSN and ExpStatSN. */
	#number(head: Buffer, isImmediate: boolean): void {
		head.writeUInt32BE(this.cmdSN, Field.cmdSN);
		head.writeUInt32BE(this.expStatSN, Field.expStatSN);
		if (!isImmediate) this.cmdSN = (this.cmdSN + 1) >>> 0;
	}

	send(out: Pdu, damage?: Damage): void {
		this.wire.send(out, damage);
	}

	/** A tag that none has, and what comes for it. */
	#task(): { itt: number; inbox: Inbox } {
		this.#itt = (this.#itt + 1) % NO_TAG;
		const inbox = new Inbox();
		if (this.isOver) inbox.end();
		this.#inboxes.set(this.#itt, inbox);
		return { itt: this.#itt, inbox };
	}

	/** A command that is under way: `result` need not be waited for. */
	start(options: CommandOptions): { itt: number; cmdSN: number; result: Promise<CommandResult | null> } {
		const { itt, inbox } = this.#task();
		const { cmdSN } = this;
		this.send(commandPdu(options, itt, cmdSN, this.expStatSN), options.damage);
		if (options.isImmediate !== true && options.cmdSN === undefined) this.cmdSN = (cmdSN + 1) >>> 0;
		const command = new CommandUnderWay(options, this, inbox, itt);
		command.sendUnsolicited();
		const result = command.result();
		void result.then(() => this.#inboxes.delete(itt));
		return { itt, cmdSN, result };
	}

	/** A command, until its status has come. */
	async command(options: CommandOptions): Promise<CommandResult> {
		const result = await limited(this.start(options).result, "a command");
		if (result === null) throw new Error("the connection is over before the command is");
		return result;
	}

	/** One PDU and the one that answers it; null: the connection is over. */
	async ask(
		code: number,
		flags: number,
		data: Buffer,
		fill: (head: Buffer) => void = () => {},
	): Promise<Pdu | null> {
		const { itt, inbox } = this.#task();
		this.send(
			pdu(code, flags, data, (head) => {
				head.writeUInt32BE(itt, Field.itt);
				this.#number(head, (code & IMMEDIATE) !== 0);
				fill(head);
			}),
		);
		const answer = await limited(inbox.next(), `an answer to the opcode ${code}`);
		this.#inboxes.delete(itt);
		return answer;
	}

	/** The response of a function of task management; null: the connection is over. */
	async manage(what: number, options: ManagementOptions = {}): Promise<number | null> {
		const { lun = 0, itt = NO_TAG, refCmdSN = 0, isImmediate = true } = options;
		const code = Opcode.management | (isImmediate ? IMMEDIATE : 0);
		const answer = await this.ask(code, Flag.final | what, Buffer.alloc(0), (head) => {
			putLun(viewOf(head), 0, lun);
			head.writeUInt32BE(itt, Field.referencedTag);
			head.writeUInt32BE(refCmdSN, Field.refCmdSN);
		});
		return answer?.head.readUInt8(Field.response) ?? null;
	}

	/** What comes back of it; null: the connection is over. */
	async ping(data: Buffer = Buffer.from("ping")): Promise<Buffer | null> {
		const answer = await this.ask(Opcode.nopOut | IMMEDIATE, Flag.final, data, (head) =>
			head.writeUInt32BE(NO_TAG, Field.ttt),
		);
		return answer?.data ?? null;
	}

	/** All of the answer, however many PDUs that are; null: it was rejected, or the connection is over. */
	async text(pairs: Pairs): Promise<Record<string, string> | null> {
		const { itt, inbox } = this.#task();
		const parts: Buffer[] = [];
		let ttt: number = NO_TAG;
		for (let data = textOf(Object.entries(pairs)); ; data = Buffer.alloc(0)) {
			const fill = (head: Buffer): void => {
				head.writeUInt32BE(itt, Field.itt);
				head.writeUInt32BE(ttt, Field.ttt);
				this.#number(head, false);
			};
			this.send(pdu(Opcode.text, Flag.final, data, fill));
			const answer = await limited(inbox.next(), "a text");
			if (answer === null || opcode(answer) !== Opcode.textResponse) return null;
			parts.push(answer.data);
			ttt = answer.head.readUInt32BE(Field.ttt);
			if ((answer.head.readUInt8(Field.flags) & Flag.final) !== 0) return pairsOf(Buffer.concat(parts));
		}
	}

	/** The response to a logout; null: the connection is over without one. */
	async logout(reason = 0, cid = 0): Promise<number | null> {
		const answer = await this.ask(Opcode.logout | IMMEDIATE, Flag.final | reason, Buffer.alloc(0), (head) =>
			head.writeUInt16BE(cid, Field.cid),
		);
		return answer?.head.readUInt8(Field.response) ?? null;
	}

	/** Without a word. */
	close(): void {
		this.wire.close();
	}
}
