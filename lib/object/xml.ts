/**
 * The little XML that S3 needs: what is between two tags of a name, in answers, and text that is put between two of them. Elements of
 * one name are never in each other there. Used by `s3-door.ts` and `s3.ts`.
 */

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
/** The last character that there is. */
const LAST_CHARACTER = 0x10ffff;

function characterOf(entity: string, name: string): string {
	const known = ENTITIES[name];
	if (known !== undefined) return known;
	const code = name.startsWith("#x") ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
	return name.startsWith("#") && code <= LAST_CHARACTER ? String.fromCodePoint(code) : entity;
}

function plain(text: string): string {
	return text.replaceAll(/&(#x[0-9a-fA-F]{1,6}|#[0-9]{1,7}|[a-z]{2,4});/g, characterOf);
}

/** Of every element of that name, in their order. */
export function textsIn(xml: string, tag: string): string[] {
	const found: string[] = [];
	const open = new RegExp(`<${tag}(?:\\s[^>]*)?>`, "g");
	for (let match = open.exec(xml); match !== null; match = open.exec(xml)) {
		const begin = open.lastIndex;
		const end = xml.indexOf(`</${tag}>`, begin);
		if (end < 0) break;
		found.push(plain(xml.slice(begin, end)));
		open.lastIndex = end;
	}
	return found;
}

/** Of the first one. */
export function textIn(xml: string, tag: string): string | undefined {
	return textsIn(xml, tag)[0];
}
