/** The XML of answers: what `server.ts` and the routes say of buckets, objects and what went wrong. */

import { encode } from "../object/sigv4.js";
import type { S3Fault } from "./fault.js";
import { type Listing, tokenOf } from "./list.js";
import type { Bucket } from "./shelf.js";

const HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n';
const NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
/** Whose all is: there is one key. */
const OWNER = "<Owner><ID>vblade</ID><DisplayName>vblade</DisplayName></Owner>";

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function plain(text: string): string {
	return text.replaceAll(/[&<>"]/g, (character) => ENTITIES[character] ?? "");
}

function element(name: string, text: string | number | boolean): string {
	return `<${name}>${plain(String(text))}</${name}>`;
}

export function errorXml(fault: S3Fault, resource: string, request: string): string {
	// What is no character of XML can't be said.
	const path = resource.replaceAll(/[^\x20-\ud7ff\ue000-\ufffd]/g, "?");
	const parts = [
		element("Code", fault.code),
		element("Message", fault.message),
		element("Resource", path),
		element("RequestId", request),
	];
	return `${HEAD}<Error>${parts.join("")}</Error>`;
}

export function bucketsXml(buckets: readonly Bucket[]): string {
	const rows = buckets.map(
		({ name, made }) =>
			`<Bucket>${element("Name", name)}${element("CreationDate", made.toISOString())}</Bucket>`,
	);
	return `${HEAD}<ListAllMyBucketsResult ${NAMESPACE}>${OWNER}<Buckets>${rows.join("")}</Buckets></ListAllMyBucketsResult>`;
}

/** Both forms of a list: the older one goes on from a name (`Marker`), the other one from a token. */
export function listXml(bucket: string, listing: Listing): string {
	const { asked, contents, prefixes, next } = listing;
	const said = (text: string): string => (asked.isEncoded ? encode(text).replaceAll("%2F", "/") : text);
	const first = [
		element("Name", bucket),
		element("Prefix", said(asked.prefix)),
		...(asked.delimiter === "" ? [] : [element("Delimiter", said(asked.delimiter))]),
		element("MaxKeys", asked.most),
		...(asked.isEncoded ? [element("EncodingType", "url")] : []),
		element("IsTruncated", next !== undefined),
	];
	const going = asked.isOld
		? [
				element("Marker", said(asked.after)),
				...(next === undefined ? [] : [element("NextMarker", said(next))]),
			]
		: [
				element("KeyCount", contents.length + prefixes.length),
				...(asked.after === "" ? [] : [element("StartAfter", said(asked.after))]),
				...(next === undefined ? [] : [element("NextContinuationToken", tokenOf(next))]),
			];
	const rows = contents.map(({ key, bytes, etag, modified }) => {
		const parts = [
			element("Key", said(key)),
			element("LastModified", modified.toISOString()),
			element("ETag", `"${etag}"`),
			element("Size", bytes),
			element("StorageClass", "STANDARD"),
		];
		return `<Contents>${parts.join("")}${asked.isOld ? OWNER : ""}</Contents>`;
	});
	const common = prefixes.map(
		(prefix) => `<CommonPrefixes>${element("Prefix", said(prefix))}</CommonPrefixes>`,
	);
	return `${HEAD}<ListBucketResult ${NAMESPACE}>${[...first, ...going, ...rows, ...common].join("")}</ListBucketResult>`;
}

export interface Removed {
	readonly key: string;
	readonly fault: S3Fault | undefined;
}

export function removedXml(removed: readonly Removed[], isQuiet: boolean): string {
	const rows = removed.map(({ key, fault }) => {
		if (fault === undefined) return isQuiet ? "" : `<Deleted>${element("Key", key)}</Deleted>`;
		return `<Error>${element("Key", key)}${element("Code", fault.code)}${element("Message", fault.message)}</Error>`;
	});
	return `${HEAD}<DeleteResult ${NAMESPACE}>${rows.join("")}</DeleteResult>`;
}

/** Where buckets are: everywhere, as the name of a region means nothing here. */
export const LOCATION_XML = `${HEAD}<LocationConstraint ${NAMESPACE}/>`;
/** There is one version of everything. */
export const VERSIONING_XML = `${HEAD}<VersioningConfiguration ${NAMESPACE}/>`;
