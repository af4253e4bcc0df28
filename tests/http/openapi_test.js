/*
 * openapi_test.js: the OpenAPI document holds what its reader may use.
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { expect, schemaFile, settle } = require('./lib/client.js');

let instance;
let guest;
let root;

before(async () => {
	instance = await startInstance();
	({ guest, root } = await settle(instance));
	await root.load('schema_library.yaml', schemaFile('schema_library.yaml'));
});

after(() => instance?.stop());

test('an administrator sees every entity and action', async () => {
	const answer = expect(await root.get('/openapi.yaml'), 200);
	assert.match(answer.headers.get('content-type'), /^application\/yaml/);
	assert.match(answer.text, /^openapi: 3\.1\.0$/m);
	for (const path of ['/api/book:', '/api/book/{id}:', '/api/book/{id}/author_id:',
		'/action/book/lend_book:', '/action/user_account/signin:'])
		assert.ok(answer.text.includes(`\n  ${path}\n`), path);
});

test('a guest sees what he may use', async () => {
	const answer = expect(await guest.get('/openapi.yaml'), 200);
	assert.ok(answer.text.includes('/action/user_account/signin:'));
	for (const path of ['/api/book:', '/action/book/lend_book:',
		'/action/world/upload_system_schema:'])
		assert.ok(!answer.text.includes(path), path);
});
