/*
 * edge_test.js: the edge between nginx and the pool: FastCGI that nginx never
 * sends (K02), headers that nginx sets (K01, K03), CORS, HEAD, OPTIONS, and
 * what nginx refuses by itself.
 */
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { after, before, describe, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { Client, JSON_API, expect, refused, schemaFile, settle } =
	require('./lib/client.js');
const { FASTCGI, begin, exchange, pairs, rawHttp, record, standardOutput,
	variablesOf } = require('./lib/raw.js');

let instance;
let root;
let alice;
let guest;

before(async () => {
	instance = await startInstance();
	({ guest, root, alice } = await settle(instance));
	await root.load('schema_shop.yaml', schemaFile('schema_shop.yaml'));
	for (let i = 0; i < 30; i++)
		await alice.made('thing', { title: `thing ${i}`, note: 'x'.repeat(100) });
});

after(() => instance?.stop());

describe('FastCGI by hand', () => {
	const quick = () => instance.socket('quick');
	const params = (variables) => [record(FASTCGI.PARAMS, pairs(variables)),
		record(FASTCGI.PARAMS)];
	const whole = (variables, body = '') => [begin(), ...params(variables),
		...(body ? [record(FASTCGI.STDIN, Buffer.from(body))] : []),
		record(FASTCGI.STDIN)];
	const BODY = '{"data":{"type":"thing","attributes":{"title":"raw"}}}';
	const posting = (more) => variablesOf('POST', '/api/thing',
		{ CONTENT_TYPE: JSON_API, CONTENT_LENGTH: String(BODY.length),
			HTTP_AUTHORIZATION: `Bearer ${alice.token}`, ...more });
	const things = () => instance.psql('SELECT count(*) FROM thing');

	test('a plain request by hand is answered', async () => {
		const { bytes } = await exchange(quick(),
			whole(variablesOf('GET', '/health')));
		assert.match(standardOutput(bytes), /^Status: 200/m);
		const made = await exchange(quick(), whole(posting(), BODY));
		assert.match(standardOutput(made.bytes), /^Status: 201/m);
	});

	const pause = Buffer.alloc(0);
	const health = () => variablesOf('GET', '/health');
	const nameLength = (bytes) => Buffer.concat([Buffer.from(bytes), Buffer.from('X')]);
	const cases = {
		'a record of 65,535 bytes with padding': () => [begin(),
			record(FASTCGI.PARAMS, Buffer.alloc(65535, 0x41), { padding: 255 }),
			record(FASTCGI.PARAMS), record(FASTCGI.STDIN)],
		'a name of 0x7fffffff bytes': () => [begin(), record(FASTCGI.PARAMS,
			nameLength([0xff, 0xff, 0xff, 0xff, 0x00])), record(FASTCGI.PARAMS),
		record(FASTCGI.STDIN)],
		'a value of 0x7fffffff bytes': () => [begin(), record(FASTCGI.PARAMS,
			nameLength([0x01, 0xff, 0xff, 0xff, 0xff])), record(FASTCGI.PARAMS),
		record(FASTCGI.STDIN)],
		'both lengths at their most': () => [begin(), record(FASTCGI.PARAMS,
			nameLength([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])),
		record(FASTCGI.PARAMS), record(FASTCGI.STDIN)],
		'a cut head': () => [Buffer.from([1, 1, 0])],
		'a cut record': () => [begin(), record(FASTCGI.PARAMS,
			Buffer.from('abc'), { length: 5000 })],
		'a record of an unknown type': () => [begin(), record(77, Buffer.from('x')),
			...params(health()), record(FASTCGI.STDIN)],
		'another version': () => [record(FASTCGI.BEGIN, Buffer.alloc(8),
			{ version: 9 })],
		'an unknown role': () => [begin({ role: 7 }), ...params(health()),
			record(FASTCGI.STDIN)],
		'parameters without end': () => [begin(), ...Array(40).fill(
			record(FASTCGI.PARAMS, pairs({ ['A'.repeat(100)]: 'b'.repeat(60000) })))],
		'a second BEGIN': () => [begin(), begin({ id: 2 }), ...params(health()),
			record(FASTCGI.STDIN)],
		'BEGIN twice for one id': () => [begin(), begin(), ...params(health()),
			record(FASTCGI.STDIN)],
		'records of another id': () => [begin(), record(FASTCGI.PARAMS,
			pairs(health()), { id: 9 }), ...params(health()), record(FASTCGI.STDIN)],
		'ABORT in the body': () => [begin(), ...params(posting()),
			record(FASTCGI.STDIN, Buffer.from(BODY.slice(0, 10))),
			record(FASTCGI.ABORT)],
		'a body that is cut': () => [begin(), ...params(posting()),
			record(FASTCGI.STDIN, Buffer.from(BODY.slice(0, 10))),
			record(FASTCGI.STDIN)],
		'no parameters': () => [begin(), record(FASTCGI.PARAMS), record(FASTCGI.STDIN)],
		'no method': () => whole({ REQUEST_URI: '/api/thing' }),
		'a method that is none': () => whole(variablesOf('G\0T \r\n', '/health')),
		'a path that is none': () => whole(variablesOf('GET', 'health')),
		'a negative length': () => whole(posting({ CONTENT_LENGTH: '-1' }), BODY),
		'a length that is none': () => whole(posting({ CONTENT_LENGTH: '1e9' }), BODY),
		'a length that overflows': () => whole(
			posting({ CONTENT_LENGTH: '18446744073709551617' }), BODY),
		'a shorter length than the body': () => whole(
			posting({ CONTENT_LENGTH: '10' }), BODY),
		'a longer length than the body': () => whole(
			posting({ CONTENT_LENGTH: '5000' }), BODY),
		'nothing at all': () => [pause],
		'an HTTP request': () => [Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
		'random bytes': () => [Buffer.from(Array.from({ length: 4096 },
			(_, i) => (i * 7919 + 13) % 256))],
	};
	for (const [name, pieces] of Object.entries(cases)) {
		test(`K02: ${name} harms nobody`, async () => {
			const workers = instance.processes('quick worker');
			assert.ok(workers.length > 0, 'the pool has workers');
			const earlier = things();
			const { bytes } = await exchange(quick(), pieces(), { end: true, milliseconds: 1500 });
			const text = standardOutput(bytes);
			const status = Number((/^Status: (\d+)/m.exec(text) || [])[1] || 0);
			const served = ['a record of an unknown type', 'a second BEGIN',
				'records of another id', 'BEGIN twice for one id', 'an unknown role'];
			if (!served.includes(name))
				assert.ok(status === 0 || (status >= 400 && status < 500),
					`${status}: ${text.slice(0, 300)}`);
			assert.equal(things(), earlier, 'nothing was written');
			for (let i = 0; i < workers.length + 1; i++)
				expect(await guest.get('/health'), 200);
			assert.deepEqual(instance.processes('quick worker'), workers,
				'no worker ended');
		});
	}

	test('K03: the sockets are not for other users', () => {
		for (const pool of ['quick', 'hash', 'long']) {
			const { mode } = fs.statSync(instance.socket(pool));
			assert.equal(mode & 0o007, 0, `${pool}: ${mode.toString(8)}`);
		}
	});
});

describe('headers that clients make up', () => {
	test('K01: Proxy does not become a variable of the program', async () => {
		expect(await guest.get('/health', { headers: { proxy: 'http://evil' } }), 200);
		for (const pid of instance.processes('quick worker'))
			assert.doesNotMatch(fs.readFileSync(`/proc/${pid}/environ`, 'latin1'),
				/evil/);
	});

	test('K03: nginx\' words from a client have no effect', async () => {
		const plain = expect(await guest.get('/api/nothing'), 404);
		for (const headers of [{ 'x-accel-redirect': '/@long' },
			{ 'x-real-ip': '10.1.2.3' }, { 'x-forwarded-for': '10.1.2.3' },
			{ 'x-forwarded-host': 'evil.example' }, { 'x-original-url': '/health' },
			{ 'x-rewrite-url': '/health' }]) {
			const answer = await guest.get('/api/nothing', { headers });
			assert.equal(answer.status, 404);
			assert.equal(answer.text, plain.text);
		}
		const made = await alice.create('thing', { title: 'x' });
		const forwarded = await alice.request('POST', '/api/thing', {
			body: { data: { type: 'thing', attributes: { title: 'x' } } },
			headers: { 'x-forwarded-host': 'evil.example' } });
		assert.doesNotMatch(forwarded.headers.get('location'), /evil/);
		for (const answer of [made, forwarded])
			expect(await alice.delete(`/api/thing/${answer.json.data.id}`), 200);
	});

	test('K03: names with underscores are not the names with hyphens', async () => {
		const answer = await rawHttp(instance, ['GET /api/user_account/mine HTTP/1.1',
			'Host: localhost', `HTTP_AUTHORIZATION: Bearer ${alice.token}`,
			'CONTENT_LENGTH: 5', 'ACTD_REQUEST_ID: forged', 'REMOTE_USER: root']);
		assert.notEqual(answer.status, 200);
		assert.ok(!JSON.stringify(answer).includes('forged'));
	});

	test('a request id is nginx\' own', async () => {
		const seen = new Set();
		for (const headers of [{}, { 'x-request-id': 'forged' },
			{ 'actd-request-id': 'forged' }]) {
			const id = (await guest.get('/health', { headers }))
				.headers.get('x-request-id');
			assert.match(id, /^[0-9a-f]{32}$/);
			seen.add(id);
		}
		assert.equal(seen.size, 3);
	});

	test('a request\'s id is in the log, its token is not', async () => {
		const answer = await alice.get('/api/thing?filter=needle');
		const id = answer.headers.get('x-request-id');
		const log = instance.log();
		assert.ok(log.includes(id), 'the id is in the log');
		assert.ok(!log.includes(alice.token), 'the token is not');
	});
});

describe('CORS', () => {
	test('any origin may call with a bearer token, without credentials', async () => {
		const answer = await alice.get('/api/thing',
			{ headers: { origin: 'https://elsewhere.example' } });
		expect(answer, 200);
		assert.equal(answer.headers.get('access-control-allow-origin'), '*');
		assert.equal(answer.headers.get('access-control-allow-credentials'), null);
		const error = await guest.get('/api/nothing',
			{ headers: { origin: 'null' } });
		assert.equal(error.headers.get('access-control-allow-origin'), '*');
	});

	test('a preflight names methods and headers, and runs nothing', async () => {
		const answer = await guest.request('OPTIONS', '/api/thing', { headers: {
			origin: 'https://elsewhere.example',
			'access-control-request-method': 'POST',
			'access-control-request-headers': 'authorization, content-type' } });
		assert.ok([200, 204].includes(answer.status));
		assert.equal(answer.headers.get('access-control-allow-origin'), '*');
		assert.match(answer.headers.get('access-control-allow-methods'), /POST/);
		const allowed = answer.headers.get('access-control-allow-headers').toLowerCase();
		for (const name of ['authorization', 'content-type', 'if-match', 'prefer'])
			assert.ok(allowed.includes(name), name);
		assert.ok(!allowed.includes('*'));
		const action = await guest.request('OPTIONS', '/action/user_account/signin', {
			headers: { origin: 'https://elsewhere.example',
				'access-control-request-method': 'POST' } });
		assert.ok([200, 204].includes(action.status));
		assert.equal(action.text, '');
	});
});

describe('methods', () => {
	test('HEAD answers GET\'s head and no body', async () => {
		for (const target of ['/api/thing', '/health', '/jsmodel/thing.js']) {
			const get = await alice.get(target);
			const head = await alice.request('HEAD', target);
			assert.equal(head.status, get.status, target);
			assert.equal(head.text, '');
			assert.equal(head.headers.get('content-type'),
				get.headers.get('content-type'));
		}
		assert.equal((await guest.request('HEAD', '/api/nothing')).status, 404);
	});

	test('OPTIONS names what a path allows', async () => {
		const list = await guest.request('OPTIONS', '/api/thing');
		assert.equal(list.status, 204);
		for (const method of ['GET', 'POST'])
			assert.match(list.headers.get('allow'), new RegExp(method));
		const row = await guest.request('OPTIONS',
			'/api/thing/00000000-0000-4000-8000-000000000000');
		for (const method of ['GET', 'PATCH', 'DELETE'])
			assert.match(row.headers.get('allow'), new RegExp(method));
	});

	test('a method that a path has not is 405 and told', async () => {
		for (const [method, target] of [['PUT', '/api/thing'], ['DELETE', '/api/thing'],
			['PATCH', '/api/thing'], ['POST', '/health'], ['DELETE', '/meta']]) {
			const answer = await alice.request(method, target);
			refused(answer, 405);
			assert.ok(answer.headers.get('allow'), `${method} ${target}`);
		}
		for (const method of ['TRACE', 'PROPFIND', 'BREW']) {
			const answer = await rawHttp(instance, [`${method} /api/thing HTTP/1.1`,
				'Host: localhost']);
			assert.ok([400, 405, 501].includes(answer.status),
				`${method}: ${answer.status}`);
		}
	});

	test('a GET runs no action', async () => {
		for (const name of ['restart_daptin', 'become_an_administrator',
			'download_system_schema']) {
			const answer = await root.get(`/action/world/${name}`);
			refused(answer, 403, 405);
		}
	});
});

describe('what nginx refuses', () => {
	const kinds = [
		['a URL of 40 KB', 414, (line) => [`GET /api/thing?x=${'y'.repeat(40000)
		} HTTP/1.1`, ...line]],
		['a header of 40 KB', 431, (line) => ['GET /api/thing HTTP/1.1', ...line,
			`X-Long: ${'y'.repeat(40000)}`]],
		['two lengths', 400, (line) => ['POST /api/thing HTTP/1.1', ...line,
			'Content-Length: 1', 'Content-Length: 2']],
		['a length and chunks', 400, (line) => ['POST /api/thing HTTP/1.1', ...line,
			'Content-Length: 5', 'Transfer-Encoding: chunked']],
		['too large a body', 413, (line) => ['POST /api/thing HTTP/1.1', ...line,
			'Content-Length: 99999999999']],
		['a request without Host', 400, () => ['GET /api/thing HTTP/1.1']],
	];
	for (const [name, status, lines] of kinds) {
		test(`${name} is ${status}, in JSON with the request's id`, async () => {
			const answer = await rawHttp(instance, lines(['Host: localhost']));
			assert.equal(answer.status, status, answer.body.slice(0, 200));
			const { errors } = JSON.parse(answer.body);
			assert.equal(errors[0].status, String(status));
			assert.ok(errors[0].title);
			assert.match(answer.headers['content-type'], /json/);
			assert.match(answer.headers['x-request-id'], /^[0-9a-f]{32}$/);
			assert.ok(answer.body.includes(answer.headers['x-request-id']),
				'the id is in the document');
			assert.doesNotMatch(answer.body, /nginx|<html/);
		});
	}

	test('on action routes it is Daptin\'s array', async () => {
		const answer = await rawHttp(instance, [
			'POST /action/user_account/signin HTTP/1.1', 'Host: localhost',
			'Content-Length: 99999999999']);
		assert.equal(answer.status, 413);
		const [item] = JSON.parse(answer.body);
		assert.equal(item.ResponseType, 'client.notify');
		assert.equal(item.Attributes.type, 'error');
		assert.equal(item.Attributes.title, 'failed');
		assert.ok(item.Attributes.message);
	});

	test('anything not routed is a 404 in JSON', async () => {
		for (const target of ['/nothing', '/api', '/api/', '/action/x', '/.env',
			'/.git/config', '/index.php', '/api/thing/x/y/z/w', '/static/x.js',
			'/%2e%2e/%2e%2e/etc/passwd', '//api//thing']) {
			const answer = await guest.get(target);
			assert.ok([400, 404, 405].includes(answer.status),
				`${target}: ${answer.status}`);
			assert.ok(Array.isArray(answer.json?.errors) || Array.isArray(answer.json),
				`${target}: ${answer.text.slice(0, 100)}`);
		}
	});

	test('answers say no versions, and are not sniffed', async () => {
		for (const target of ['/health', '/api/thing', '/nothing']) {
			const { headers } = await guest.get(target);
			assert.ok(!headers.get('x-powered-by'));
			assert.doesNotMatch(headers.get('server') ?? '', /\d/);
			assert.equal(headers.get('x-content-type-options'), 'nosniff', target);
		}
	});
});

test('after all this the pool answers as before', async () => {
	const answers = await Promise.all(Array.from({ length: 40 },
		() => new Client(instance, alice.token).get('/api/thing?page[size]=30')));
	for (const answer of answers)
		assert.equal(expect(answer, 200).json.data.length, 30);
});
