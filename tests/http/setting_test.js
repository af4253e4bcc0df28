/*
 * setting_test.js: /_config: who may, where values are, what is never read
 * back, and the settings that the server itself follows, on all nodes.
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { startInstance, startNode } = require('./lib/instance.js');
const { Client, claimsOf, expect, refused, settle, signIn } =
	require('./lib/client.js');

let instance;
let people;

before(async () => {
	instance = await startInstance();
	const early = new Client(instance);
	refused(await early.get('/_config'), 403);
	people = await settle(instance);
});

after(() => instance?.stop());

/* As Daptin's client sends it. */
const set = (target, body, method = 'POST') => people.root.request(method,
	`/_config/${target}`, { body, type: 'application/x-www-form-urlencoded' });

test('a value is any body, and read as text', async () => {
	for (const method of ['POST', 'PUT', 'PATCH']) {
		const written = expect(await set('web/theme', `dark ${method}`, method), 200);
		assert.equal(written.text, '');
		const read = expect(await people.root.get('/_config/web/theme'), 200);
		assert.match(read.headers.get('content-type'), /^text\/plain/);
		assert.equal(read.text, `dark ${method}`);
	}
	expect(await set('mobile/theme', 'light'), 200);
	expect(await set('backend/flag', 'true'), 200);
	const { json } = expect(await people.root.get('/_config'), 200);
	assert.equal(json.flag, 'true');
	assert.equal(json.theme, 'light');
	assert.equal((await people.root.get('/_config/web/theme')).text, 'dark PATCH');
	assert.equal((await expect(await people.root.delete('/_config/web/theme'), 200)).text, '');
	refused(await people.root.get('/_config/web/theme'), 404);
	refused(await people.root.delete('/_config/web/theme'), 404);
	refused(await people.root.get('/_config/desktop/theme'), 404);
	refused(await set('desktop/theme', 'x'), 404);
});

test('what is too long, or no text, is refused', async () => {
	refused(await set(`web/${'x'.repeat(101)}`, 'x'), 422);
	refused(await set('web/long', 'x'.repeat(65537)), 413);
	refused(await set('web/bytes', Buffer.from([0xff, 0])), 400);
});

test('only administrators read or write', async () => {
	for (const client of [people.guest, people.alice])
		for (const [method, target] of [['GET', '/_config'],
			['GET', '/_config/backend/flag'], ['POST', '/_config/backend/flag'],
			['PUT', '/_config/backend/flag'], ['PATCH', '/_config/backend/flag'],
			['DELETE', '/_config/backend/flag']])
			refused(await client.request(method, target,
				method === 'GET' ? {} : { body: 'x', type: 'text/plain' }), 403);
});

test('secrets go in and never come out', async () => {
	expect(await set('backend/smtp.password', 'hunter2'), 200);
	assert.equal(expect(await people.root.get('/_config/backend/smtp.password'), 200).text, '');
	const all = expect(await people.root.get('/_config'), 200);
	assert.equal(all.json['smtp.password'], '');
	assert.ok(!all.text.includes('hunter2'));
	assert.ok(!instance.psql('SELECT value FROM _config').includes('hunter2'));
	expect(await set('backend/smtp.password', 'hunter3'), 200);
	assert.ok(!instance.psql('SELECT previousvalue FROM _config').includes('hunter2'));
});

test('keys that are in files alone are not taken', async () => {
	for (const name of ['jwt.secret', 'encryption.secret', 'jwt.token.issuer'])
		refused(await set(`backend/${name}`, 'x'), 422);
	assert.equal(instance.psql('SELECT count(*) FROM _config WHERE name LIKE \'%jwt%\''), '0');
});

async function lifetime(node) {
	const { iat, exp } = claimsOf((await signIn(node, 'alice')).token);
	return exp - iat;
}

test('tokens live as long as the setting says, on all nodes', async () => {
	const other = await startNode(instance);
	const usual = await lifetime(instance);
	assert.equal(await lifetime(other), usual);
	refused(await set('backend/jwt.token.life.hours', '0'), 422);
	refused(await set('backend/jwt.token.life.hours', '2h'), 422);
	expect(await set('backend/jwt.token.life.hours', '5'), 200);
	assert.equal(await lifetime(instance), 5 * 3600);
	const end = Date.now() + 5000;
	while (await lifetime(other) !== 5 * 3600)
		assert.ok(Date.now() < end, 'the other node follows within a second or so');
	expect(await people.root.delete('/_config/backend/jwt.token.life.hours'), 200);
	assert.equal(await lifetime(instance), usual);
});

test('cors.config lists origins that may send credentials', async () => {
	const ask = (origin) => people.guest.get('/actions', { headers: { origin } });
	const allowed = (answer) => [answer.headers.get('access-control-allow-origin'),
		answer.headers.get('access-control-allow-credentials')];

	assert.deepEqual(allowed(await ask('https://a.example')), ['*', null]);
	refused(await set('backend/cors.config', '[]'), 422);
	refused(await set('backend/cors.config', '{"allowed_origins":[1]}'), 422);
	expect(await set('backend/cors.config',
		'{"allowed_origins":["https://a.example"],"allow_credentials":true}'), 200);
	assert.deepEqual(allowed(await ask('https://a.example')), ['https://a.example', 'true']);
	const preflight = await people.guest.request('OPTIONS', '/api/world', { headers: {
		origin: 'https://a.example', 'access-control-request-method': 'PATCH' } });
	assert.equal(preflight.status, 204);
	assert.deepEqual(allowed(preflight), ['https://a.example', 'true']);
	assert.deepEqual(allowed(await ask('https://b.example')), ['*', null]);
	expect(await set('backend/cors.config',
		'{"allowed_origins":["https://a.example"],"allow_credentials":false}'), 200);
	assert.deepEqual(allowed(await ask('https://a.example')), ['*', null]);
});
