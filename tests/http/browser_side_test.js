/*
 * browser_side_test.js: what a page of another site can make a browser do
 * (H01, H02), and what of a client's text reaches headers or would be shown
 * as a document (H03, H05).
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { Client, expect, mine, refused, settle } = require('./lib/client.js');
const { rawHttp } = require('./lib/raw.js');

const GOOD = 'https://good.example';
const FOREIGN = ['https://evil.example', 'null', `${GOOD}.evil.example`,
	'https://evil.example/https://good.example', 'http://good.example',
	'https://good.example:8443', 'https://good.example.', 'good.example', ''];
const HTML = '<html><script>alert(1)</script></html>';

const SCHEMA = `
Tables:
  - TableName: page
    Permission: 2097151
    DefaultPermission: 2097151
    Columns:
      - ColumnName: title
        ColumnType: label
Actions:
  - Name: rename
    Label: Rename
    OnType: page
    Permission: 2085120
    AccessGroups: [users]
    InFields:
      - ColumnName: title
        ColumnType: label
    OutFields:
      - Type: page
        Method: UPDATE
        Attributes:
          reference_id: "$.reference_id"
          title: "~title"
      - Type: client.redirect
        Method: ACTIONRESPONSE
        Attributes:
          location: "~title"
`;

let instance;
let root;
let alice;
let guest;
let row;

before(async () => {
	instance = await startInstance({ ACTD_CORS_ORIGINS: GOOD });
	({ root, alice, guest } = await settle(instance));
	await root.load('schema_pages.yaml', SCHEMA);
	row = await alice.made('page', { title: 'home' });
});

after(() => instance?.stop());

const cookieOf = (client) => `token=${client.token}`;

const stateOf = () => instance.psql(
	'SELECT count(*), md5(string_agg(p::text, \',\' ORDER BY id)) FROM page p') +
	instance.psql('SELECT md5(string_agg(u::text, \',\' ORDER BY id)) ' +
		'FROM user_account u');

/* Everything that changes something, as a page would send it. */
function writes(headers) {
	const { id } = row;
	const text = { headers };

	return [
		() => guest.post('/api/page', { data: { type: 'page',
			attributes: { title: 'forged' } } }, text),
		() => guest.patch(`/api/page/${id}`, { data: { type: 'page', id,
			attributes: { title: 'forged' } } }, text),
		() => guest.delete(`/api/page/${id}`, undefined, text),
		() => guest.patch(`/api/page/${id}/relationships/user_account_id`,
			{ data: null }, text),
		() => guest.post('/api/operations', { 'atomic:operations': [
			{ op: 'remove', ref: { type: 'page', id } }] }, text),
		() => guest.request('POST', '/action/page/rename', { ...text,
			type: 'application/json',
			body: { attributes: { page_id: id, title: 'forged' } } }),
		() => guest.request('POST', '/action/page/rename', { ...text,
			type: 'application/x-www-form-urlencoded',
			body: `page_id=${id}&title=forged` }),
		() => guest.request('POST', `/action/page/rename?page_id=${id}&title=forged`,
			{ ...text, type: '' }),
	];
}

describe('H01: a cookie is no consent', () => {
	test('a change that another site asks for is refused', async () => {
		const earlier = stateOf();
		for (const origin of FOREIGN)
			for (const write of writes({ cookie: cookieOf(alice), origin }))
				refused(await write(), 401, 403);
		for (const site of ['cross-site', 'same-site', 'nonsense'])
			for (const write of writes({ cookie: cookieOf(alice),
				'sec-fetch-site': site }))
				refused(await write(), 401, 403);
		for (const write of writes({ cookie: cookieOf(alice), origin: GOOD }))
			refused(await write(), 401, 403);
		assert.equal(stateOf(), earlier);
	});

	test('one sign of another site outweighs one of our own', async () => {
		const earlier = stateOf();
		for (const headers of [
			{ origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
			{ origin: instance.url, 'sec-fetch-site': 'cross-site' }])
			for (const write of writes({ cookie: cookieOf(alice), ...headers }))
				refused(await write(), 401, 403);
		assert.equal(stateOf(), earlier);
	});

	test('a change without any sign is refused, too', async () => {
		const earlier = stateOf();
		for (const write of writes({ cookie: cookieOf(alice) }))
			refused(await write(), 401, 403);
		assert.equal(stateOf(), earlier);
	});

	test('our own pages may, and a bearer token may from everywhere', async () => {
		const own = { cookie: cookieOf(alice), origin: instance.url };
		const { id } = row;
		const change = (title) => ({ data: { type: 'page', id, attributes: { title } } });
		expect(await guest.patch(`/api/page/${id}`, change('ours'), { headers: own }), 200);
		expect(await guest.request('POST', '/action/page/rename', { headers: own,
			type: 'application/json',
			body: { attributes: { page_id: id, title: 'ours' } } }), 200);
		expect(await alice.patch(`/api/page/${id}`, change('token'),
			{ headers: { origin: 'https://evil.example' } }), 200);
	});

	test('no GET or HEAD changes anything', async () => {
		const earlier = stateOf();
		const { id } = row;
		for (const headers of [{}, { origin: instance.url },
			{ 'sec-fetch-site': 'same-origin' }])
			for (const method of ['GET', 'HEAD'])
				for (const target of [
					`/action/page/rename?page_id=${id}&title=got`,
					'/action/user_account/signup?name=g&email=g%40example.com&' +
						'password=correct%20horse&passwordConfirm=correct%20horse',
					'/action/world/become_an_administrator',
					'/action/world/restart_daptin',
					`/api/page/${id}?_method=DELETE`,
					'/api/operations', '/track/start/x'])
					await guest.request(method, target,
						{ headers: { cookie: cookieOf(alice), ...headers } });
		for (const method of ['GET', 'HEAD'])
			await alice.request(method, `/action/page/rename?page_id=${id}&title=got`);
		assert.equal(stateOf(), earlier);
	});

	test('cookies that the server sets are not for scripts', async () => {
		for (const answer of [
			await guest.action('user_account', 'signin',
				{ email: 'alice@example.com', password: 'correct horse' }),
			await guest.get('/'), await alice.get('/api/page')])
			for (const [name, value] of answer.headers)
				if (name === 'set-cookie')
					assert.match(value,
						/^(?=.*; *HttpOnly)(?=.*; *Secure)(?=.*; *SameSite=Lax)/i);
	});
});

describe('H02: other origins', () => {
	test('read with a bearer token and without credentials', async () => {
		for (const origin of FOREIGN.filter(Boolean)) {
			const answer = expect(await alice.get('/api/page',
				{ headers: { origin } }), 200);
			assert.equal(answer.headers.get('access-control-allow-origin'), '*');
			assert.equal(answer.headers.get('access-control-allow-credentials'), null);
		}
	});

	test('have no use of the cookie', async () => {
		for (const origin of FOREIGN.filter(Boolean)) {
			const answer = await guest.get('/api/user_account/mine',
				{ headers: { origin, cookie: cookieOf(alice) } });
			refused(answer, 401, 403, 404);
			assert.ok(!answer.text.includes('alice'), answer.text);
			assert.equal(answer.headers.get('access-control-allow-credentials'), null);
		}
		const plain = await guest.get('/api/user_account/mine', { headers: {
			'sec-fetch-site': 'cross-site', cookie: cookieOf(alice) } });
		refused(plain, 401, 403, 404);
	});

	test('that are listed read with credentials, and caches know it', async () => {
		const answer = expect(await guest.get('/api/user_account/mine',
			{ headers: { origin: GOOD, cookie: cookieOf(alice) } }), 200);
		assert.equal(answer.json.data.id, (await mine(alice)).id);
		assert.equal(answer.headers.get('access-control-allow-origin'), GOOD);
		assert.equal(answer.headers.get('access-control-allow-credentials'), 'true');
		for (const headers of [{ origin: GOOD }, { origin: FOREIGN[0] }, {}])
			assert.match((await alice.get('/api/page', { headers })).headers
				.get('vary') ?? '', /origin/i);
	});

	test('ask beforehand, and nothing runs', async () => {
		const earlier = stateOf();
		for (const origin of [...FOREIGN.filter(Boolean), GOOD])
			for (const [target, method] of [[`/api/page/${row.id}`, 'DELETE'],
				['/api/page', 'POST'], ['/action/page/rename', 'POST'],
				['/api/operations', 'POST']]) {
				const answer = await guest.request('OPTIONS', target, { headers: {
					origin, cookie: cookieOf(alice),
					'access-control-request-method': method,
					'access-control-request-headers': 'authorization, x-evil' } });
				expect(answer, 200, 204);
				assert.equal(answer.text, '');
				assert.equal(answer.headers.get('access-control-allow-credentials'),
					origin === GOOD ? 'true' : null);
				const allowed = answer.headers.get('access-control-allow-headers');
				assert.ok(!/x-evil|\*/i.test(allowed), allowed);
			}
		assert.equal(stateOf(), earlier);
	});
});

describe('H03: line ends make no headers', () => {
	const BREAKS = ['%0d%0aEvil:%20yes', '%0aEvil:%20yes', '%0dEvil:%20yes',
		'%0d%0a%0d%0a<html>', '%E5%98%8A%E5%98%8DEvil:%20yes', '%00%0d%0aEvil:x'];

	test('in paths and parameters', async () => {
		for (const text of BREAKS)
			for (const target of [`/api/page/${text}`, `/api/${text}`,
				`/action/page/${text}`, `/action/${text}/x`, `/api/page?sort=${text}`,
				`/api/page?filter=${text}`, `/api/page?fields=${text}`,
				`/api/page?page[size]=1&x=${text}`, `/jsmodel/${text}`, `/${text}`,
				`/aggregate/page?column=${text}`]) {
				const answer = await rawHttp(instance, [`GET ${target} HTTP/1.1`,
					`Host: 127.0.0.1:${instance.port}`,
					`Authorization: Bearer ${root.token}`]);
				assert.ok(answer.status >= 200 && answer.status < 500, target);
				assert.equal(answer.headers.evil, undefined, target);
				assert.ok(!/^<html>/.test(answer.body), target);
			}
	});

	test('in headers that are answered', async () => {
		const breaks = ['a\rEvil: yes', 'a\tEvil: yes', 'a\\r\\nEvil: yes'];
		for (const text of breaks)
			for (const name of ['Origin', 'Prefer', 'If-None-Match', 'X-Request-Id',
				'Idempotency-Key', 'Accept', 'Access-Control-Request-Method']) {
				const answer = await rawHttp(instance, ['GET /api/page HTTP/1.1',
					`Host: 127.0.0.1:${instance.port}`, `${name}: ${text}`,
					`Authorization: Bearer ${root.token}`]);
				assert.ok(answer.status >= 200 && answer.status < 500, name);
				assert.equal(answer.headers.evil, undefined, name);
			}
	});

	test('in values of actions and of rows', async () => {
		const title = 'a\r\nEvil: yes\r\n\r\n<html>';
		const { id } = row;
		const answer = await alice.action('page', 'rename', { page_id: id, title });
		expect(answer, 200, 400, 422);
		assert.equal(answer.headers.get('evil'), null);
		const made = await alice.create('page', { title });
		assert.equal(made.headers.get('evil'), null);
		assert.match(made.headers.get('location') ?? '', /^\/api\/page\/[0-9a-f-]{36}$/);
		const bad = await alice.post('/api/page', { data: { type: 'page',
			id: 'x\r\nEvil: yes', attributes: { title: 'x' } } });
		refused(bad, 400, 422);
		assert.equal(bad.headers.get('evil'), null);
	});

	test('nor do files have other names than plain ones', async () => {
		for (const table of ['page', 'page%0d%0aEvil:%20yes', 'page%22;x=%22']) {
			const answer = await root.request('POST',
				`/action/world/export_data?table_name=${table}&download`,
				{ type: 'application/json', body: {} });
			assert.equal(answer.headers.get('evil'), null);
			const name = answer.headers.get('content-disposition');
			if (answer.status === 200)
				assert.match(name, /^attachment; filename="[\w.-]+"$/);
		}
	});
});

describe('H05: what clients wrote is no document of ours', () => {
	test('it comes as data, whatever is asked for', async () => {
		const { id } = await alice.made('page', { title: HTML });
		for (const accept of ['text/html', 'image/svg+xml', '*/*', 'text/html;q=1.0'])
			for (const target of [`/api/page/${id}`, `/api/page/${id}.html`, '/api/page',
				`/api/page?filter=${encodeURIComponent(HTML)}`,
				`/api/${encodeURIComponent(HTML)}`,
				`/api/page?sort=${encodeURIComponent(HTML)}`,
				`/action/page/${encodeURIComponent(HTML)}`,
				`/jsmodel/${encodeURIComponent(HTML)}`,
				`/stats/page?group=title&column=${encodeURIComponent(HTML)}`]) {
				const answer = await alice.get(target, { headers: { accept } });
				assert.match(answer.headers.get('content-type'),
					/^application\/(vnd\.api\+)?json/, target);
				assert.equal(answer.headers.get('x-content-type-options'), 'nosniff',
					target);
			}
	});

	test('a file is saved, not shown', async () => {
		const answer = expect(await root.request('POST',
			'/action/world/export_data?table_name=page&download',
			{ type: 'application/json', body: {}, headers: { accept: 'text/html' } }), 200);
		assert.match(answer.headers.get('content-disposition'), /^attachment;/);
		assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
		assert.match(answer.headers.get('content-security-policy') ?? '', /sandbox/);
		assert.doesNotMatch(answer.headers.get('content-type'), /html|svg|xml/);
	});

	test('refusals of the server in front are no documents either', async () => {
		for (const target of [`/${encodeURIComponent(HTML)}`, '/x.html', '/..%2f..%2fx']) {
			const answer = await new Client(instance).get(target,
				{ headers: { accept: 'text/html' } });
			assert.ok(answer.status >= 400, target);
			assert.ok(!answer.text.includes('<script>'), target);
		}
	});
});
