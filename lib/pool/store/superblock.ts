/**
 * The superblock of a pool in an object store: the value of its head (`lib/object/head.ts`), which says who owns the pool, by which epoch, and what of
 * the store is its image. Here is its form, and what is believed of bytes that somebody else has written. Read and moved by `head-keeper.ts` alone.
 */

import { DamagedError, invariant, OperatorError } from "../../errors.js";
import { HEAD_MAX_BYTES } from "../../object/head-frame.js";
import { areNumbers } from "../format.js";
import { type JsonObject, storedJson } from "../stored-json.js";
import { isPromotedFrom, isReplicaOf, type PromotedFrom, type ReplicaOf } from "./replica-of.js";

export interface Owner {
	/** By chance, for each life of a process: 32 digits in hexadecimal. */
	readonly id: string;
	/** Of the local log of its host, and kept there: likewise. */
	readonly host: string;
	/** For people. */
	readonly name: string;
}

/** Writes that may have been acknowledged, and are nowhere but with their owner's host. */
export interface Promised {
	/** At most. */
	readonly bytes: number;
	/** Since when, in microseconds since 1970, by the owner's clock: for people. */
	readonly sinceUs: number;
}

/** What was promised by an owner whose pool somebody else has taken over. */
export interface LostTail {
	readonly epoch: number;
	/** Where it is, if it is anywhere: in the log of that epoch, or of the last one before. */
	readonly host: string;
	readonly bytes: number;
	readonly seconds: number;
	/** What the tail goes on from: held as long as this is here. */
	readonly image: JsonObject;
}

/** Where a host is that has a pool which both serve, for the others, and what they show there. */
export interface PartnerPlace {
	/** `192.0.2.1:9473`, `[2001:db8::1]:9473` */
	readonly address: string;
	/** 64 digits in hexadecimal: who can read the superblock may have the disks. */
	readonly key: string;
}

export interface Superblock {
	readonly format: 1;
	/** The pool's number: 32 digits in hexadecimal. */
	readonly pool: string;
	/** Of ownership: one more with each owner. */
	readonly epoch: number;
	/** Who has it, or had it last (`isGivenBack`). */
	readonly owner: Owner;
	/** By which epoch the owner's host got it from another one: what a log there has of that epoch or a later one is what is promised. */
	readonly hostSince: number;
	/** How long nobody else takes over after a beat. */
	readonly leaseMs: number;
	/** One more with each swap. */
	readonly beat: number;
	/** When it was written, by the writer's clock, in microseconds since 1970: for people. */
	readonly writtenUs: number;
	readonly promised: Promised | null;
	readonly serve: "one" | "both";
	/** Where its owner hands its disks on to others, if both serve it. */
	readonly at?: PartnerPlace | undefined;
	/** The folder's own. */
	readonly image: JsonObject;
	/** Who may go on at once: the owner has stopped. */
	readonly heir?: Owner | undefined;
	/** The owner wants to know who waits (`hand-over.ts`): by what name that is answered. */
	readonly asks?: string | undefined;
	/** Who alone is asked: what a host is called, or what it has told the owner that it is. */
	readonly asksOf?: string | undefined;
	/** The owner has ended in order: nobody has to wait. What is promised is with its host all the same. */
	readonly isGivenBack?: true | undefined;
	readonly lost?: readonly LostTail[] | undefined;
	/** It is a replica: nobody opens it until it is promoted. */
	readonly replica?: ReplicaOf | undefined;
	/** It was one. */
	readonly promoted?: PromotedFrom | undefined;
}

export const LEASE_MIN_MS = 500;
export const LEASE_MAX_MS = 600_000;
export const IMAGE_MAX_BYTES = 256 * 1024;
const NAME_MAX_CHARACTERS = 255;
export const LOST_MAX = 64;
const HEX = /^[0-9a-f]{32}$/;
const KEYS: ReadonlySet<string> = new Set([
	"format",
	"pool",
	"epoch",
	"owner",
	"hostSince",
	"leaseMs",
	"beat",
	"writtenUs",
	"promised",
	"serve",
	"at",
	"image",
	"heir",
	"asks",
	"asksOf",
	"isGivenBack",
	"lost",
	"replica",
	"promoted",
]);

/** Throws an OperatorError if it would be too long. */
export function encodeSuperblock(superblock: Superblock): Buffer {
	invariant(isSuperblock(superblock), "a superblock that nobody could read");
	const bytes = Buffer.from(JSON.stringify(superblock));
	if (bytes.length > HEAD_MAX_BYTES) throw new OperatorError(tooLong(superblock, bytes.length));
	return bytes;
}

function tooLong({ lost = [] }: Superblock, length: number): string {
	const why = lost.length === 0 ? "" : `, ${lost.length} lost tails with it`;
	return `the superblock would be ${length} bytes long${why}; ${HEAD_MAX_BYTES} at most`;
}

/** Throws an OperatorError if an image would be too long to be in a superblock. */
export function checkImage(image: JsonObject): void {
	const { length } = Buffer.from(JSON.stringify(image));
	if (length > IMAGE_MAX_BYTES)
		throw new OperatorError(
			`what a superblock has of the image would be ${length} bytes long; ${IMAGE_MAX_BYTES} at most`,
		);
}

/** Throws a DamagedError if it is none, and an OperatorError if a later version has written it. */
export function decodeSuperblock(bytes: Buffer, name: string): Superblock {
	const value = storedJson(bytes);
	const format = value?.format;
	if (Number.isSafeInteger(format) && Number(format) > 1)
		throw new OperatorError(`${name}: a pool of format ${format}; this version knows format 1`);
	if (!isSuperblock(value)) throw new DamagedError(`${name}: is no superblock of a pool, or damaged`);
	return value;
}

function isSuperblock(value: unknown): value is Superblock {
	if (!isObject(value) || !Object.keys(value).every((key) => KEYS.has(key))) return false;
	const {
		format,
		pool,
		epoch,
		hostSince,
		owner,
		leaseMs,
		promised,
		serve,
		at,
		image,
		heir,
		asks,
		asksOf,
		isGivenBack,
		lost = [],
		replica,
		promoted,
	} = value;
	return (
		format === 1 &&
		isHex(pool) &&
		areNumbers(value, ["epoch", "hostSince", "leaseMs", "beat", "writtenUs"]) &&
		isWithin(hostSince, 1, Number(epoch)) &&
		isWithin(leaseMs, LEASE_MIN_MS, LEASE_MAX_MS) &&
		isOwner(owner) &&
		(promised === null || areNumbers(promised, ["bytes", "sinceUs"])) &&
		(serve === "one" || serve === "both") &&
		(at === undefined || isPartnerPlace(at)) &&
		isObject(image) &&
		(heir === undefined || (isOwner(heir) && promised === null)) &&
		(asks === undefined || isHex(asks)) &&
		(asksOf === undefined || isName(asksOf)) &&
		(isGivenBack === undefined || isGivenBack === true) &&
		Array.isArray(lost) &&
		lost.length <= LOST_MAX &&
		lost.every(isLostTail) &&
		(replica === undefined || isReplicaOf(replica)) &&
		(promoted === undefined || isPromotedFrom(promoted))
	);
}

function isPartnerPlace(value: unknown): value is PartnerPlace {
	if (!isObject(value)) return false;
	const { address, key } = value;
	return isName(address) && typeof key === "string" && /^[0-9a-f]{64}$/.test(key);
}

function isLostTail(value: unknown): value is LostTail {
	return (
		isObject(value) &&
		areNumbers(value, ["epoch", "bytes", "seconds"]) &&
		isHex(value.host) &&
		isObject(value.image)
	);
}

/** By which epoch was promised what was given up last; 0: nothing ever was. */
export function lostTo({ lost = [] }: Superblock): number {
	return Math.max(0, ...lost.map(({ epoch }) => epoch));
}

export function isOwner(value: unknown): value is Owner {
	if (!isObject(value)) return false;
	const { id, host, name } = value;
	return isHex(id) && isHex(host) && isName(name);
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isHex(value: unknown): value is string {
	return typeof value === "string" && HEX.test(value);
}

function isName(value: unknown): value is string {
	return typeof value === "string" && value.length <= NAME_MAX_CHARACTERS;
}

function isWithin(value: unknown, least: number, most: number): boolean {
	return typeof value === "number" && value >= least && value <= most;
}
