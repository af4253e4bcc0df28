/*
 * parsers_test.js: bodies that no honest client sends (E01 to E07): refused
 * with a 4xx, quickly, and the next request finds everything as it was.
 */
'use strict';

const assert = require('node:assert/strict');
const { after, afterEach, before, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { Client, JSON_API, expect, messages, refused, schemaFile, settle } =
	require('./lib/client.js');
const { exchange, parseHttp, rawHttp } = require('./lib/raw.js');

let instance;
let root;
let alice;

before(async () => {
	instance = await startInstance();
	({ root, alice } = await settle(instance));
	await root.load('schema_shop.yaml', schemaFile('schema_shop.yaml'));
});

after(() => instance?.stop());

afterEach(async () => {
	expect(await alice.get('/api/thing'), 200);
});

const bodyOf = (attributes) =>
	`{"data":{"type":"thing","attributes":${attributes}}}`;

const things = () => instance.psql('SELECT count(*) FROM thing');

/* Refused by the row route and by an action, in less than a second. */
async function refusedEverywhere(body, ...statuses) {
	const earlier = things();
	for (const [target, type] of [['/api/thing', JSON_API],
		['/action/user_account/signin', 'application/json']]) {
		const began = Date.now();
		refused(await alice.post(target, body, { type }), ...statuses);
		assert.ok(Date.now() - began < 1500, `${target} took its time`);
	}
	assert.equal(things(), earlier);
}

test('E01: JSON is refused beyond a depth of 64, at once', async () => {
	for (const [open, close] of [['[', ']'], ['{"a":', '}']]) {
		for (const depth of [65, 100, 100000])
			await refusedEverywhere(bodyOf(`{"title":${open.repeat(depth)}1` +
				`${close.repeat(depth)}}`), 400);
		await refusedEverywhere(open.repeat(100000), 400);
	}
	const nested = `${'['.repeat(60)}1${']'.repeat(60)}`;
	const answer = await alice.post('/api/thing',
		bodyOf(`{"title":"deep","junk":${nested}}`));
	expect(answer, 201, 400, 422);
});

test('E01: a query of great depth is refused', async () => {
	refused(await alice.get(`/api/thing?query=${'['.repeat(5000)}`), 400, 414, 431);
});

test('E02: of two equal keys the last counts, or both are refused', async () => {
	const answer = await alice.post('/api/thing',
		bodyOf('{"title":"first","title":"second"}'));
	if (answer.status !== 201) {
		refused(answer, 400);
		return;
	}
	assert.equal(answer.json.data.attributes.title, 'second');
	const checked = await alice.post('/api/thing',
		bodyOf('{"quantity":1,"quantity":-1,"title":"x"}'));
	refused(checked, 422);
});

test('E02: a body of very many keys is answered in a second', async () => {
	const keys = Array.from({ length: 60000 }, (_, i) => `"k${i}":1`).join();
	const began = Date.now();
	const answer = await alice.post('/api/thing', bodyOf(`{"title":"x",${keys}}`));
	assert.ok(Date.now() - began < 2000, `${Date.now() - began} ms`);
	expect(answer, 201, 400, 413, 422);
	const million = `{${Array.from({ length: 1000000 },
		(_, i) => `"k${i}":1`).join()}}`;
	const again = Date.now();
	refused(await alice.post('/api/thing', bodyOf(million)), 400, 413);
	assert.ok(Date.now() - again < 3000, `${Date.now() - again} ms`);
});

test('E03: numbers that JSON does not know are refused', async () => {
	for (const number of ['00', '+1', '01', 'NaN', '-NaN', 'Infinity', '-Infinity',
		'.5', '1.', '0x10', '1e', '--1', '1_000'])
		refused(await alice.post('/api/thing',
			bodyOf(`{"title":"x","quantity":${number}}`)), 400);
});

test('E03: numbers that a column does not hold are refused, none is cut', async () => {
	for (const number of ['1e400', '9007199254740993', '18446744073709551616',
		'1e-400', '2147483648', '1.5', '1e10', '-1e400']) {
		const answer = await alice.post('/api/thing',
			bodyOf(`{"title":"x","quantity":${number}}`));
		assert.ok([400, 422].includes(answer.status), `${number}: ${answer.text}`);
		refused(answer, 400, 422);
	}
	const zero = await alice.post('/api/thing', bodyOf('{"title":"x","quantity":-0}'));
	assert.equal(expect(zero, 201).json.data.attributes.quantity, 0);
});

test('E04: U+0000 is refused by every door', async () => {
	const answer = refused(await alice.post('/api/thing',
		bodyOf('{"title":"before\\u0000after"}')), 400, 422);
	assert.match(answer.text, /title|NUL|0000/i);
	refused(await alice.post('/api/thing', bodyOf('{"ti\\u0000tle":"x"}')), 400, 422);
	refused(await alice.post('/api/thing', Buffer.from(
		bodyOf('{"title":"before\0after"}'))), 400);
	refused(await alice.post('/api/thing', Buffer.from(
		`${bodyOf('{"title":"whole"}')}\0`)), 400);
	for (const path of ['/api/thing?filter=a%00b', '/api/thing%00', '/api/thing/%00',
		'/api/thing?sort=title%00', '/api/thing?fi%00lter=a'])
		assert.ok([400, 404].includes((await alice.get(path)).status), path);
	const file = await root.upload('a\u0000b.yaml', 'Tables: []\n');
	refused(file, 400, 422);
	refused(await root.upload('a.yaml', 'Tables: ["\\0"]\0\n'), 400, 422);
});

test('E05: text that is no UTF-8 is refused', async () => {
	const surround = (...bytes) => Buffer.concat([
		Buffer.from('{"data":{"type":"thing","attributes":{"title":"'),
		Buffer.from(bytes), Buffer.from('"}}}')]);
	for (const bytes of [[0xc0, 0x80], [0xe0, 0x80, 0xaf], [0xed, 0xa0, 0x80],
		[0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80], [0xff], [0x80], [0xc3],
		[0xf4, 0x90, 0x80, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80]])
		refused(await alice.post('/api/thing', surround(...bytes)), 400);
	for (const escape of ['\\ud800', '\\udc00', '\\ud800x', '\\ud800\\ud800',
		'\\udc00\\ud800'])
		refused(await alice.post('/api/thing', bodyOf(`{"title":"${escape}"}`)), 400);
	const pair = await alice.post('/api/thing',
		bodyOf('{"title":"\\ud83d\\ude00"}'));
	assert.equal(expect(pair, 201).json.data.attributes.title, '😀');
	refused(await alice.post('/api/thing',
		Buffer.from(bodyOf('{"title":"x"}'), 'utf16le')), 400, 415);
});

test('E05: a byte order mark is accepted or refused, not kept', async () => {
	const answer = await alice.post('/api/thing', Buffer.concat([
		Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(bodyOf('{"title":"bom"}'))]));
	if (answer.status === 201)
		assert.equal(answer.json.data.attributes.title, 'bom');
	else
		refused(answer, 400);
});

test('E06: a body that says it is huge is refused before it comes', async () => {
	const answer = await rawHttp(instance, ['POST /api/thing HTTP/1.1',
		'Host: localhost', `Authorization: Bearer ${alice.token}`,
		`Content-Type: ${JSON_API}`, 'Content-Length: 10737418240'], 'x');
	assert.equal(answer.status, 413);
	assert.ok(JSON.parse(answer.body).errors.length, answer.body);
});

test('E06: a chunked body without end is cut off', async () => {
	const chunk = `${(1 << 20).toString(16)}\r\n${'x'.repeat(1 << 20)}\r\n`;
	const { bytes } = await exchange(instance.port, [
		'POST /api/thing HTTP/1.1\r\nHost: localhost\r\n' +
		`Authorization: Bearer ${alice.token}\r\nContent-Type: ${JSON_API}\r\n` +
		'Transfer-Encoding: chunked\r\n\r\n', ...Array(80).fill(chunk)],
	{ milliseconds: 8000 });
	assert.equal(parseHttp(bytes).status, 413);
});

test('E06: a JSON body over its limit is refused', async () => {
	const answer = await alice.post('/api/thing',
		bodyOf(`{"title":"x","note":"${'y'.repeat(3 << 20)}"}`));
	refused(answer, 413);
});

test('E06: a chunked body within the limits is a body', async () => {
	const body = bodyOf('{"title":"chunked"}');
	const answer = await rawHttp(instance, ['POST /api/thing HTTP/1.1',
		'Host: localhost', `Authorization: Bearer ${alice.token}`,
		`Content-Type: ${JSON_API}`, 'Transfer-Encoding: chunked'],
	`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
	assert.equal(answer.status, 201, answer.body);
});

test('E07: /api takes JSON:API, JSON or no type, and nothing else', async () => {
	const body = bodyOf('{"title":"typed"}');
	for (const type of [JSON_API, 'application/json', `${JSON_API}; charset=utf-8`,
		'application/json;charset=UTF-8', 'APPLICATION/JSON'])
		expect(await alice.post('/api/thing', body, { type }), 201);
	const bare = await rawHttp(instance, ['POST /api/thing HTTP/1.1',
		'Host: localhost', `Authorization: Bearer ${alice.token}`,
		`Content-Length: ${body.length}`], body);
	assert.equal(bare.status, 201, bare.body);
	for (const type of ['text/plain', 'multipart/form-data; boundary=x',
		'application/x-www-form-urlencoded', 'application/json; charset=utf-16',
		'application/jsonx', 'text/json', 'application/xml'])
		refused(await alice.post('/api/thing', body, { type }), 415);
});

test('E07: /action takes JSON, forms, multipart and no type', async () => {
	const guest = new Client(instance);
	const signin = (body, type) => guest.post('/action/user_account/signin', body,
		{ type });
	expect(await signin('email=alice%40example.com&password=correct+horse',
		'application/x-www-form-urlencoded'), 200);
	const part = (name, value) => '--xyz\r\nContent-Disposition: form-data; ' +
		`name="${name}"\r\n\r\n${value}\r\n`;
	expect(await signin(`${part('email', 'alice@example.com')}` +
		`${part('password', 'correct horse')}--xyz--\r\n`,
	'multipart/form-data; boundary=xyz'), 200);
	expect(await signin('{"email":"alice@example.com","password":"correct horse"}',
		'application/json'), 200);
	const empty = await rawHttp(instance, [
		'POST /action/user_account/signin HTTP/1.1', 'Host: localhost',
		'Content-Length: 0']);
	assert.ok([400, 401].includes(empty.status), empty.body);
});

test('E07: a document that is none is refused', async () => {
	for (const body of ['', 'null', '[]', '"x"', '7', 'true', '{"data":null}', '{}',
		'{"data":[]}', '{"data":"x"}', '{"data":{}}', '{"data":{"type":7}}',
		'{"data":{"type":""}}', '{"data":{"type":"thing","attributes":[]}}',
		'{"data":{"type":"thing","attributes":"x"}}',
		'{"data":{"type":"thing","relationships":[]}}',
		'{"data":{"type":"thing","attributes":{"title":"x"},' +
			'"relationships":{"shelf_id":7}}}',
		'{"data":{"type":"thing","attributes":{"title":"x"}}} x',
		'{"data":{"type":"thing","attributes":{"title":"x"}}}{}',
		'{"data":{"type":"thing","attributes":{"title":"x",}}}',
		'{\'data\':1}', '{"data":{"type":"thing"} /* c */}'])
		refused(await alice.post('/api/thing', body), 400, 422);
});

test('E08: broken multipart is refused', async () => {
	const post = (body, type) => alice.post('/action/user_account/signin', body,
		{ type });
	for (const [body, type] of [
		['x', 'multipart/form-data'],
		['x', 'multipart/form-data; boundary='],
		['x', `multipart/form-data; boundary=${'b'.repeat(8000)}`],
		['--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nno end',
			'multipart/form-data; boundary=x'],
		['--x\r\n\r\nno name\r\n--x--\r\n', 'multipart/form-data; boundary=x'],
		['--x\r\nContent-Disposition: form-data; name="email"; name="password"\r\n\r\n' +
			'v\r\n--x--\r\n', 'multipart/form-data; boundary=x'],
		['--x\r\nContent-Disposition: form-data; name="a"\r\n' +
			'Content-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n' +
			'Content-Disposition: form-data; name="email"\r\n\r\nv\r\n--y--\r\n' +
			'--x--\r\n', 'multipart/form-data; boundary=x'],
		['--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nv\r\n--x--\r\n',
			'multipart/form-data; boundary=x; boundary=y'],
	])
		refused(await post(body, type), 400, 401, 413, 415, 422, 431);
	const long = await rawHttp(instance, ['POST /action/user_account/signin HTTP/1.1',
		'Host: localhost', `Content-Type: multipart/form-data; boundary=${'b'.repeat(71680)}`,
		'Content-Length: 0']);
	assert.ok([400, 413, 414, 431].includes(long.status), String(long.status));
	const parts = Array.from({ length: 10000 }, (_, i) =>
		`--x\r\nContent-Disposition: form-data; name="p${i}"\r\n\r\nv\r\n`).join('');
	refused(await post(`${parts}--x--\r\n`, 'multipart/form-data; boundary=x'),
		400, 401, 413);
});

test('E09: YAML that blows up is refused in time', async () => {
	const alias = ['a: &a ["x","x","x","x","x","x","x","x","x"]'];
	for (const [name, of] of [['b', 'a'], ['c', 'b'], ['d', 'c'], ['e', 'd'],
		['f', 'e'], ['g', 'f'], ['h', 'g'], ['i', 'h']])
		alias.push(`${name}: &${name} [${Array(9).fill(`*${of}`).join()}]`);
	for (const text of [alias.join('\n'), 'a: &a [*a]\n', 'Tables: *nowhere\n',
		'!!python/object/apply:os.system ["id"]\n', '['.repeat(100000),
		'a: 1\na: 2\n', `Tables:\n${' '.repeat(10)}- x\n\t- y\n`, '\u0000']) {
		const began = Date.now();
		refused(await root.upload('schema_bomb.yaml', text), 400, 422);
		assert.ok(Date.now() - began < 2000, text.slice(0, 20));
	}
});

test('E10: TOML and HCL are data, nothing is evaluated', async () => {
	for (const [name, text] of [
		['a.toml', 'Tables = 1\n[[Tables]]\n'],
		['b.toml', '[a]\nx=1\n[a]\nx=2\n'],
		['c.toml', `Tables = ${'['.repeat(10000)}\n`],
		['d.hcl', 'Tables {\n  TableName = "${file("/etc/passwd")}"\n}\n'],
		['e.hcl', 'Tables {\n  TableName = "${env.HOME}"\n}\n']]) {
		const answer = refused(await root.upload(name, text), 422);
		assert.doesNotMatch(messages(answer), /root:|\/root/);
	}
});
