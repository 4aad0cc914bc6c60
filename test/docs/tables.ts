/** The tables of Markdown documents, for tests that hold documents and code against each other. */

/** The rows of the first table of a Markdown text that is under `title`, cells without code marks. */
export function table(text: string, title: string): string[][] {
	const section = text.split(/^#+ /m).find((part) => part.startsWith(`${title}\n`)) ?? "";
	return section
		.split("\n")
		.filter((line) => line.startsWith("|"))
		.slice(2)
		.map((line) =>
			line
				.slice(1, -1)
				.split(/(?<!\\)\|/)
				.map((cell) => cell.replaceAll("\\|", "|").replaceAll("`", "").trim()),
		);
}
