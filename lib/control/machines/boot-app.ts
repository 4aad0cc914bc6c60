/**
 * What is answered where `[boot] listen` says: scripts, to whoever asks for one, and nothing else. There is no token: whoever reaches the
 * address can ask for any machine. Pages of other sites can't: browsers say that they are browsers. Run by `../server.ts`.
 */

import { quote } from "../../text.js";
import { formatMac, parseMac } from "../../wire/mac.js";
import type { Arrivals } from "./arrivals.js";
import { answerScript, askingScript } from "./scripts.js";

const PATH = "/boot.ipxe";
/**
 * What only browsers send. Of a picture on another site's page, which may ask not to be named, to an address without TLS, that is the language
 * and what browsers have called themselves for ever; no page can change either.
 */
const BROWSERS = ["origin", "referer", "sec-fetch-site", "cookie", "accept-language"];
const BROWSER_NAME = /^Mozilla\//;
const TEMPLATE = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;
/** Of a MAC's first byte, in a 48-bit number: it means many. */
const GROUP_BIT = 2 ** 40;

/** What is wrong with a request. */
class Wrong extends Error {
	constructor(
		readonly status: number,
		message: string,
		readonly headers: Readonly<Record<string, string>> = {},
	) {
		super(message);
	}
}

export class BootApp {
	readonly #arrivals: Pick<Arrivals, "boot">;
	/** Something was thrown that nobody should throw. */
	readonly #onBug: (error: unknown) => void;

	constructor(arrivals: Pick<Arrivals, "boot">, onBug: (error: unknown) => void) {
		this.#arrivals = arrivals;
		this.#onBug = onBug;
	}

	async fetch(request: Request): Promise<Response> {
		try {
			return text(200, await this.#answer(request));
		} catch (error) {
			if (error instanceof Wrong) return text(error.status, `${error.message}\n`, error.headers);
			this.#onBug(error);
			return text(500, "this is a bug in vblade; its events say more\n");
		}
	}

	async #answer({ method, url, headers }: Request): Promise<string> {
		if (method !== "GET") throw new Wrong(405, "here only GET can be asked for", { allow: "GET" });
		const isBrowser = BROWSER_NAME.test(headers.get("user-agent") ?? "");
		if (isBrowser || BROWSERS.some((name) => headers.has(name)))
			throw new Wrong(403, "this is for machines that boot");
		const { pathname, searchParams } = new URL(url);
		if (pathname !== PATH) throw new Wrong(404, `there is nothing but ${PATH}`);
		const [mac, template] = [only(searchParams, "mac"), only(searchParams, "template")];
		if (template !== undefined && !TEMPLATE.test(template))
			throw new Wrong(400, `template ${quote(template)}: can't be the name of one`);
		if (mac === undefined) return askingScript(template);
		const number = parseMac(mac);
		if (number === undefined || number === 0 || Math.floor(number / GROUP_BIT) % 2 === 1)
			throw new Wrong(400, `mac ${quote(mac)}: the address of a machine is expected`);
		const again = `boot.ipxe?mac=${formatMac(number).replaceAll(":", "-")}${template === undefined ? "" : `&template=${template}`}`;
		return answerScript(await this.#arrivals.boot(number, template), again);
	}
}

function only(query: URLSearchParams, name: string): string | undefined {
	const [first, ...more] = query.getAll(name);
	if (more.length > 0) throw new Wrong(400, `${name}: is given more than once`);
	return first;
}

function text(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Response {
	const type = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
	return new Response(body, {
		status,
		headers: { ...type, "x-content-type-options": "nosniff", ...headers },
	});
}
