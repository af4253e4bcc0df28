/*
 * load.js: clients that read and write without pause and keep a ledger of
 * what they were told, to be compared with the database afterwards.
 */
'use strict';

const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');

class Ledger {
	constructor(client, instance, tags) {
		this.client = client;
		this.instance = instance;
		this.tags = tags;
		this.written = []; /* codes that were answered with 201 */
		this.refused = []; /* codes of which we know that nothing was done */
		this.unknown = []; /* codes whose answer was lost, or 504 */
		this.failed = [];  /* what a client would call a failure */
		this.reads = 0;
		this.stopped = false;
	}

	/* Runs `readers` and `writers` clients until stop(). */
	async start({ readers = 6, writers = 3 } = {}) {
		this.row = await this.client.made('thing', { title: 'read me' });
		this.clients = [
			...Array.from({ length: readers }, () => this.read()),
			...Array.from({ length: writers }, () => this.write()),
		];
		return this;
	}

	async read() {
		const { id } = this.row;
		for (let i = 0; !this.stopped; i++) {
			const target = i % 2 ? `/api/thing/${id}` : '/api/thing?page[size]=10';
			try {
				const answer = await this.client.get(target);
				if (answer.status === 200)
					this.reads++;
				else
					await this.fail(target, answer);
			} catch (error) {
				await this.fail(target, { status: 0, text: String(error.cause ?? error) });
			}
		}
	}

	/* A row with two links: three statements that belong together. */
	async write() {
		while (!this.stopped) {
			const code = randomUUID().slice(0, 18);
			let answer;
			try {
				answer = await this.client.create('thing', { title: 'written', code },
					{ tags: { data: this.tags } });
			} catch (error) {
				answer = { status: 0, text: String(error.cause ?? error) };
			}
			if (answer.status === 201) {
				this.written.push(code);
				continue;
			}
			(answer.status === 503 ? this.refused : this.unknown).push(code);
			await this.fail('create', answer);
		}
	}

	async fail(what, { status, text, headers }) {
		this.failed.push({ what, status, text: text.slice(0, 200),
			retryAfter: headers?.get('retry-after') ?? null });
		await new Promise((resolve) => setTimeout(resolve, 20));
	}

	async stop() {
		this.stopped = true;
		await Promise.all(this.clients);
		return this;
	}

	/* For the runner's diagnostics. */
	figures() {
		return `${this.reads} reads, ${this.written.length} writes, ` +
			`${this.refused.length} refused, ${this.unknown.length} of unknown outcome`;
	}

	/* The failures, counted by what and status, for messages. */
	summary() {
		const counts = {};
		for (const { what, status, text } of this.failed) {
			const key = `${what.replace(/[0-9a-f-]{36}/, 'ID')} ${status} ${text}`;
			counts[key] = (counts[key] ?? 0) + 1;
		}
		return JSON.stringify(counts, null, 1).slice(0, 3000);
	}

	/*
	 * Everything that was acknowledged is there, nothing that was refused,
	 * and each row has both of its links.
	 */
	balance() {
		const stored = new Set(this.instance.psql(
			'SELECT code FROM thing WHERE code IS NOT NULL').split('\n'));
		const lost = this.written.filter((code) => !stored.has(code));
		assert.deepEqual(lost, [], 'acknowledged rows are gone');
		const undead = this.refused.filter((code) => stored.has(code));
		assert.deepEqual(undead, [], 'rows answered with 503 were written');
		assert.equal(this.instance.psql('SELECT count(*) FROM thing t ' +
			'WHERE code IS NOT NULL AND 2 <> (SELECT count(*) FROM ' +
			'thing_tagged_has_tag_tags l WHERE l.tagged = t.id)'), '0',
		'a row has not both links');
		assert.ok(this.reads > 0 && this.written.length > 0,
			`there was load: ${this.reads} reads, ${this.written.length} writes`);
	}
}

module.exports = { Ledger };
