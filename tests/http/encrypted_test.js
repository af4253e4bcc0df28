/*
 * encrypted_test.js: encrypted values in actions: references that lead to one
 * get it, rows that are shown do not have it.
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { expect, settle } = require('./lib/client.js');

const CODE = 'swordfish-4711';

const notify = (message) =>
	`{Type: client.notify, Method: ACTIONRESPONSE, Attributes: {message: "${message}"}}`;

const SCHEMA = `
Tables:
${['vault', 'copy'].map((name) => `  - TableName: ${name}
    Columns:
      - {Name: title, DataType: varchar(100), ColumnType: label}
      - {Name: code, DataType: text, ColumnType: encrypted, IsNullable: true}
      - {Name: word, DataType: varchar(200), ColumnType: password, IsNullable: true}`)
		.join('\n')}
Actions:
  - {Name: tell, Label: tell, OnType: vault, InFields: [], OutFields: [
      ${notify('code $.code of $subject.title, $subject.word')}]}
  - {Name: ask, Label: ask, OnType: vault, InFields: [], OutFields: [
      {Type: client.store.set, Method: ACTIONRESPONSE, Attributes: {
        path: "~subject.code", plain: "!subject.code", script: "!subject.code + '?'",
        row: "~subject"}}]}
  - {Name: hand_on, Label: hand on, OnType: vault, InFields: [], OutFields: [
      {Type: copy, Method: POST, Reference: made, Attributes: {
        title: "$.title", code: "~subject.code", word: "~subject.code"}},
      ${notify('made $made.code')},
      {Type: copy, Method: GET, Reference: found, Attributes: {}},
      ${notify('found $found[0].code')}]}
`;

let instance;
let root;
let vault;
let bare;

before(async () => {
	instance = await startInstance();
	({ root } = await settle(instance));
	await root.load('schema_vault.yaml', SCHEMA);
	vault = (await root.made('vault', { title: 'one', code: CODE, word: 'a password' })).id;
	bare = (await root.made('vault', { title: 'bare' })).id;
});

after(() => instance?.stop());

const run = async (name, id, members) =>
	expect(await root.action('vault', name, { vault_id: id }, members), 200).json;

const messagesOf = (items) => items.map((one) => one.Attributes.message).filter(Boolean);

describe('encrypted values in actions', () => {
	test('a reference in a text gets the plain one, of a password nothing', async () => {
		assert.deepEqual(messagesOf(await run('tell', vault)),
			[`code ${CODE} of one, `]);
	});

	test('a path gets it; a script and a row that is shown do not', async () => {
		const [{ Attributes: got }] = await run('ask', vault);
		assert.equal(got.path, CODE);
		assert.equal(got.plain, ''); /* a script, though it needs no evaluator */
		assert.equal(got.script, '?');
		assert.equal(got.row.code, '');
		assert.equal(got.row.word, '');
	});

	test('a row that has none is null', async () => {
		assert.deepEqual(messagesOf(await run('tell', bare)), ['code  of bare, ']);
		assert.ok(!('path' in (await run('ask', bare))[0].Attributes));
	});

	test('it is handed on to another row, which encrypts it again', async () => {
		const items = await run('hand_on', vault);
		assert.ok(messagesOf(items).includes(`made ${CODE}`));
		assert.ok(messagesOf(items).includes(`found ${CODE}`));
		for (const one of items.filter((item) => item.ResponseType !== 'client.notify'))
			assert.ok(!JSON.stringify(one).includes(CODE));
		const stored = instance.psql('SELECT code FROM copy');
		assert.ok(stored && !stored.includes(CODE));
		assert.notEqual(stored, instance.psql('SELECT code FROM vault WHERE code IS NOT NULL'));
	});

	test('what a dry run would change does not show it', async () => {
		const items = await run('hand_on', vault, { dry_run: true });
		const dry = items.find((one) => one.ResponseType === 'client.dry_run');
		assert.equal(dry.changes[0].after.code, '');
		assert.ok(!JSON.stringify(dry).includes(CODE));
	});

	test('nor does the record of the run', () => {
		assert.equal(instance.psql('SELECT count(*) FROM action_run WHERE ' +
			`action_run::text LIKE '%${CODE}%'`), '0');
	});
});
