/*
 * slow_pattern_test.js: a regular expression that would take for ever is
 * stopped with its statement; nobody else waits for it.
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { refused, expect, settle } = require('./lib/client.js');

let instance;
let people;

before(async () => {
	instance = await startInstance({ ACTD_QUICK_STATEMENT_TIMEOUT_MS: '500' });
	people = await settle(instance);
	await people.root.load('schema_word.json', JSON.stringify({ Tables: [{
		TableName: 'word', Permission: 2097151, DefaultPermission: 2097151,
		Columns: [{ ColumnName: 'text', ColumnType: 'content', DataType: 'text' }],
	}] }));
	await people.alice.made('word', { text: `${'a'.repeat(500)}b${'a'.repeat(500)}` });
});

after(() => instance?.stop());

test('a pattern without end is 503 within the time of a statement', async () => {
	const of = (value) => '/api/word?query=' + encodeURIComponent(JSON.stringify(
		[{ column: 'text', operator: 'regexpLike', value }]));
	const begin = Date.now();
	const { json, headers } = refused(await people.alice.get(
		of('^(a+)(a+)(a+)(a+)b\\1\\2\\3\\4a$')), 503);

	assert.ok(Date.now() - begin < 5000, 'it was not stopped');
	assert.equal(json.errors[0].code, 'statement-timeout');
	assert.ok(Number(headers.get('retry-after')) > 0);
	assert.equal(expect(await people.alice.get(of('^a+b')), 200).json.data.length, 1);
});
