/** What each row of the table in `answers.ts` is: a type, for those who have some of them. */

import type { Parcel } from "../channel/asking.js";
import type { Child } from "./children.js";
import type { OpenerRequest } from "./messages.js";
import type { Question } from "./questions.js";

export type Answer<Kind extends OpenerRequest["kind"]> = (
	request: Question<Kind>,
	child: Child,
	bytes: Uint8Array | undefined,
) => Parcel | Promise<Parcel>;
