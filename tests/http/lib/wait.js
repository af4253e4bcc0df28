/*
 * wait.js: waiting until something is so, rather than for some time that is
 * long enough on one machine and too short on another.
 */
'use strict';

const assert = require('node:assert/strict');

const sleep = (milliseconds) =>
	new Promise((resolve) => setTimeout(resolve, milliseconds));

/*
 * Asks until the answer is truthy and gives that answer; fails, saying what
 * was waited for, when it is not so within `limit` milliseconds.
 */
async function until(what, ask, { limit = 15000, every = 30 } = {}) {
	const end = Date.now() + limit;
	for (;;) {
		const answer = await ask();
		if (answer)
			return answer;
		assert.ok(Date.now() < end, `not within ${limit} ms: ${what}`);
		await sleep(every);
	}
}

module.exports = { sleep, until };
